"""Have a file of a user decoded by the child process, and trust nothing that comes back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa

from unclicked.data.log_columns import ColumnPlan, plain_type
from unclicked.data.log_files import is_csv
from unclicked.data.raw_file import RawFile
from unclicked.data.reader_limits import GIB, ReadLimits, cpu_seconds
from unclicked.data.reader_process import READER, signal_name
from unclicked.data.schema import BadRow
from unclicked.errors import ArtefactError, ResourceError, UnclickedError, UserError

ERRORS: dict[str, type[UnclickedError]] = {
    "UserError": UserError,
    "ArtefactError": ArtefactError,
    "ResourceError": ResourceError,
}


def column_types(path: Path, limits: ReadLimits) -> dict[str, pa.DataType]:
    """Read the header or schema of a Parquet or CSV file.

    Args:
        path: The file.
        limits: Limits of the child process.

    Returns:
        Name of each column -> its type, in the order of the file.

    Raises:
        UserError: A CSV header that cannot be read, or a name that is there twice.
        ArtefactError: The file is no Parquet, or the decoder crashed on it.
        ResourceError: It needed more memory or time than allowed.
    """
    schema, _ = _ask(path, limits, {}, lambda schema, batch: None)
    return {field.name: field.type for field in schema}


@dataclass(frozen=True)
class FileEnd:
    """What is known of a file once its last row came.

    Attributes:
        num_rows: All rows, those that could not be split included.
        bad: Rows that could not be split into fields, the first ones.
        num_bad: All such rows.
    """

    num_rows: int
    bad: list[BadRow]
    num_bad: int


def read_file(plan: ColumnPlan, limits: ReadLimits) -> RawFile:
    """Read the planned columns of a Parquet or CSV file.

    Args:
        plan: File and columns.
        limits: Limits of the child process, and of what it may hand over.

    Returns:
        The columns as stored.

    Raises:
        UserError: A CSV file whose lines cannot be told apart.
        ArtefactError: A Parquet file that cannot be decoded, or crashed the decoder.
        ResourceError: It needed more memory or time than allowed.
    """
    parts: list[RawFile] = []
    end = stream_file(plan, limits, parts.append)
    parts = parts or [empty_rows(plan)]
    return RawFile(
        plan,
        pa.concat_tables([part.table for part in parts]),
        np.concatenate([part.rows for part in parts]),
        parts[0].row_groups,
        end.num_rows,
        end.bad,
        end.num_bad,
    )


def stream_file(plan: ColumnPlan, limits: ReadLimits, take: Callable[[RawFile], None]) -> FileEnd:
    """Read a file some rows at a time.

    Args:
        plan: File and columns.
        limits: Limits of the child process, and of what it may hand over.
        take: Called with the next rows, which know their places in the file.

    Returns:
        The account of the whole file.

    Raises:
        UserError: A CSV file whose lines cannot be told apart.
        ArtefactError: A Parquet file that cannot be decoded, or crashed the decoder.
        ResourceError: It needed more memory or time than allowed.
    """
    expected, done = _expected(plan), 0

    def part(schema: pa.Schema, batch: pa.RecordBatch) -> None:
        nonlocal done
        if not schema.equals(expected):
            raise ArtefactError(
                "DATA-READER", str(plan.path), "changed while it was read. Read it again."
            )
        take(_rows_of(plan, pa.Table.from_batches([batch], expected), schema, done))
        done += batch.num_rows

    _, account = _ask(plan.path, limits, {"used": dict(plan.used)}, part)
    bad = [BadRow(**row) for row in account["bad"]]
    return FileEnd(done + int(account["num_bad"]), bad, int(account["num_bad"]))


def _expected(plan: ColumnPlan) -> pa.Schema:
    lines = [("", pa.int64())] if is_csv(plan.path) else []
    kinds = [(ours, plain_type(plan.types[name])) for ours, name in plan.used.items()]
    return pa.schema([*lines, *kinds])


def _rows_of(plan: ColumnPlan, table: pa.Table, schema: pa.Schema, done: int) -> RawFile:
    if is_csv(plan.path):
        numbers = np.asarray(table.column(0).to_numpy(), dtype=np.int64)
        return RawFile(plan, table.remove_column(0), numbers, None, table.num_rows)
    numbers = np.arange(done, done + table.num_rows, dtype=np.int64)
    told = json.loads((schema.metadata or {}).get(b"row_groups", b"[]"))
    starts = np.cumsum([0, *told[:-1]], dtype=np.int64)
    return RawFile(plan, table, numbers, starts, table.num_rows)


def empty_rows(plan: ColumnPlan) -> RawFile:
    """No row of a file, with its columns.

    Args:
        plan: File and columns.

    Returns:
        Columns without a row.
    """
    schema = _expected(plan)
    return _rows_of(plan, schema.empty_table(), schema, 0)


Take = Callable[[pa.Schema, pa.RecordBatch], None]


def _ask(
    path: Path, limits: ReadLimits, more: Mapping[str, Any], take: Take
) -> tuple[pa.Schema, dict[str, Any]]:
    """Columns and account of a file; a child that had left is replaced once."""
    size = path.stat().st_size
    memory_bytes = limits.memory_bytes(size)
    request = {
        "path": str(path),
        "cwd": _current_folder(),
        "memory_bytes": memory_bytes,
        "decoded_bytes": limits.decoded_bytes(size),
        "cpu_seconds": cpu_seconds(size),
        **more,
    }
    line = json.dumps(request)
    with READER.lock:
        received = _exchange(path, line, memory_bytes, take)
        received = received or _exchange(path, line, memory_bytes, take)
    if received is None:
        raise _left(path)
    schema, told = received
    if "account" not in told:
        raise _refusal(path, told, memory_bytes)
    return schema, told["account"]


def _exchange(
    path: Path, line: str, memory_bytes: int, take: Take
) -> tuple[pa.Schema, dict[str, Any]] | None:
    """One request and its answer; None where the child had left because nobody asked."""
    taken = 0

    def counted(schema: pa.Schema, batch: pa.RecordBatch) -> None:
        nonlocal taken
        taken += 1
        try:
            take(schema, batch)
        except (MemoryError, OSError, ValueError, pa.ArrowException) as error:
            raise _OfTaker(error) from error

    try:
        return _receive(READER.send(line), counted)
    except _OfTaker as error:
        READER.end(kill=True)
        raise error.error from error.error.__cause__
    except MemoryError:
        READER.end(kill=True)
        raise ResourceError(
            "MEMORY", str(path), "not enough memory for the columns of this file. Use fewer rows."
        ) from None
    except (OSError, ValueError, pa.ArrowException) as error:
        code = READER.end()
        if code == 0 and taken:
            raise _left(path) from error
        if code == 0:
            return None
        raise _death(path, code, memory_bytes) from error
    except BaseException:
        # The rest of an answer must not be taken for the next one.
        READER.end(kill=True)
        raise


class _OfTaker(Exception):
    """An error of whoever took the rows: the child has no part in it."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


def _left(path: Path) -> ArtefactError:
    return ArtefactError("DATA-READER", str(path), "the reader left twice. Try again.")


def _receive(stream: IO[bytes], take: Take) -> tuple[pa.Schema, dict[str, Any]]:
    reader = pa.ipc.open_stream(pa.PythonFile(stream, mode="r"))
    schema = reader.schema
    for batch in reader:
        # Offsets from outside are followed blindly by everything that comes after.
        batch.validate(full=True)
        take(schema, batch)
    return schema, json.loads(stream.readline())


def _current_folder() -> str:
    try:
        return str(Path.cwd())
    except FileNotFoundError:
        return "/"


def _refusal(path: Path, told: Mapping[str, Any], memory_bytes: int) -> Exception:
    if "error" in told:
        kind, name, where, message = told["error"]
        return ERRORS[kind](name, where, message)
    if "memory" in told:
        what = told["memory"] or "this file"
        return _too_little_memory(path, f"reading {what}", memory_bytes)
    return RuntimeError(f"{path}: {told.get('defect')}")


def _death(path: Path, code: int | None, memory_bytes: int) -> UnclickedError:
    how = "nonsense" if code is None else signal_name(code)
    if how == "SIGKILL":
        return _too_little_memory(path, "the system killed the reader, which", memory_bytes)
    if how == "SIGXCPU":
        seconds = cpu_seconds(path.stat().st_size)
        message = f"the reader needed more than {seconds} seconds. Split the file."
        return ResourceError("READER-TIME", str(path), message)
    size = path.stat().st_size
    return ArtefactError(
        "DATA-READER",
        str(path),
        f"the reader crashed on this file of {size} bytes ({how}), expected Parquet or CSV. "
        "Write or copy the file again.",
    )


def _too_little_memory(path: Path, what: str, memory_bytes: int) -> ResourceError:
    gib = memory_bytes / GIB
    return ResourceError(
        "READER-MEMORY",
        str(path),
        f"{what} needed more than {memory_bytes} bytes of memory. If the file is right, set "
        f"data.reader_memory_gib higher than {gib:.1f}.",
    )
