"""The child process that decodes files of users and hands their columns to its parent."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from unclicked.data import reader_limits
from unclicked.data.log_columns import ColumnPlan
from unclicked.data.raw_file import Account
from unclicked.data.read_csv import csv_types, read_csv
from unclicked.data.read_parquet import parquet_types, read_parquet
from unclicked.errors import UnclickedError

IDLE_SECONDS = 30.0
MAX_THREADS = 4


def main() -> None:
    """Answer requests on stdin until they end or nobody asks for a while."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Threads reserve address space each, and that is what is limited.
    pa.set_cpu_count(min(MAX_THREADS, pa.cpu_count()))
    pa.set_io_thread_count(MAX_THREADS)
    replies = os.fdopen(os.dup(1), "wb")
    # Whatever a library prints must not get among the replies.
    os.dup2(2, 1)
    while select.select([sys.stdin], [], [], IDLE_SECONDS)[0]:
        line = sys.stdin.buffer.readline()
        if not line or not answer(json.loads(line), replies):
            return


def answer(request: Mapping[str, Any], replies: BinaryIO) -> bool:
    """Read one file and write its columns as an Arrow stream, then one line of JSON.

    Args:
        request: `path`, the current folder `cwd`, the limits, and `used`: our names -> names in
            the file; without `used` only the schema is told.
        replies: Where the answer goes. The line holds `account`, or `error` of the file, or
            `memory` with the place where it ran out, or `defect`.

    Returns:
        Whether this process is fit for another file.
    """
    account = Account()
    stream = _Stream(replies, account)
    try:
        told = _read(request, stream, account)
    except UnclickedError as error:
        kind, parts = type(error).__name__, (error.name, error.where, error.message)
        told = {"error": [kind, *parts]}
    except MemoryError as error:
        told = {"memory": str(error)[:80]}
    except BrokenPipeError:
        return False
    except OSError as error:
        reason = f"cannot be read ({error.strerror or error}). Check the path."
        told = {"error": ["UserError", "DATA-FILE", request["path"], reason]}
    except Exception as error:
        told = {"defect": f"{type(error).__name__}: {error}"}
    stream.close()
    replies.write(json.dumps(told).encode() + b"\n")
    replies.flush()
    os.chdir("/")
    return "memory" not in told


def _read(request: Mapping[str, Any], stream: _Stream, account: Account) -> dict[str, Any]:
    reader_limits.apply(request["memory_bytes"], request["cpu_seconds"])
    os.chdir(request["cwd"])
    for table in _tables(request, account):
        stream.write(table)
    return {"account": asdict(account)}


class _Stream:
    """An Arrow stream that takes its schema from the first table."""

    def __init__(self, replies: BinaryIO, account: Account) -> None:
        self._replies, self._account = replies, account
        self._writer: pa.ipc.RecordBatchStreamWriter | None = None

    def write(self, table: pa.Table) -> None:
        if self._writer is None:
            # Told before the rows, which are named by their row group while they come.
            facts = {"row_groups": json.dumps(self._account.row_groups)}
            self._writer = pa.ipc.new_stream(self._replies, table.schema.with_metadata(facts))
        self._writer.write_table(table)

    def close(self) -> None:
        """End the stream; without any table it has no column."""
        if self._writer is None:
            self._writer = pa.ipc.new_stream(self._replies, pa.schema([]))
        self._writer.close()


def _tables(request: Mapping[str, Any], account: Account) -> Iterator[pa.Table]:
    path = Path(request["path"])
    parquet = path.suffix.lower() == ".parquet"
    types = parquet_types(path) if parquet else csv_types(path)
    used = request.get("used")
    if used is None:
        yield pa.schema(list(types.items())).empty_table()
        return
    plan = ColumnPlan(path, types, used)
    if parquet:
        yield from read_parquet(plan, account, request["decoded_bytes"])
    else:
        yield from read_csv(plan, account)
