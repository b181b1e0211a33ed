"""Counts of a log for its data card: showings of one item to one user, days, lengths of lists."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unclicked.data.card_kernel import count_showings
from unclicked.data.rules import Timelines
from unclicked.data.split import Boundaries, local_time, midnight_us

Ints = NDArray[np.int64]

SHOWINGS = 6
MOST_DAYS = 400
# Lower ends of the lengths counted together; each bin is about twice as wide as the last.
LENGTH_EDGES = (0, 1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000)


def showing_facts(
    timelines: Timelines, clicked: NDArray[np.bool_], before_us: int
) -> dict[str, Any]:
    """How often one item was shown to one user, and at which showing it was clicked.

    Args:
        timelines: The users' timelines.
        clicked: bool [I], whether each impression was clicked.
        before_us: Only what was shown before this moment counts for `clicks_by_showing`.

    Returns:
        "pairs_shown_again": counts of "pairs" of user and item, those "shown_again", and the
        "rows_again" beyond each pair's first. "clicks_by_showing": for the 1st to the 5th showing
        and all later ones together, "shown" counts pairs shown so often and not clicked before,
        "clicked" those clicked at that showing.
    """
    pairs, again, shown, hit = count_showings(timelines, clicked, before_us, SHOWINGS)
    return {
        "pairs_shown_again": {
            "pairs": pairs,
            "shown_again": again,
            "rows_again": len(clicked) - pairs,
        },
        "clicks_by_showing": [
            {"showing": number, "shown": int(a), "clicked": int(b)}
            for number, (a, b) in enumerate(zip(shown, hit, strict=True), start=1)
        ],
    }


def day_facts(
    timelines: Timelines, clicked: NDArray[np.bool_], bounds: Boundaries, timezone: str | None
) -> list[dict[str, Any]]:
    """Rows and clicks of each calendar day.

    Args:
        timelines: The users' timelines.
        clicked: bool [I], whether each impression was clicked; it counts on the day it was shown.
        bounds: Moments between the splits.
        timezone: Name of the time zone whose midnights count; UTC where it is None.

    Returns:
        For each day, in order: "day", "rows", "clicks" and "split"; of a log longer than 400 days
        several days together, named after the first, and "days", how many.
    """
    first = local_time(bounds.begin_us, timezone).replace(hour=0, minute=0, second=0, microsecond=0)
    last = local_time(bounds.end_us - 1, timezone)
    count = (last.date() - first.date()).days + 1
    together = -(-count // MOST_DAYS)
    days = [first + timedelta(days=number) for number in range(0, count, together)]
    starts = np.array([midnight_us(day, timezone) for day in days], dtype=np.int64)
    place = np.searchsorted(starts, timelines.impression_time_us, side="right") - 1
    rows = np.bincount(place, minlength=len(days))
    clicks = np.bincount(place, weights=clicked, minlength=len(days)).astype(np.int64)
    more = {"days": together} if together > 1 else {}
    return [
        {
            "day": f"{day:%Y-%m-%d}",
            "rows": int(rows[number]),
            "clicks": int(clicks[number]),
            "split": _split(int(starts[number]), bounds),
        }
        | more
        for number, day in enumerate(days)
    ]


def _split(moment_us: int, bounds: Boundaries) -> str:
    if moment_us < bounds.validation_us:
        return "train"
    return "validation" if moment_us < bounds.test_us else "test"


def length_counts(lengths: Ints) -> dict[str, list[int]]:
    """How many lists have which length.

    Args:
        lengths: int64 [n], at least 0.

    Returns:
        "from", the shortest length of each bin, and "count"; bins beyond the longest list are left
        out.

    Example:
        >>> length_counts(np.array([0, 0, 1, 4, 7]))
        {'from': [0, 1, 2, 3, 5], 'count': [2, 1, 0, 1, 1]}
    """
    place = np.searchsorted(np.array(LENGTH_EDGES), lengths, side="right") - 1
    counts = np.bincount(place).tolist() if len(lengths) else []
    return {"from": list(LENGTH_EDGES[: len(counts)]), "count": counts}
