"""Counts of a log for its data card: showings of one item to one user, days, lengths of lists."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unclicked.data.card_kernel import count_days, count_showings
from unclicked.data.rules import Timelines
from unclicked.data.split import Boundaries, local_time, midnight_us

Ints = NDArray[np.int64]

SHOWINGS = 6
MOST_DAYS = 400
# Lower ends of the lengths counted together; each bin is about twice as wide as the last.
LENGTH_EDGES = (0, 1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000)


@dataclass(frozen=True)
class LogCounts:
    """What is counted of a log, which adds up over ranges of users.

    Attributes:
        clicks: Rows that were clicked.
        pairs: Pairs of user and item.
        again: Pairs that were shown again.
        shown: int64 [SHOWINGS], pairs shown so often without an earlier click.
        hit: int64 [SHOWINGS], those clicked at that showing.
        day_rows: int64 [days], rows of each day.
        day_clicks: int64 [days], those that were clicked.
    """

    clicks: int
    pairs: int
    again: int
    shown: Ints
    hit: Ints
    day_rows: Ints
    day_clicks: Ints

    def __add__(self, other: LogCounts) -> LogCounts:
        names = [field.name for field in fields(self)]
        return LogCounts(*(getattr(self, name) + getattr(other, name) for name in names))


@dataclass(frozen=True)
class Days:
    """The calendar days of a log.

    Attributes:
        starts: int64, first microsecond of each.
        names: Date of each.
        together: How many days are counted as one.
    """

    starts: Ints
    names: list[str]
    together: int


def days_of(bounds: Boundaries, timezone: str | None) -> Days:
    """The days of a log; of one longer than 400 days several together.

    Args:
        bounds: Moments between the splits.
        timezone: Name of the time zone whose midnights count; UTC where it is None.

    Returns:
        The days, in order.
    """
    first = local_time(bounds.begin_us, timezone).replace(hour=0, minute=0, second=0, microsecond=0)
    last = local_time(bounds.end_us - 1, timezone)
    count = (last.date() - first.date()).days + 1
    together = -(-count // MOST_DAYS)
    days = [first + timedelta(days=number) for number in range(0, count, together)]
    starts = np.array([midnight_us(day, timezone) for day in days], dtype=np.int64)
    return Days(starts, [f"{day:%Y-%m-%d}" for day in days], together)


def no_counts(days: Days) -> LogCounts:
    """Counts of no row.

    Args:
        days: The days of the log.

    Returns:
        Zeros.
    """
    of_showings, of_days = np.zeros(SHOWINGS, np.int64), np.zeros(len(days.starts), np.int64)
    return LogCounts(0, 0, 0, of_showings, of_showings, of_days, of_days)


def count_log(
    timelines: Timelines, clicked: NDArray[np.bool_], before_us: int, days: Days
) -> LogCounts:
    """Count the rows of some users.

    Args:
        timelines: The users' timelines.
        clicked: bool [I], whether each impression was clicked; it counts on the day it was shown.
        before_us: Only what was shown before this moment counts for showings and their clicks.
        days: The days of the log.

    Returns:
        The counts.
    """
    pairs, again, shown, hit = count_showings(timelines, clicked, before_us, SHOWINGS)
    rows, clicks = count_days(days.starts, timelines.impression_time_us, clicked)
    return LogCounts(int(clicks.sum()), pairs, again, shown, hit, rows, clicks)


def showing_facts(counts: LogCounts) -> dict[str, Any]:
    """How often one item was shown to one user, and at which showing it was clicked.

    Args:
        counts: Counts of all rows.

    Returns:
        "pairs_shown_again": counts of "pairs" of user and item, those "shown_again", and the
        "rows_again" beyond each pair's first. "clicks_by_showing": for the 1st to the 5th showing
        and all later ones together, "shown" counts pairs shown so often and not clicked before,
        "clicked" those clicked at that showing.
    """
    return {
        "pairs_shown_again": {
            "pairs": counts.pairs,
            "shown_again": counts.again,
            "rows_again": int(counts.day_rows.sum()) - counts.pairs,
        },
        "clicks_by_showing": [
            {"showing": number, "shown": int(a), "clicked": int(b)}
            for number, (a, b) in enumerate(zip(counts.shown, counts.hit, strict=True), start=1)
        ],
    }


def day_facts(counts: LogCounts, days: Days, bounds: Boundaries) -> list[dict[str, Any]]:
    """Rows and clicks of each calendar day.

    Args:
        counts: Counts of all rows.
        days: The days of the log.
        bounds: Moments between the splits.

    Returns:
        For each day, in order: "day", "rows", "clicks" and "split"; of a log longer than 400 days
        several days together, named after the first, and "days", how many.
    """
    more = {"days": days.together} if days.together > 1 else {}
    return [
        {
            "day": name,
            "rows": int(counts.day_rows[number]),
            "clicks": int(counts.day_clicks[number]),
            "split": _split(int(days.starts[number]), bounds),
        }
        | more
        for number, name in enumerate(days.names)
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
