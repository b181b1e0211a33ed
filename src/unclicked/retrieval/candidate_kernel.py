"""The compiled filter: which items of a tile of products may belong to a user's list.

`tile` is int32 or int16 [B, C], the bits of float32 or bfloat16; its first column is at the place
`start` of the tie order and its first row is number `first`. `bounds`: float64 [U, 3] as from
`bounds.user_terms`, and the share of a product that storing it may take. `measured`: lengths and
rests of the items, float64 [C] each, and the largest of each. `exclude`: int64 places; int64 [U],
where a row's begin, ascending, and where they end. `block`: int32 [BLOCK] and the same memory as
float32. `state` and `source` are those of `list_kernel`. With `exactly`, candidates that do not fit
are scored; else their row is given up.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from unclicked.retrieval.list_kernel import make_room, replace_smallest

# Products that are compared together before any of them is looked at.
BLOCK = 64
# Rounding of a bound to float32, next to its size.
SLACK = 2.0**-22


@njit(cache=True, nogil=True, error_model="numpy")
def collect(tile, start, first, bounds, measured, exclude, state, block, exactly, source):
    """Add to each user's candidates whatever a tile of scores does not rule out.

    A user keeps a heap of the k largest lower bounds so far; its smallest is a score that k items
    reach. Items come in the order in which ties are broken, so an item whose upper bound is not
    above it comes after k items that are as good.
    """
    terms, kappa = bounds
    _, _, longest, largest = measured
    places, begin, end = exclude
    heap, _, _, _, given_up = state
    bits, values = block
    shift = 32 - 8 * tile.itemsize
    for line in range(len(tile)):
        row = first + line
        if given_up[row]:
            continue
        scores = tile[line]
        while begin[row] < end[row] and places[begin[row]] < start + len(scores):
            # The bits of minus infinity.
            scores[places[begin[row]] - start] = -(1 << (23 - shift))
            begin[row] += 1
        error = error_of(terms[row, 0], terms[row, 1], terms[row, 2], longest, largest)
        values[0] = below(heap[row, 0], error, kappa)
        left = _next_above(scores, 0, bits[0] >> shift)
        if left < len(scores):
            _read(scores, left, start, row, error, bounds, measured, state, block, exactly, source)


@njit(cache=True, nogil=True, error_model="numpy")
def error_of(of_length, of_rest, constant, length, rest):
    """How far a product may be from the score, next to rounding of the product itself."""
    # Products with a vector of zeros are zero, whatever else may be said of them.
    if constant == 0.0 or (length == 0.0 and rest == 0.0):
        return 0.0
    return of_length * length + of_rest * rest + constant


@njit(cache=True, nogil=True, error_model="numpy")
def between(product, error, kappa):
    """Two values, as float32, between which the score is."""
    wide = np.float64(product)
    if error > 0.0:
        error += error * SLACK + abs(wide) * (kappa + SLACK)
    return np.float32(wide - error), np.float32(wide + error)


@njit(cache=True, nogil=True, error_model="numpy")
def below(reached, error, kappa):
    """A value that products must exceed, or else their upper bound is not above `reached`."""
    bare = np.float64(reached) - error
    bare = bare / (1.0 + kappa) if bare > 0 else bare / (1.0 - kappa)
    return np.float32(bare - abs(bare) * SLACK)


@njit(cache=True, nogil=True, error_model="numpy")
def _read(scores, left, start, row, widest, bounds, measured, state, block, exactly, source):
    """Add one row's candidates, beginning with the block at `left`."""
    terms, kappa = bounds
    one, two, three = terms[row, 0], terms[row, 1], terms[row, 2]
    lengths, rests, _, _ = measured
    heaps, uppers, places, count, given_up = state
    heap, upper, place = heaps[row], uppers[row], places[row]
    bits, values = block
    shift = 32 - 8 * scores.itemsize
    threshold = below(heap[0], widest, kappa)
    while left < len(scores):
        width = min(BLOCK, len(scores) - left)
        for column in range(width):
            bits[column] = np.int32(scores[left + column]) << shift
        for column in range(width):
            if values[column] <= threshold:
                continue
            error = error_of(one, two, three, lengths[left + column], rests[left + column])
            low, high = between(values[column], error, kappa)
            if high > heap[0] and count[row] == len(upper):
                make_room(row, state, exactly, source)
                if given_up[row]:
                    return
            if high > heap[0]:
                upper[count[row]], place[count[row]] = high, start + left + column
                count[row] += 1
                if low > heap[0]:
                    replace_smallest(heap, low)
                    threshold = below(heap[0], widest, kappa)
        values[0] = threshold
        left = _next_above(scores, left + BLOCK, bits[0] >> shift)


@njit(cache=True, nogil=True, error_model="numpy")
def _next_above(scores, left, bar):
    """The next block in which bits of floats stand for one above a bar, or perhaps at it.

    Whole numbers are compared, many at a time. Of negative floats the smaller has the larger bits.
    """
    while left < len(scores):
        # Unsigned, so that no index is taken for one from the end.
        begin, end = np.uintp(left), np.uintp(min(left + BLOCK, len(scores)))
        found = False
        if bar >= 0:
            for column in range(begin, end):
                found |= scores[column] > bar
        else:
            for column in range(begin, end):
                found |= (scores[column] >= 0) | (scores[column] <= bar)
        if found:
            break
        left += BLOCK
    return left
