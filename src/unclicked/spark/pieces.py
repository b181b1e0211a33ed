"""What the rules made of some users, in pieces that fit through Spark."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from unclicked.data.card_log import LogCounts
from unclicked.data.sample_files import NARROW, SAMPLE_ARRAYS
from unclicked.data.samples import Samples

DDL = "name string, data binary"
SCHEMA = pa.schema([("name", pa.string()), ("data", pa.binary())])
# Spark holds a value in memory several times over, and 2 GiB is the most that it takes.
CHUNK_BYTES = 1 << 22
# The last piece of a block holds its counts.
COUNTS, USERS, LOG = "counts", "users", "log"
CLICKS = "click_item"


@dataclass(frozen=True)
class Block:
    """Whole users who follow one another.

    Attributes:
        users: Their ids, ascending.
        log: Their rows of the checked log.
        click_item: int32 [clicks], item index, user by user in order of time.
        splits: Samples of each split; users and clicks count from the first of this block.
        counts: What is counted of the rows.
    """

    users: pa.Array
    log: pa.Table
    click_item: NDArray[np.int32]
    splits: dict[str, Samples]
    counts: LogCounts


def pieces_of(block: Block) -> Iterator[tuple[str, bytes]]:
    """Cut a block into pieces.

    Args:
        block: The block.

    Yields:
        Name and bytes of each piece, in order; the last one is `COUNTS`.
    """
    yield from _table_pieces(USERS, pa.table({"value": block.users}))
    yield from _table_pieces(LOG, block.log)
    yield from _array_pieces(CLICKS, block.click_item, np.int32)
    for split, samples in block.splits.items():
        for name in SAMPLE_ARRAYS:
            yield from _array_pieces(f"{split}/{name}", getattr(samples, name), _dtype(name))
    rows = {name: np.asarray(value).tolist() for name, value in vars(block.counts).items()}
    splits = {split: samples.counts for split, samples in block.splits.items()}
    yield COUNTS, json.dumps({"rows": rows, "splits": splits}).encode()


def blocks_of(pieces: Iterable[tuple[str, bytes]]) -> Iterator[Block]:
    """Put blocks together again.

    Args:
        pieces: Pieces of blocks, one block after another.

    Yields:
        The blocks.
    """
    found: dict[str, list[bytes]] = defaultdict(list)
    for name, data in pieces:
        if name != COUNTS:
            found[name].append(data)
            continue
        counts = json.loads(data)
        splits = {
            split: Samples(
                **{one: _array(found, f"{split}/{one}", _dtype(one)) for one in SAMPLE_ARRAYS},
                counts=told,
            )
            for split, told in counts["splits"].items()
        }
        yield Block(
            users=_table(found.pop(USERS))["value"].combine_chunks(),
            log=_table(found.pop(LOG)),
            click_item=_array(found, CLICKS, np.int32),
            splits=splits,
            counts=_log_counts(counts["rows"]),
        )


def _log_counts(rows: dict[str, Any]) -> LogCounts:
    lists = {name: np.array(value) for name, value in rows.items() if isinstance(value, list)}
    counts: dict[str, Any] = {**rows, **lists}
    return LogCounts(**counts)


def _dtype(name: str) -> type[np.generic]:
    return np.int32 if name in NARROW else np.int64


def _array_pieces(
    name: str, values: NDArray[Any], dtype: type[np.generic]
) -> Iterator[tuple[str, bytes]]:
    step = CHUNK_BYTES // np.dtype(dtype).itemsize
    for begin in range(0, len(values), step):
        yield name, values[begin : begin + step].astype(dtype, copy=False).tobytes()


def _table_pieces(name: str, table: pa.Table) -> Iterator[tuple[str, bytes]]:
    step = max(1, table.num_rows * CHUNK_BYTES // max(table.nbytes, 1))
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    for begin in range(0, table.num_rows, step):
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
            writer.write_table(table.slice(begin, step))
        yield name, sink.getvalue().to_pybytes()


def _array(found: dict[str, list[bytes]], name: str, dtype: type[np.generic]) -> NDArray[Any]:
    return np.frombuffer(b"".join(found.pop(name, [])), dtype=dtype)


def _table(parts: list[bytes]) -> pa.Table:
    tables = []
    for data in parts:
        with pa.ipc.open_stream(data) as reader:
            tables.append(reader.read_all())
    return pa.concat_tables(tables)
