"""Two sides measured by turns, and their ratio round by round."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """One comparison.

    Attributes:
        what: What ours does.
        against: What theirs is.
        ratio: Median of theirs over the median of ours: above 1 ours is faster, or smaller.
        min: Smallest ratio of a round.
        max: Largest ratio of a round.
        runs: Rounds.
        unit: Unit of `ours` and `theirs`.
        ours: Median of ours.
        theirs: Median of theirs.
    """

    what: str
    against: str
    ratio: float
    min: float
    max: float
    runs: int
    unit: str
    ours: float
    theirs: float

    def as_json(self) -> dict[str, Any]:
        """The row as a plain dict."""
        return dataclasses.asdict(self)


def by_turns(
    sides: Mapping[str, Callable[[], object]], rounds: int, say: Callable[[str], None]
) -> dict[str, list[float]]:
    """Run all sides one after the other, again and again, after one round that does not count.

    What else the machine does then falls on all sides alike.

    Args:
        sides: What to run, by name.
        rounds: Rounds that count, at least 1.
        say: Called after every round.

    Returns:
        Seconds of every round, by name.
    """
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(rounds + 1):
        for name, side in sides.items():
            started = time.perf_counter()
            side()
            if turn:
                seconds[name].append(time.perf_counter() - started)
        say(f"round {turn} of {rounds}" if turn else "first round, which does not count")
    return seconds


def compared(what: str, ours: list[float], against: str, theirs: list[float], unit: str) -> Row:
    """A row from the values of every round.

    Args:
        what: What ours does.
        ours: Values of ours.
        against: What theirs is.
        theirs: Values of theirs, as many.
        unit: Their unit; smaller values are better.

    Returns:
        The row.

    Example:
        >>> row = compared("a", [1.0, 2.0, 1.0], "b", [3.0, 4.0, 2.0], "s")
        >>> row.ratio, row.min, row.max, row.runs
        (3.0, 2.0, 3.0, 3)
    """
    rounds = [their / our for our, their in zip(ours, theirs, strict=True)]
    mine, other = statistics.median(ours), statistics.median(theirs)
    return Row(
        what, against, other / mine, min(rounds), max(rounds), len(rounds), unit, mine, other
    )
