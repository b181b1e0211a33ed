"""The compiled filter of products of whole numbers: which items may belong to a user's list.

`sums` is int32 [B, C], exact; its first column is at the place `start` of the tie order, where a
tile of `items` begins, and its first row is number `first`. A product is such a sum times the
scales of its user and of its tile. `users`: float64 [U, 3] as from `bounds.user_terms`, and float64
[U], scales. `items`: items of a tile, float64 [T] scales, float64 [V] lengths and rests, and
float64 [T, 2], the largest of each tile. The other arguments are those of `candidate_kernel`.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from unclicked.retrieval.candidate_kernel import BLOCK, SLACK, between, error_of
from unclicked.retrieval.list_kernel import make_room, replace_smallest

# No sum of products is as small: it stands for an item that a user must not get.
NEVER = -(2**31)


@njit(cache=True, nogil=True, error_model="numpy")
def collect_integers(sums, start, first, users, items, exclude, state, source):
    """Add to each user's candidates whatever some tiles of whole numbers do not rule out."""
    terms, scales = users
    size, of_tile, _, _, largest = items
    places, begin, end = exclude
    heap, _, _, _, given_up = state
    for line in range(len(sums)):
        row, own = first + line, sums[line]
        while begin[row] < end[row] and places[begin[row]] < start + len(own):
            own[places[begin[row]] - start] = NEVER
            begin[row] += 1
        one, two, three = terms[row, 0], terms[row, 1], terms[row, 2]
        for left in range(0, len(own), size):
            if given_up[row]:
                break
            tile, right = (start + left) // size, min(left + size, len(own))
            error = error_of(one, two, three, largest[tile, 0], largest[tile, 1])
            unit = scales[row] * of_tile[tile]
            found = _next_above(own, left, right, bar_of(heap[row, 0], error, unit))
            if found < right:
                _read(own, found, right, start, row, error, unit, terms, items, state, source)


@njit(cache=True, nogil=True, error_model="numpy")
def bar_of(reached, error, unit):
    """A whole number that sums must exceed, or else their upper bound is not above `reached`."""
    bare = np.float64(reached) - error * (1.0 + 2 * SLACK)
    bare = np.floor((bare - abs(bare) * 2 * SLACK) / unit) - 1.0
    if not (bare > NEVER):
        return np.int32(NEVER)
    return np.int32(min(bare, 2.0**31 - 1))


@njit(cache=True, nogil=True, error_model="numpy")
def _read(sums, left, right, start, row, widest, unit, terms, items, state, source):
    """Add one row's candidates of a tile, beginning with the block at `left`."""
    one, two, three = terms[row, 0], terms[row, 1], terms[row, 2]
    _, _, lengths, rests, _ = items
    heaps, uppers, places, count, given_up = state
    heap, upper, found = heaps[row], uppers[row], places[row]
    bar = bar_of(heap[0], widest, unit)
    while left < right:
        for column in range(left, min(left + BLOCK, right)):
            if sums[column] <= bar:
                continue
            place = start + column
            error = error_of(one, two, three, lengths[place], rests[place])
            low, high = between(sums[column] * unit, error, 0.0)
            if high > heap[0] and count[row] == len(upper):
                make_room(row, state, False, source)
                if given_up[row]:
                    return
            if high > heap[0]:
                upper[count[row]], found[count[row]] = high, place
                count[row] += 1
                if low > heap[0]:
                    replace_smallest(heap, low)
                    bar = bar_of(heap[0], widest, unit)
        left = _next_above(sums, left + BLOCK, right, bar)


@njit(cache=True, nogil=True, error_model="numpy")
def _next_above(sums, left, right, bar):
    """The next block in which a sum is above a bar."""
    while left < right:
        # Unsigned, so that no index is taken for one from the end.
        begin, end = np.uintp(left), np.uintp(min(left + BLOCK, right))
        found = False
        for column in range(begin, end):
            found |= sums[column] > bar
        if found:
            break
        left += BLOCK
    return left
