"""The compiled tables behind `id_codes`: find a value, or give it the next number."""

from __future__ import annotations

import numpy as np
from numba import njit

_ODD = np.uint64(0x9E3779B97F4A7C15)
_PRIME = np.uint64(0x100000001B3)
_BASIS = np.uint64(0xCBF29CE484222325)


@njit(cache=True, nogil=True)
def _mixed(value):
    mixed = np.uint64(value) * _ODD
    return (mixed ^ (mixed >> np.uint64(32))) * _ODD


@njit(cache=True, nogil=True)
def _first_slot(mixed, slots):
    return np.int64((mixed >> np.uint64(20)) & np.uint64(len(slots) - 1))


@njit(cache=True, nogil=True)
def place_integers(keys, size, slots):
    """Put known integers into an empty table."""
    mask = len(slots) - 1
    for code in range(size):
        slot = _first_slot(_mixed(keys[code]), slots)
        while slots[slot] >= 0:
            slot = (slot + 1) & mask
        slots[slot] = code


@njit(cache=True, nogil=True)
def encode_integers(values, keys, size, slots, result):
    """Numbers of integers; how many are known now."""
    mask = len(slots) - 1
    for row in range(len(values)):
        value = values[row]
        slot = _first_slot(_mixed(value), slots)
        code = slots[slot]
        while code >= 0 and keys[code] != value:
            slot = (slot + 1) & mask
            code = slots[slot]
        if code < 0:
            code = size
            keys[size] = value
            slots[slot] = size
            size += 1
        result[row] = code
    return size


@njit(cache=True, nogil=True)
def place_hashes(hashes, size, slots):
    """Put known texts into an empty table."""
    mask = len(slots) - 1
    for code in range(size):
        slot = _first_slot(hashes[code], slots)
        while slots[slot] >= 0:
            slot = (slot + 1) & mask
        slots[slot] = code


@njit(cache=True, nogil=True)
def _hash(text, begin, end):
    found = _BASIS
    for place in range(begin, end):
        found = (found ^ np.uint64(text[place])) * _PRIME
    return _mixed(found)


@njit(cache=True, nogil=True)
def _same(text, begin, end, known, known_begin, known_end):
    if end - begin != known_end - known_begin:
        return False
    for place in range(end - begin):  # noqa: SIM110
        if text[begin + place] != known[known_begin + place]:
            return False
    return True


@njit(cache=True, nogil=True)
def encode_texts(start, text, null, known, size, slots, result):
    """Numbers of texts, -1 for null; how many are known now."""
    hashes, offsets, letters = known
    mask = len(slots) - 1
    for row in range(len(result)):
        if null[row]:
            result[row] = -1
            continue
        begin, end = start[row], start[row + 1]
        hashed = _hash(text, begin, end)
        slot = _first_slot(hashed, slots)
        code = slots[slot]
        while code >= 0:
            if hashes[code] == hashed and _same(
                text, begin, end, letters, offsets[code], offsets[code + 1]
            ):
                break
            slot = (slot + 1) & mask
            code = slots[slot]
        if code < 0:
            code = size
            hashes[size] = hashed
            free = offsets[size]
            for place in range(begin, end):
                letters[free + place - begin] = text[place]
            offsets[size + 1] = free + end - begin
            slots[slot] = size
            size += 1
        result[row] = code
    return size
