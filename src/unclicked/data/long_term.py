"""Long-term clicks: distinct values, the last clicked kept, ascending by last click (SDM 3.1)."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@njit(cache=True, nogil=True)
def _walk(start, end, items, offsets, codes, limit, stamp, mark, found):
    """Distinct values of clicks [start, end), newest first; how many were found."""
    kept = 0
    for index in range(end - 1, start - 1, -1):
        item = items[index]
        for place in range(offsets[item + 1] - 1, offsets[item] - 1, -1):
            value = codes[place]
            if value != 0 and stamp[value] != mark:
                stamp[value] = mark
                found[kept] = value
                kept += 1
                if kept == limit:
                    return kept
    return kept


@njit(cache=True, nogil=True)
def _fill(starts, ends, items, offsets, codes, limit, num_values, result):
    stamp = np.full(num_values + 2, -1, dtype=np.int64)
    found = np.empty(limit, dtype=np.int64)
    for row in range(len(starts)):
        kept = _walk(starts[row], ends[row], items, offsets, codes, limit, stamp, row, found)
        for index in range(kept):
            result[row, index] = found[kept - 1 - index]


@njit(cache=True, nogil=True)
def _lengths(starts, ends, items, limit, num_items):
    stamp = np.full(num_items + 2, -1, dtype=np.int64)
    result = np.zeros(len(starts), dtype=np.int64)
    for row in range(len(starts)):
        for index in range(ends[row] - 1, starts[row] - 1, -1):
            if stamp[items[index]] != row:
                stamp[items[index]] = row
                result[row] += 1
                if result[row] == limit:
                    break
    return result


def distinct_values(
    starts: Ints,
    ends: Ints,
    items: NDArray[np.int32],
    offsets: Ints,
    codes: NDArray[np.int32],
    limit: int,
    num_values: int,
) -> Ints:
    """Long-term values of one field for several samples.

    Args:
        starts: int64 [B], first long-term click of each sample.
        ends: int64 [B], end of its long-term clicks.
        items: int32 [C], item index of every click.
        offsets: int64 [V + 3], where each item's values begin, from item 0 on.
        codes: int32, value numbers; 0 is no value.
        limit: Values kept at most; the last clicked ones.
        num_values: Largest value number.

    Returns:
        int64 [B, M], value numbers, ascending by last click, 0 where there are fewer; M >= 1.

    Example:
        >>> clicks = np.array([1, 2, 1], dtype=np.int32)
        >>> offsets = np.array([0, 0, 1, 2, 3])
        >>> brand = np.array([7, 8, 9], dtype=np.int32)
        >>> one = distinct_values(
        ...     np.array([0]), np.array([3]), clicks, offsets, brand, 5, 9)
        >>> one.tolist()
        [[8, 7]]
    """
    result = np.zeros((len(starts), limit), dtype=np.int64)
    _fill(starts, ends, items, offsets, codes, limit, num_values, result)
    longest = max(int((result != 0).sum(axis=1).max(initial=0)), 1)
    return result[:, :longest]


def distinct_lengths(
    starts: Ints, ends: Ints, items: NDArray[np.int32], num_items: int, limit: int
) -> Ints:
    """Number of distinct long-term items of each sample.

    Args:
        starts: int64 [S], first long-term click.
        ends: int64 [S], end of the long-term clicks.
        items: int32 [C], item index of every click.
        num_items: V.
        limit: Largest number counted.

    Returns:
        int64 [S].
    """
    lengths: Ints = _lengths(starts, ends, items, limit, num_items)
    return lengths
