"""Methods against a base, user by user, over all seeds and data sets of a study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unclicked.reproduce.judged import BROKE
from unclicked.reproduce.results import Results
from unclicked.statistics import PairedResult, holm, one_sided_greater, paired_comparison


@dataclass(frozen=True)
class Compared:
    """A method against a base on one measure.

    Attributes:
        method: Name of the method.
        base: Name of the base.
        metric: The measure.
        paired: Means, difference, interval and p value over users; seeds are averaged first.
        p_holm: Two-tailed p value after Holm's correction over the comparisons of one call.
        p_gain: One-sided p value of a gain, not corrected.
    """

    method: str
    base: str
    metric: str
    paired: PairedResult
    p_holm: float
    p_gain: float


def compare(
    results: Results, pairs: Sequence[tuple[str, str]], metrics: Sequence[str]
) -> list[Compared]:
    """Compare methods in pairs; Holm's correction covers all of them together.

    Args:
        results: Final rows of a study.
        pairs: (base, method) by name; a pair of which one was not judged is left out.
        metrics: Measures.

    Returns:
        One entry for each pair and measure, pair by pair.

    Source: section 4.2 (paired two-tailed t-test).
    Differs: corrected by Holm's procedure, and on values averaged over seeds.
    """
    made: list[tuple[str, str, str, PairedResult, float]] = []
    for base, method in pairs:
        for metric in metrics:
            sides = [per_user(results, name, metric) for name in (base, method)]
            if all(len(side) > 1 for side in sides):
                paired = paired_comparison(*sides)
                made.append((method, base, metric, paired, one_sided_greater(*sides)))
    adjusted = holm([one[3].p for one in made]) if made else np.empty(0)
    return [
        Compared(method, base, metric, paired, float(p), gain)
        for (method, base, metric, paired, gain), p in zip(made, adjusted, strict=True)
    ]


def per_user(results: Results, method: str, metric: str) -> np.ndarray:
    """A method's values, averaged over seeds; empty where one of its trainings broke.

    Args:
        results: Final rows of a study.
        method: Name of the method.
        metric: The measure.

    Returns:
        float [U], the data sets one after another.
    """
    if results.where(method=method, metric=BROKE).rows:
        return np.empty(0)
    return results.where(method=method, metric=metric).per_user()


def seed_means(results: Results, method: str, metric: str) -> np.ndarray:
    """A method's mean over all users for each seed, so that their mean is that of `per_user`.

    Args:
        results: Final rows of a study.
        method: Name of the method.
        metric: The measure.

    Returns:
        float [seeds]; empty where one of its trainings broke.
    """
    if results.where(method=method, metric=BROKE).rows:
        return np.empty(0)
    rows = results.where(method=method, metric=metric).rows
    seeds = sorted({row.seed for row in rows})
    every = ([row.values for row in rows if row.seed == seed] for seed in seeds)
    return np.array([np.concatenate(values).mean() for values in every])
