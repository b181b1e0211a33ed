"""Differences user by user: who gains, who loses, for whom nothing changes, and for which lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unclicked import stored_evaluation
from unclicked.comparison import POPULARITY, load_per_user, seeds_of
from unclicked.statistics import paired_comparison

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LENGTH_COLUMN = "length:unclicked"
NUM_BINS = 5
# Means over seeds carry rounding; less than this is no difference.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Spread:
    """How one metric of a run differs from the base's, user by user.

    Attributes:
        metric: Its name.
        differences: float64 [U], run minus base, ascending.
        better: Users whose value is higher.
        equal: Users for whom nothing changes.
        worse: Users whose value is lower.
    """

    metric: str
    differences: Floats
    better: int
    equal: int
    worse: int

    @property
    def users(self) -> int:
        """All users."""
        return len(self.differences)


@dataclass(frozen=True)
class Stratum:
    """Users whose unclicked lists are about equally long.

    Attributes:
        shortest: Length of the shortest list.
        longest: Length of the longest.
        users: How many users.
        difference: Mean difference.
        ci95: Its 95 % interval; None for a single user.
    """

    shortest: int
    longest: int
    users: int
    difference: float
    ci95: tuple[float, float] | None


def user_values(path: Path, metrics: Sequence[str], split: str) -> dict[str, Floats]:
    """Each user's metrics, averaged over seeds, by ascending user id.

    Args:
        path: An evaluated run, or a folder of seeds.
        metrics: Names of metrics.
        split: `validation` or `test`.

    Returns:
        Name to float64 [U].

    Raises:
        UserError: If a run was not evaluated on this split.
    """
    seeds = seeds_of(path)
    totals = {name: np.zeros(0) for name in metrics}
    for seed in seeds:
        loaded = load_per_user(seed, split)
        order = np.argsort(loaded.user_ids, kind="stable")
        for name, total in totals.items():
            values = loaded.metrics[name][order]
            totals[name] = values if not len(total) else total + values
    return {name: total / len(seeds) for name, total in totals.items()}


def paired_values(
    base: Path, run: Path, metrics: Sequence[str], split: str
) -> dict[str, tuple[Floats, Floats]]:
    """Values of a base and of a run, for the same users in the same order.

    Args:
        base: A run, a folder of seeds, or the word `popularity`.
        run: A run, or a folder of seeds.
        metrics: Names of metrics.
        split: `validation` or `test`.

    Returns:
        Name to both, float64 [U].

    Raises:
        UserError: If a run was not evaluated on this split.
    """
    ours = user_values(run, metrics, split)
    over = str(base) == POPULARITY
    names = [f"{POPULARITY}:{name}" for name in metrics] if over else list(metrics)
    theirs = user_values(run if over else base, names, split)
    return {name: (theirs[other], ours[name]) for name, other in zip(metrics, names, strict=True)}


def spread_of(metric: str, base: Floats, run: Floats) -> Spread:
    """Count who gains and who loses.

    Args:
        metric: Name of the metric.
        base: float64 [U].
        run: float64 [U], same users.

    Returns:
        Sorted differences and counts.

    Example:
        >>> one = spread_of("HR@50", np.array([0.0, 1.0, 1.0]), np.array([1.0, 1.0, 0.0]))
        >>> one.differences.tolist(), one.better, one.equal, one.worse
        ([-1.0, 0.0, 1.0], 1, 1, 1)
    """
    differences = np.sort(run - base)
    differences[np.abs(differences) < ROUNDING] = 0.0
    better, worse = int((differences > 0).sum()), int((differences < 0).sum())
    return Spread(metric, differences, better, len(differences) - better - worse, worse)


def unclicked_lengths(run: Path, split: str) -> Ints | None:
    """Length of every user's unclicked list, by ascending user id.

    Args:
        run: An evaluated run with the users' own lists, or a folder of seeds.
        split: `validation` or `test`.

    Returns:
        int64 [U]; None where the evaluation did not store it.
    """
    first = seeds_of(run)[0]
    _, table = stored_evaluation.load(first, split)
    if LENGTH_COLUMN not in table.column_names:
        return None
    lengths: Ints = table[LENGTH_COLUMN].to_numpy().astype(np.int64)
    return lengths[np.argsort(load_per_user(first, split).user_ids, kind="stable")]


def strata_of(lengths: Ints, base: Floats, run: Floats, num_bins: int = NUM_BINS) -> list[Stratum]:
    """Mean differences by length of the unclicked list, in bins of about equally many users.

    Args:
        lengths: int64 [U].
        base: float64 [U].
        run: float64 [U].
        num_bins: Bins at most; users with equally long lists are never parted.

    Returns:
        Bins by ascending length, none empty.

    Example:
        >>> lengths, zero = np.array([0, 0, 0, 7, 9]), np.zeros(5)
        >>> [(s.shortest, s.longest, s.users) for s in strata_of(lengths, zero, zero, 2)]
        [(0, 0, 3), (7, 9, 2)]
    """
    share = np.arange(1, num_bins + 1) / num_bins
    edges = np.unique(np.quantile(lengths, share, method="inverted_cdf"))
    place = np.searchsorted(edges, lengths, side="left")
    found = []
    for number in range(len(edges)):
        inside = place == number
        count = int(inside.sum())
        mean = float((run[inside] - base[inside]).mean())
        ends = paired_comparison(base[inside], run[inside]).ci95 if count > 1 else None
        short, long = int(lengths[inside].min()), int(lengths[inside].max())
        found.append(Stratum(short, long, count, mean, ends))
    return found
