"""Compiled: the candidates of each row, room for more of them, and their exact scores.

The functions share two tuples. `state`: float32 [U, k], for each row a heap of the largest lower
bounds of scores, the smallest first; float32 [U, M] and int64 [U, M], upper bounds and places of
candidates, places ascending; int64 [U], how many; bool [U], rows given up. `source`: user vectors
float32 [U, D], item vectors float32 [V + 1, D], and int64 [V], the item at each place of the tie
order, empty where that is the place plus one.
"""

from __future__ import annotations

import numpy as np
from numba import njit

MINUS_INFINITY = np.float32(-np.inf)


@njit(cache=True, nogil=True, error_model="numpy")
def make_room(row, state, exactly, source):
    """Make room in a full row: by the bounds, or else by exact scores, or give it up."""
    _, upper, _, count, given_up = state
    _drop(row, state)
    if 4 * count[row] > 3 * upper.shape[1]:
        if exactly:
            _settle(row, state, source)
        else:
            given_up[row] = True


@njit(cache=True, nogil=True, error_model="numpy")
def replace_smallest(heap, value):
    """Put a value in place of the smallest of a heap."""
    at, size = 0, len(heap)
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= value:
            break
        heap[at] = heap[child]
        at = child
    heap[at] = value


@njit(cache=True, nogil=True, error_model="numpy")
def finish(rows, out_scores, out_items, state, source):
    """Score what is left of the candidates of all rows and write the best, best first."""
    _, _, place, count, given_up = state
    _, _, order = source
    for row in range(len(rows)):
        if given_up[row]:
            continue
        _drop(row, state)
        scores = _scores(row, place, count[row], source)
        best = np.argsort(-scores, kind="mergesort")[: out_scores.shape[1]]
        for rank in range(len(best)):
            found = place[row, best[rank]]
            out_scores[rows[row], rank] = scores[best[rank]]
            out_items[rows[row], rank] = order[found] if len(order) else found + 1


@njit(cache=True, nogil=True, error_model="numpy")
def score_of(user, item, products):
    """The score: products and their sum in float64, in this order, then rounded to float32.

    `products` is memory to work in, float64 [D]: made first, they are made many at a time.
    """
    for at in range(len(user)):
        products[at] = np.float64(user[at]) * np.float64(item[at])
    one, two, three, four = 0.0, 0.0, 0.0, 0.0
    whole = len(user) // 4 * 4
    for at in range(0, whole, 4):
        one += products[at]
        two += products[at + 1]
        three += products[at + 2]
        four += products[at + 3]
    for at in range(whole, len(user)):
        one += products[at]
    return np.float32((one + two) + (three + four))


@njit(cache=True, nogil=True, error_model="numpy")
def _drop(row, state):
    """Forget the candidates that k others are above."""
    heap, upper, place, count, _ = state
    kept = 0
    for at in range(count[row]):
        if upper[row, at] >= heap[row, 0]:
            upper[row, kept] = upper[row, at]
            place[row, kept] = place[row, at]
            kept += 1
    count[row] = kept


@njit(cache=True, nogil=True, error_model="numpy")
def _settle(row, state, source):
    """Score all candidates of a row and keep the best k, in the order of their places."""
    heap, upper, place, count, _ = state
    scores = _scores(row, place, count[row], source)
    best = np.sort(np.argsort(-scores, kind="mergesort")[: heap.shape[1]])
    heap[row, :] = MINUS_INFINITY
    for at in range(len(best)):
        upper[row, at] = scores[best[at]]
        place[row, at] = place[row, best[at]]
        if upper[row, at] > heap[row, 0]:
            replace_smallest(heap[row], upper[row, at])
    count[row] = len(best)


@njit(cache=True, nogil=True, error_model="numpy")
def _scores(row, place, count, source):
    users, vectors, order = source
    scores, products = np.empty(count, np.float32), np.empty(users.shape[1])
    for at in range(count):
        item = order[place[row, at]] if len(order) else place[row, at] + 1
        scores[at] = score_of(users[row], vectors[item], products)
    return scores
