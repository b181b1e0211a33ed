"""Bring the rows of all files into one order and keep one row per user, item and time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from unclicked.data.checks import GoodRows
from unclicked.data.raw_file import IntArray

TAKE_ROWS = 1 << 20
LAST = np.iinfo(np.int64).max


def merge_rows(files: Sequence[GoodRows]) -> tuple[pa.Table, int, int]:
    """Sort by user, time and item and merge rows that agree in all three.

    Of merged rows a click wins, the earliest click time and the smallest session stay, so the
    result depends on no order of files or rows. Text sorts by its UTF-8 bytes.

    Args:
        files: Good rows of each file, ids of one kind in all.

    Returns:
        The table of the log, the number of rows merged away, and the number of keys that were
        there both clicked and unclicked.
    """
    user, users = _ranked([file.user_id for file in files])
    item, items = _ranked([file.item_id for file in files])
    time = np.concatenate([file.timestamp_us for file in files])
    clicked = np.concatenate([file.clicked for file in files])
    order = sort_order(user, time, item)
    user, item, time, clicked = user[order], item[order], time[order], clicked[order]
    new = np.ones(len(order), dtype=np.bool_)
    new[1:] = (user[1:] != user[:-1]) | (time[1:] != time[:-1]) | (item[1:] != item[:-1])
    starts = np.flatnonzero(new)
    any_clicked = np.asarray(_reduce(np.logical_or, clicked, starts), dtype=np.bool_)
    all_clicked = np.asarray(_reduce(np.logical_and, clicked, starts), dtype=np.bool_)
    conflicts = int(np.count_nonzero(any_clicked & ~all_clicked))
    columns = {
        "user_id": _unranked(user[starts], users),
        "item_id": _unranked(item[starts], items),
        "timestamp_us": pa.chunked_array([pa.array(time[starts])]),
        "clicked": pa.chunked_array([pa.array(any_clicked)]),
    }
    if any(file.clicked_at_us is not None for file in files):
        times = [_or_nulls(file.clicked_at_us, file, pa.int64()).fill_null(LAST) for file in files]
        first = _smallest(np.concatenate(times)[order], starts)
        columns["clicked_at_us"] = pa.chunked_array([pa.array(first, mask=first == LAST)])
    if any(file.session_id is not None for file in files):
        rank, sessions = _ranked([_or_nulls(f.session_id, f, pa.string()) for f in files])
        columns["session_id"] = _unranked(_smallest(rank[order], starts), sessions)
    return pa.table(columns), len(order) - len(starts), conflicts


def sort_order(user: IntArray, time: IntArray, item: IntArray) -> IntArray:
    """Positions that sort rows by user, time and item.

    User and time share one 64-bit key where they fit, which sorts several times faster than
    three keys; only rows that tie there are then sorted by item.

    Args:
        user: int64 [n].
        time: int64 [n].
        item: int64 [n].

    Returns:
        int64 [n], a permutation; rows that agree in all three stand in any order.

    Example:
        >>> sort_order(np.array([2, 1, 1]), np.array([0, 5, 5]), np.array([0, 9, 3])).tolist()
        [2, 1, 0]
    """
    if len(user) == 0:
        return np.empty(0, dtype=np.int64)
    if _span(user) > len(user):
        user = np.unique(user, return_inverse=True)[1].astype(np.int64)
    time = _whole_units(time)
    users, times = _span(user), _span(time)
    if users * times >= LAST:
        return np.lexsort((item, time, user)).astype(np.int64)
    key = (user - user.min()) * times + (time - time.min())
    order = np.argsort(key).astype(np.int64)
    key = key[order]
    tied = np.zeros(len(key), dtype=np.bool_)
    tied[1:] = key[1:] == key[:-1]
    tied[:-1] |= tied[1:]
    places = np.flatnonzero(tied)
    rows = order[places]
    order[places] = rows[np.lexsort((item[rows], key[places]))]
    return order


def _whole_units(time: IntArray) -> IntArray:
    """Times in seconds or milliseconds where nothing is finer, so that the key stays short."""
    for scale in (1_000_000, 1_000):
        if not (time % scale).any():
            return time // scale
    return time


def _span(values: IntArray) -> int:
    return int(values.max()) - int(values.min()) + 1


def _reduce(
    function: np.ufunc, values: NDArray[np.generic], starts: IntArray
) -> NDArray[np.generic]:
    if len(starts) == len(values):
        return values
    return np.asarray(function.reduceat(values, starts))


def _smallest(values: IntArray, starts: IntArray) -> IntArray:
    return np.asarray(_reduce(np.minimum, values, starts), dtype=np.int64)


def _or_nulls(
    column: pa.ChunkedArray | pa.Array | None, file: GoodRows, kind: pa.DataType
) -> pa.ChunkedArray | pa.Array:
    return pa.nulls(len(file.clicked), kind) if column is None else column


def _ranked(parts: Sequence[pa.ChunkedArray]) -> tuple[IntArray, pa.Array | None]:
    """Numbers that sort like the values, and the sorted texts where the values are text."""
    chunks = [c for part in parts for c in getattr(part, "chunks", [part])]
    column = pa.chunked_array(chunks, type=parts[0].type)
    if column.type == pa.int64():
        return np.asarray(column.to_numpy()), None
    coded = pc.dictionary_encode(column).unify_dictionaries()
    texts = coded.chunk(0).dictionary if coded.num_chunks else pa.array([], pa.string())
    by_bytes = np.asarray(pc.sort_indices(texts.cast(pa.binary())).to_numpy()).astype(np.int64)
    rank = np.full(len(texts) + 1, len(texts), dtype=np.int64)
    rank[by_bytes] = np.arange(len(texts))
    codes = [chunk.indices.fill_null(len(texts)).to_numpy() for chunk in coded.chunks]
    joined = np.concatenate([*codes, np.empty(0, dtype=np.int32)])
    return rank[joined], texts.take(pa.array(by_bytes))


def _unranked(ranks: IntArray, texts: pa.Array | None) -> pa.ChunkedArray:
    """The values behind ranks, in chunks small enough for 32-bit text offsets."""
    if texts is None:
        return pa.chunked_array([pa.array(ranks)])
    chunks = []
    for start in range(0, len(ranks), TAKE_ROWS):
        part = ranks[start : start + TAKE_ROWS]
        chunks.append(texts.take(pa.array(part, mask=part == len(texts))))
    return pa.chunked_array(chunks, type=pa.string())
