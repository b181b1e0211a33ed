"""Number ids as they come, in memory that grows with the distinct ones alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from unclicked.data import id_codes_kernel as kernel

Ints = NDArray[np.int64]
Codes = NDArray[np.int32]
FIRST_SLOTS = 1 << 12


@dataclass(frozen=True)
class SortedIds:
    """Distinct ids in order.

    Attributes:
        ids: int64 or string array [n], ascending, text by its UTF-8 bytes.
        rank: int32 [n], place in that order of each number that was given.
    """

    ids: pa.Array
    rank: Codes


class IdCodes:
    """Numbers for the distinct values of a column, from 0 in the order in which they come.

    Args:
        kind: int64 or string.

    Example:
        >>> codes = IdCodes(pa.string())
        >>> codes.encode(pa.chunked_array([["b", "a", None]])).tolist()
        [0, 1, -1]
        >>> codes.encode(pa.chunked_array([["c", "a"]])).tolist()
        [2, 1]
        >>> codes.in_order().ids.to_pylist(), codes.in_order().rank.tolist()
        (['a', 'b', 'c'], [1, 0, 2])
    """

    def __init__(self, kind: pa.DataType) -> None:
        self._table: _Integers | _Texts = _Integers() if kind == pa.int64() else _Texts()

    def __len__(self) -> int:
        return self._table.size

    def encode(self, values: pa.ChunkedArray) -> Codes:
        """Numbers of values; new values get new ones.

        Args:
            values: Column [n] of the kind.

        Returns:
            int32 [n]; -1 for null.
        """
        parts = [self._table.encode(chunk) for chunk in values.chunks if len(chunk)]
        return parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, np.int32), *parts])

    def in_order(self) -> SortedIds:
        """The distinct values in order, and where each number stands.

        Returns:
            Both.
        """
        ids = self._table.values()
        plain = ids.cast(pa.binary()) if ids.type == pa.string() else ids
        order = np.asarray(pc.sort_indices(plain).to_numpy()).astype(np.int64)
        rank = np.empty(len(order), dtype=np.int32)
        rank[order] = np.arange(len(order), dtype=np.int32)
        return SortedIds(ids.take(pa.array(order)), rank)


class _Integers:
    """A table of integers with open addressing."""

    def __init__(self) -> None:
        self.size = 0
        self._slots = np.full(FIRST_SLOTS, -1, dtype=np.int32)
        self._keys = np.empty(FIRST_SLOTS, dtype=np.int64)

    def encode(self, values: pa.Array) -> Codes:
        numbers = np.asarray(values.to_numpy())
        self._keys = _room(self._keys, self.size, len(numbers))
        if 2 * (self.size + len(numbers)) > len(self._slots):
            self._slots = _slots(self.size + len(numbers))
            kernel.place_integers(self._keys, self.size, self._slots)
        result = np.empty(len(numbers), dtype=np.int32)
        self.size = kernel.encode_integers(numbers, self._keys, self.size, self._slots, result)
        return result

    def values(self) -> pa.Array:
        return pa.array(self._keys[: self.size])


class _Texts:
    """A table of texts with open addressing; texts lie one after the other."""

    def __init__(self) -> None:
        self.size = 0
        self._slots = np.full(FIRST_SLOTS, -1, dtype=np.int32)
        self._hashes = np.empty(FIRST_SLOTS, dtype=np.uint64)
        self._offsets = np.zeros(FIRST_SLOTS + 1, dtype=np.int64)
        self._bytes = np.empty(16 * FIRST_SLOTS, dtype=np.uint8)

    def encode(self, values: pa.Array) -> Codes:
        count, (_, offsets, data) = len(values), values.buffers()
        start = np.frombuffer(offsets, np.int32)[values.offset : values.offset + count + 1]
        text = np.frombuffer(data if data is not None else b"", np.uint8)
        null = np.asarray(pc.is_null(values).to_numpy(zero_copy_only=False))
        self._hashes = _room(self._hashes, self.size, count)
        self._offsets = _room(self._offsets, self.size + 1, count)
        self._bytes = _room(self._bytes, int(self._offsets[self.size]), int(start[-1] - start[0]))
        if 2 * (self.size + count) > len(self._slots):
            self._slots = _slots(self.size + count)
            kernel.place_hashes(self._hashes, self.size, self._slots)
        result = np.empty(count, dtype=np.int32)
        known = self._hashes, self._offsets, self._bytes
        self.size = kernel.encode_texts(start, text, null, known, self.size, self._slots, result)
        return result

    def values(self) -> pa.Array:
        # A large string first: texts of more than 2 GiB are refused by the cast and not cut.
        offsets = self._offsets[: self.size + 1].copy()
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(self._bytes)]
        return pa.LargeStringArray.from_buffers(self.size, buffers[1], buffers[2]).cast(pa.string())


def _room(array: NDArray[Any], used: int, more: int) -> NDArray[Any]:
    """The array, or a larger copy where it has too little room."""
    if used + more <= len(array):
        return array
    larger = np.empty(max(used + more, len(array) + len(array) // 2), dtype=array.dtype)
    larger[:used] = array[:used]
    return larger


def _slots(values: int) -> Codes:
    return np.full(1 << int(2 * values).bit_length(), -1, dtype=np.int32)
