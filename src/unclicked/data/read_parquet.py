"""Read the planned columns of a Parquet file, whatever state the file is in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from unclicked.data.log_columns import ColumnPlan, is_text
from unclicked.data.raw_file import RawFile
from unclicked.errors import ArtefactError, UserError

DECODE_ERRORS = (pa.ArrowException, OSError, ValueError, MemoryError, OverflowError)


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
    with _decoding(path, "its schema"), _open(path) as file:
        schema = file.schema_arrow
    for name in schema.names:
        if schema.names.count(name) > 1:
            raise UserError("DATA-COLUMN", str(path), f'found the column "{name}" twice.')
    return {name: schema.field(name).type for name in schema.names}


def read_parquet(plan: ColumnPlan) -> RawFile:
    """Read the planned columns, page checksums verified where the file has them.

    Args:
        plan: File and columns.

    Returns:
        Rows numbered from 0, with the first row of each row group.

    Raises:
        ArtefactError: A row group cannot be decoded, or a text is not UTF-8.
    """
    wanted = list(dict.fromkeys(plan.used.values()))
    tables: list[pa.Table] = []
    with _decoding(plan.path, "its footer"), _open(plan.path) as file:
        sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
        for group, num_rows in enumerate(sizes):
            where = f"row group {group}"
            with _decoding(plan.path, where):
                table = file.read_row_group(group, columns=wanted).select(wanted)
                table.validate(full=True)
            if table.num_rows != num_rows:
                raise _broken(plan.path, where, f"{table.num_rows} rows instead of {num_rows}")
            tables.append(table)
    if not tables:
        tables = [pa.schema([(name, plan.types[name]) for name in wanted]).empty_table()]
    table = pa.concat_tables(tables)
    with _decoding(plan.path, "its columns"):
        columns = {ours: _plain(table.column(name)) for ours, name in plan.used.items()}
    starts = np.cumsum([0, *sizes[:-1]], dtype=np.int64)
    rows = np.arange(table.num_rows, dtype=np.int64)
    return RawFile(plan, pa.table(columns), rows, starts, table.num_rows)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Text as `string` and dictionaries as their values; other types as they are."""
    if is_text(column.type):
        return column.cast(pa.string())
    if pa.types.is_dictionary(column.type):
        return column.cast(column.type.value_type)
    return column


def _open(path: Path) -> pq.ParquetFile:
    return pq.ParquetFile(path, page_checksum_verification=True)


@contextmanager
def _decoding(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except DECODE_ERRORS as error:
        raise _broken(path, what, str(error).split("\n")[0][:160]) from error


def _broken(path: Path, what: str, found: str) -> ArtefactError:
    size = path.stat().st_size
    return ArtefactError(
        "DATA-PARQUET",
        str(path),
        f"cannot decode {what} of this file of {size} bytes ({found}), expected Parquet. "
        "Write or copy the file again.",
    )
