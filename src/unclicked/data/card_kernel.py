"""The compiled sweep behind the data card: each user's showings of each item, in order of time."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from unclicked.data.rules import Timelines

Ints = NDArray[np.int64]


@njit(cache=True)
def sweep(offsets, item, time, clicked, before_us, shown, hit, count, done, stamp):
    """Count showings by their number; pairs, pairs shown again."""
    last = len(shown) - 1
    pairs = again = 0
    for user in range(len(offsets) - 1):
        for row in range(offsets[user], offsets[user + 1]):
            one = item[row]
            if stamp[one] != user:
                stamp[one] = user
                count[one] = 0
                done[one] = False
                pairs += 1
            number = count[one]
            count[one] = number + 1
            if number == 1:
                again += 1
            if not done[one] and time[row] < before_us:
                place = min(number, last)
                shown[place] += 1
                if clicked[row]:
                    hit[place] += 1
            if clicked[row]:
                done[one] = True
    return pairs, again


def count_showings(
    lines: Timelines, clicked: NDArray[np.bool_], before_us: int, showings: int
) -> tuple[int, int, Ints, Ints]:
    """Run the sweep.

    Args:
        lines: The users' timelines.
        clicked: bool [I], whether each impression was clicked.
        before_us: Rows at or after this moment count for pairs alone.
        showings: How many numbers of showing are told apart.

    Returns:
        Pairs, pairs shown again, int64 [showings] pairs shown so often without an earlier click,
        and int64 [showings] those clicked at that showing.
    """
    shown = np.zeros(showings, dtype=np.int64)
    hit = np.zeros(showings, dtype=np.int64)
    count = np.zeros(lines.num_items + 1, dtype=np.int64)
    done = np.zeros(lines.num_items + 1, dtype=np.bool_)
    stamp = np.full(lines.num_items + 1, -1, dtype=np.int64)
    rows = (lines.impression_offsets, lines.impression_item, lines.impression_time_us, clicked)
    pairs, again = sweep(*rows, before_us, shown, hit, count, done, stamp)
    return int(pairs), int(again), shown, hit
