"""Read the planned columns of a Parquet file, whatever state the file is in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from unclicked.data.log_columns import ColumnPlan, plain_type
from unclicked.data.raw_file import Account
from unclicked.errors import ArtefactError, ResourceError, UserError

DECODE_ERRORS = (pa.ArrowException, OSError, ValueError, OverflowError)
BATCH_ROWS = 1 << 17


def parquet_types(path: Path) -> dict[str, pa.DataType]:
    """Read the schema of a Parquet file.

    Args:
        path: A Parquet file.

    Returns:
        Name of each top-level column -> its type.

    Raises:
        ArtefactError: The file is truncated or no Parquet.
        UserError: A column name is there twice.
    """
    with _opened(path, "its schema") as file, _decoding(path, "its schema"):
        fields = [(field.name, field.type) for field in file.schema_arrow]
    types: dict[str, pa.DataType] = {}
    for name, kind in fields:
        if name in types:
            raise UserError("DATA-COLUMN", str(path), f'found the column "{name}" twice.')
        types[name] = kind
    return types


def read_parquet(plan: ColumnPlan, account: Account, most_bytes: int) -> Iterator[pa.Table]:
    """Read the planned columns, page checksums verified where the file has them.

    What the footer claims is weighed before any row is decoded, and what was decoded while it
    is read, so that a small file cannot fill the memory.

    Args:
        plan: File and columns.
        account: Takes the rows of each row group.
        most_bytes: Bytes that the decoded columns may have.

    Yields:
        The next rows, under our names and of plain types.

    Raises:
        ArtefactError: A row group cannot be decoded, or a text is not UTF-8.
        ResourceError: The columns are larger than allowed.
    """
    wanted = list(dict.fromkeys(plan.used.values()))
    decoded = 0
    with _opened(plan.path, "its footer") as file:
        with _decoding(plan.path, "its footer"):
            sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
            _weigh(plan, file, sizes, most_bytes)
        account.row_groups = sizes
        for group, num_rows in enumerate(sizes):
            where, found = f"row group {group}", 0
            with _decoding(plan.path, where):
                for batch in file.iter_batches(BATCH_ROWS, row_groups=[group], columns=wanted):
                    table = _plain(batch, plan)
                    found, decoded = found + table.num_rows, decoded + table.nbytes
                    if decoded > most_bytes:
                        raise _too_large(plan.path, f"{where} decodes to", decoded, most_bytes)
                    yield table
            if found != num_rows:
                raise _broken(plan.path, where, f"{found} rows instead of {num_rows}")


def _plain(batch: pa.RecordBatch, plan: ColumnPlan) -> pa.Table:
    """Text as `string` and dictionaries as their values; other types as they are."""
    batch.validate(full=True)
    table = pa.Table.from_batches([batch])
    columns = [table.column(name) for name in plan.used.values()]
    plain = [column.cast(plain_type(column.type)) for column in columns]
    return pa.table(plain, names=list(plan.used))


def _weigh(plan: ColumnPlan, file: pq.ParquetFile, sizes: list[int], most_bytes: int) -> None:
    """Refuse a file whose footer claims more than it may hold."""
    num_rows = sum(sizes)
    if min(sizes, default=0) < 0 or num_rows != file.metadata.num_rows:
        raise _broken(
            plan.path, "its footer", f"{file.metadata.num_rows} rows, {num_rows} in row groups"
        )
    names = set(plan.used.values())
    width = sum(_least_bytes(plan.types[name]) for name in names)
    claimed = int(num_rows * width)
    if claimed > most_bytes:
        raise _too_large(
            plan.path, f"the footer claims {num_rows} rows, at least", claimed, most_bytes
        )
    stored = 0
    for group in range(len(sizes)):
        chunks = file.metadata.row_group(group)
        for place in range(chunks.num_columns):
            chunk = chunks.column(place)
            path = chunk.path_in_schema
            if path in names or path.split(".")[0] in names:
                stored += max(0, chunk.total_uncompressed_size)
    if stored > most_bytes:
        raise _too_large(plan.path, "the footer claims", stored, most_bytes)


def _least_bytes(kind: pa.DataType) -> float:
    """Bytes that a value takes at least when decoded."""
    plain = plain_type(kind)
    try:
        return float(plain.bit_width) / 8
    except ValueError:
        return 0.0 if pa.types.is_null(plain) else 4.0


@contextmanager
def _opened(path: Path, what: str) -> Iterator[pq.ParquetFile]:
    with _decoding(path, what):
        file = pq.ParquetFile(path, page_checksum_verification=True)
    with file:
        yield file


@contextmanager
def _decoding(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except MemoryError:
        raise MemoryError(what) from None
    except DECODE_ERRORS as error:
        raise _broken(path, what, str(error).split("\n")[0][:160]) from error


def _broken(path: Path, what: str, found: str) -> ArtefactError:
    size = path.stat().st_size
    return ArtefactError(
        "DATA-PARQUET",
        str(path),
        f"cannot decode {what}; found {size} bytes ({found}), expected Parquet. "
        "Write or copy the file again.",
    )


def _too_large(path: Path, what: str, found: int, most_bytes: int) -> ResourceError:
    size = path.stat().st_size
    return ResourceError(
        "DATA-EXPANSION",
        str(path),
        f"{what} {found} bytes, {found // max(size, 1)} times this file of {size} bytes; expected "
        f"at most {most_bytes}. Set data.max_expansion higher if the file is right.",
    )
