"""The compiled preparation of a tile of items: gathered, rounded, and measured for the bounds.

`vectors` is float32 [V + 1, D]; `order` int64 [V], the item at each place of the tie order, empty
where that is the place plus one; `start` the first place; `mean` float32 [D], taken from each
vector where the tile is bfloat16; `limit` the length of the longest user vector. Written are
`tile` [C, D], float32 or int16 for the bits of bfloat16; `lengths` float64 [C], how long a vector
is, rounded or not; `rests` float64 [C], how long what rounding took away is. `words` is memory to
work in: int32 [D], the same as float32, and float32 [D].
"""

from __future__ import annotations

import numpy as np
from numba import njit

# What float64 sums and the last rounding to float32 may add, next to the length of a vector.
SLACK = 2.0**-22


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc"})
def fill_tile(vectors, order, start, mean, limit, tile, words, lengths, rests):
    """Copy the vectors of some places of the tie order into a tile, and measure them.

    Returns the first place with a NaN, an infinity or a length that could overflow a score, or -1;
    and the length of the longest vector.
    """
    most = 0.0
    offset = length_of(mean)
    for row in range(len(tile)):
        place = start + row
        own = vectors[order[place] if len(order) else place + 1]
        length = length_of(own)
        if not (length * limit < np.finfo(np.float32).max):
            return place, most
        most = max(most, length)
        if tile.itemsize == 2:
            lengths[row], rests[row] = _round(own, mean, tile[row], *words)
        else:
            out = tile[row]
            for column in range(len(own)):
                out[column] = own[column]
            lengths[row], rests[row] = length, 0.0
        rests[row] += SLACK * (length + offset)
    return -1, most


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc"})
def length_of(vector):
    """Euclidean length of a vector, in float64."""
    total = 0.0
    for column in range(len(vector)):
        value = np.float64(vector[column])
        total += value * value
    return np.sqrt(total)


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc"})
def _round(own, mean, out, bits, values, exact):
    """Write the nearest bfloat16 values, ties to even, and measure what is kept and lost."""
    for column in range(len(own)):
        exact[column] = values[column] = own[column] - mean[column]
    for column in range(len(own)):
        half = (bits[column] + np.int32(0x7FFF) + ((bits[column] >> 16) & np.int32(1))) >> 16
        out[column] = np.int16(half)
        bits[column] = np.int32(half << 16)
    kept, lost = 0.0, 0.0
    for column in range(len(own)):
        value, rest = np.float64(values[column]), np.float64(exact[column] - values[column])
        kept += value * value
        lost += rest * rest
    lost = np.sqrt(lost)
    return np.sqrt(kept) + lost, lost
