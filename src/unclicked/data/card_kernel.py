"""The compiled sweep behind the data card: each user's showings of each item, in order of time."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from unclicked.data.rules import Timelines

Ints = NDArray[np.int64]


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def _sweep_days(starts, time, clicked, rows, clicks):
    day = 0
    for row in range(len(time)):
        # A user's rows come in order of time, so the day is mostly that of the row before.
        while day > 0 and time[row] < starts[day]:
            day -= 1
        while day + 1 < len(starts) and time[row] >= starts[day + 1]:
            day += 1
        rows[day] += 1
        if clicked[row]:
            clicks[day] += 1


def count_days(starts: Ints, time: Ints, clicked: NDArray[np.bool_]) -> tuple[Ints, Ints]:
    """Rows and clicks of each day.

    Args:
        starts: int64 [days], first microsecond of each, ascending.
        time: int64 [I], when each row was shown; none before the first day.
        clicked: bool [I], whether it was clicked.

    Returns:
        int64 [days] each.
    """
    rows, clicks = np.zeros(len(starts), dtype=np.int64), np.zeros(len(starts), dtype=np.int64)
    _sweep_days(starts, time, clicked, rows, clicks)
    return rows, clicks
