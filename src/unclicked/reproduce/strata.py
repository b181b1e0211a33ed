"""For whom a method helps: differences by the length of the user's unclicked list."""

from __future__ import annotations

import numpy as np

from unclicked.page.digits import interval, points
from unclicked.reproduce.comparing import per_user
from unclicked.reproduce.judged import LENGTH
from unclicked.reproduce.results import Floats, Results
from unclicked.reproduce.table import Table
from unclicked.statistics import paired_comparison

NUM_BINS = 4
FEWEST = 20


def bins_of(lengths: Floats, num_bins: int = NUM_BINS) -> list[tuple[int, int]]:
    """Ranges of lengths that hold about as many users each; empty lists are a range of their own.

    Args:
        lengths: Length of each user's list [U].
        num_bins: Ranges for the lists that are not empty.

    Returns:
        First and last length of each range, ascending.

    Example:
        >>> bins_of(np.array([0.0, 1, 2, 3, 4]), 2)
        [(0, 0), (1, 2), (3, 4)]
    """
    real = np.sort(lengths[lengths > 0]).astype(int)
    ranges = [(0, 0)] if len(real) < len(lengths) else []
    last = 0
    for part in np.array_split(real, num_bins):
        if len(part) and part[-1] > last:
            ranges.append((max(last + 1, int(part[0])), int(part[-1])))
            last = int(part[-1])
    return ranges


def strata(results: Results, base: str, methods: list[str], metric: str = "HR@50") -> Table:
    """Differences to a base by the length of the unclicked list.

    Args:
        results: Final rows of a study.
        base: Name of the base.
        methods: Names of the methods.
        metric: The measure.

    Returns:
        A row for each range of lengths.
    """
    lengths = results.where(metric=LENGTH).per_user()
    before = per_user(results, base, metric)
    rows = []
    for low, high in bins_of(lengths):
        chosen = (lengths >= low) & (lengths <= high)
        row = [f"{low}" if low == high else f"{low} to {high}", f"{int(chosen.sum()):,}"]
        for name in methods:
            after = per_user(results, name, metric)
            enough = len(after) == len(before) == len(chosen) and chosen.sum() >= FEWEST
            row.append(_gap(before[chosen], after[chosen]) if enough else _why(after))
        rows.append(row)
    return Table(
        f"{metric} against {base}, by the length of the unclicked list",
        ["unclicked items", "users", *methods],
        rows,
        notes=[
            "Percentage points with their 95 % interval, not corrected for the number of ranges."
        ],
        numbers={1},
    )


def _why(values: Floats) -> str:
    return "too few" if len(values) else "not judged"


def _gap(before: Floats, after: Floats) -> str:
    paired = paired_comparison(before, after)
    return f"{points(paired.difference)} ({interval(paired.ci95)})"
