"""Have a file of a user decoded by the child process, and trust nothing that comes back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa

from unclicked.data.log_columns import ColumnPlan, plain_type
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
    schema, _, _ = _ask(path, limits, {})
    return {field.name: field.type for field in schema}


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
    schema, batches, account = _ask(plan.path, limits, {"used": dict(plan.used)})
    groups = account["row_groups"]
    lines = [] if groups is not None else [("", pa.int64())]
    kinds = [(ours, plain_type(plan.types[name])) for ours, name in plan.used.items()]
    expected = pa.schema([*lines, *kinds])
    if batches and not schema.equals(expected):
        raise ArtefactError(
            "DATA-READER", str(plan.path), "changed while it was read. Read it again."
        )
    table = pa.Table.from_batches(batches, expected)
    if groups is None:
        numbers = np.asarray(table.column(0).to_numpy(), dtype=np.int64)
        table = table.remove_column(0)
    else:
        numbers = np.arange(table.num_rows, dtype=np.int64)
    starts = None if groups is None else np.cumsum([0, *groups[:-1]], dtype=np.int64)
    bad = [BadRow(**row) for row in account["bad"]]
    num_bad = int(account["num_bad"])
    return RawFile(plan, table, numbers, starts, table.num_rows + num_bad, bad, num_bad)


Received = tuple[pa.Schema, list[pa.RecordBatch], dict[str, Any]]


def _ask(path: Path, limits: ReadLimits, more: Mapping[str, Any]) -> Received:
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
        received = _exchange(path, line, memory_bytes) or _exchange(path, line, memory_bytes)
    if received is None:
        raise ArtefactError("DATA-READER", str(path), "the reader left twice. Try again.")
    schema, batches, told = received
    if "account" not in told:
        raise _refusal(path, told, memory_bytes)
    return schema, batches, told["account"]


def _exchange(path: Path, line: str, memory_bytes: int) -> Received | None:
    """One request and its answer; None where the child had left because nobody asked."""
    try:
        return _receive(READER.send(line))
    except MemoryError:
        READER.end(kill=True)
        raise ResourceError(
            "MEMORY", str(path), "not enough memory for the columns of this file. Use fewer rows."
        ) from None
    except (OSError, ValueError, pa.ArrowException) as error:
        code = READER.end()
        if code == 0:
            return None
        raise _death(path, code, memory_bytes) from error
    except BaseException:
        # The rest of an answer must not be taken for the next one.
        READER.end(kill=True)
        raise


def _receive(stream: IO[bytes]) -> Received:
    reader = pa.ipc.open_stream(pa.PythonFile(stream, mode="r"))
    batches = list(reader)
    for batch in batches:
        # Offsets from outside are followed blindly by everything that comes after.
        batch.validate(full=True)
    return reader.schema, batches, json.loads(stream.readline())


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
