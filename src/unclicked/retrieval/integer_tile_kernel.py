"""The compiled preparation of a tile of items as whole numbers of one byte, with one scale a tile.

`vectors`, `order`, `start`, `limit`, `lengths` and `rests` are those of `tile_kernel`; `mean` is
taken from each vector, and `tile` is int8 [C, D]: what is left, divided by the scale and rounded.
A length is that of the vector or of its rounded twin, the larger, or more; a rest what rounding
took away, or more. `words` is memory to work in: int32 [D], and the same as float32.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from unclicked.retrieval.tile_kernel import SLACK, length_of

LARGEST = 127
# Between these, values can be divided by a scale in float32 without leaving its range.
SMALLEST_VALUE, LARGEST_VALUE = 2.0**-100, 2.0**121
# What float32 may add to one quotient of at most 127: two roundings and a difference.
OFF = 2.0**-14
# What float32 sums of squares may lose, as a share: 2^-24 for each of 2^16 values at most.
LOST = 2.0**-7


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc"})
def fill_integer_tile(vectors, order, start, mean, limit, tile, words, lengths, rests):
    """Write the whole numbers of some places of the tie order into a tile, and measure them.

    Returns the first place with a NaN, an infinity or a length that could overflow a score, or -1;
    the length of the longest vector; and the scale.
    """
    bits, values = words
    longest, largest_bits = 0.0, np.int32(0)
    offset = length_of(mean)
    for row in range(len(tile)):
        place = start + row
        own = vectors[order[place] if len(order) else place + 1]
        length = length_of(own)
        if not (length * limit < np.finfo(np.float32).max):
            return place, longest, 1.0
        longest = max(longest, length)
        lengths[row] = length
        for column in range(len(own)):
            values[column] = own[column] - mean[column]
        # Whole numbers are compared many at a time; the bits of sizes are in the order of sizes.
        for column in range(len(own)):
            largest_bits = max(largest_bits, bits[column] & np.int32(0x7FFFFFFF))
    bits[0] = largest_bits
    largest = values[0]
    if not (SMALLEST_VALUE < largest < LARGEST_VALUE):
        # All become zero, and nothing of them is kept.
        for row in range(len(tile)):
            tile[row, :] = 0
            lengths[row] += offset
            rests[row] = lengths[row] * (1.0 + SLACK)
        return -1, longest, 1.0
    scale = np.float64(largest) / LARGEST
    inverse = np.float32(1.0 / scale)
    for row in range(len(tile)):
        place = start + row
        own = vectors[order[place] if len(order) else place + 1]
        slack = SLACK * (lengths[row] + offset)
        lengths[row], lost = _round(own, mean, inverse, scale, tile[row])
        rests[row] = lost + slack
    return -1, longest, scale


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc"})
def _round(own, mean, inverse, scale, out):
    """Write the nearest whole numbers, and measure what is kept and lost."""
    kept, lost = np.float32(0.0), np.float32(0.0)
    for column in range(len(own)):
        value = (own[column] - mean[column]) * inverse
        whole = np.rint(value)
        rest = value - whole
        lost += rest * rest
        kept += whole * whole
        out[column] = np.int8(np.int32(whole))
    away = scale * (np.sqrt(np.float64(lost)) * (1.0 + LOST) + OFF * np.sqrt(len(own)))
    return scale * np.sqrt(np.float64(kept)) * (1.0 + LOST) + away, away
