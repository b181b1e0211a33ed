"""A conditional logit over categories, fitted by Newton's method on sparse features."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numba import njit
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

RIDGE = 1.0
MAX_STEPS = 30
TOLERANCE = 1e-8
SMALLEST = 1e-300


@dataclass(frozen=True)
class Choices:
    """N predictions, each a choice of one category of K; categories not listed have no features.

    Attributes:
        offsets: int64 [N + 1], where each prediction's entries begin.
        category: int32 [E], category of each entry, once in a prediction.
        features: float64 [E, P].
        chosen: int32 [N], the category that came true.
        chosen_entry: int64 [N], its entry; -1 where it has no features.
    """

    offsets: Ints
    category: NDArray[np.int32]
    features: Floats
    chosen: NDArray[np.int32]
    chosen_entry: Ints

    def __len__(self) -> int:
        return len(self.chosen)

    def with_features(self, columns: tuple[int, ...]) -> Choices:
        """The same choices, described by some of the features.

        Args:
            columns: Numbers of the features.

        Returns:
            Choices with these alone.
        """
        return replace(self, features=np.ascontiguousarray(self.features[:, list(columns)]))


@dataclass(frozen=True)
class Slopes:
    """Log-likelihood of some predictions, its gradients and the sum of its negative Hessians.

    Attributes:
        values: float64 [n], log-likelihood of each prediction in nats.
        gradients: float64 [n, P + 1].
        curvature: float64 [P + 1, P + 1].
    """

    values: Floats
    gradients: Floats
    curvature: Floats


@njit(cache=True, nogil=True)
def _score(begin, end, features, weights, share):
    """Scores of the entries beyond their log share, and the largest of them (at least 0)."""
    largest = 0.0
    for entry in range(begin, end):
        score = 0.0
        for index in range(features.shape[1]):
            score += weights[index + 1] * features[entry, index]
        share[entry - begin] = score
        largest = max(largest, score)
    return largest


@njit(cache=True, nogil=True)
def _spread(begin, end, category, base, log_share, share, largest, rest):
    """Turn scores into shares of all categories' total; what is left for those not listed."""
    left0, left1, left2 = rest
    total = 0.0
    for entry in range(begin, end):
        known, one = log_share[category[entry]], base[category[entry]]
        left0 -= one
        left1 -= one * known
        left2 -= one * known * known
        share[entry - begin] = one * np.exp(share[entry - begin] - largest)
        total += share[entry - begin]
    shrink = np.exp(-largest)
    # A wild step may leave nothing that a float can hold; it then looks worse than it is.
    total = max(total + max(left0, 0.0) * shrink, SMALLEST)
    for entry in range(begin, end):
        share[entry - begin] /= total
    return total, left1 * shrink / total, left2 * shrink / total


@njit(cache=True, nogil=True)
def _mean(begin, end, category, features, log_share, share, gradient, curvature, row):
    """Take the entries' mean features from the gradient and add their spread to the curvature."""
    size = len(row)
    for entry in range(begin, end):
        row[0] = log_share[category[entry]]
        for index in range(size - 1):
            row[index + 1] = features[entry, index]
        for index in range(size):
            if row[index] == 0.0:
                continue
            weighted = share[entry - begin] * row[index]
            gradient[index] -= weighted
            for other in range(index + 1):
                curvature[index, other] += weighted * row[other]
    for index in range(size):
        for other in range(index + 1):
            curvature[index, other] -= gradient[index] * gradient[other]


@njit(cache=True, nogil=True)
def _sweep(offsets, category, features, chosen, chosen_entry, which, weights, log_share):
    size = len(weights)
    values, gradients = np.empty(len(which)), np.zeros((len(which), size))
    curvature, row = np.zeros((size, size)), np.empty(size)
    # So that the largest is 1: a wild step must neither overflow nor leave zeros alone.
    base = weights[0] * log_share
    highest = base.max()
    base = np.exp(base - highest)
    rest = (base.sum(), (base * log_share).sum(), (base * log_share * log_share).sum())
    longest = 0
    for number in which:
        longest = max(longest, offsets[number + 1] - offsets[number])
    share = np.empty(longest)
    for place in range(len(which)):
        number, gradient = which[place], gradients[place]
        begin, end = offsets[number], offsets[number + 1]
        # The largest score is taken out, so that no exponential overflows.
        largest = _score(begin, end, features, weights, share)
        total, first, second = _spread(begin, end, category, base, log_share, share, largest, rest)
        gradient[0] = -first
        curvature[0, 0] += second
        _mean(begin, end, category, features, log_share, share, gradient, curvature, row)
        score = weights[0] * log_share[chosen[number]] - highest
        gradient[0] += log_share[chosen[number]]
        if chosen_entry[number] >= 0:
            for index in range(size - 1):
                value = features[chosen_entry[number], index]
                gradient[index + 1] += value
                score += weights[index + 1] * value
        values[place] = score - largest - np.log(total)
    for index in range(size):
        for other in range(index):
            curvature[other, index] = curvature[index, other]
    return values, gradients, curvature


def slopes(choices: Choices, which: Ints, weights: Floats, log_share: Floats) -> Slopes:
    """Log-likelihood of some predictions and its derivatives.

    A category's score is `weights[0]` times its log share plus its features times the others.

    Args:
        choices: All predictions.
        which: int64 [n], numbers of those that count.
        weights: float64 [P + 1].
        log_share: float64 [K], log of how often each category is clicked.

    Returns:
        Values and derivatives by the weights.

    Example:
        >>> one = Choices(np.array([0, 1]), np.array([1], dtype=np.int32), np.array([[1.0]]),
        ...     np.array([1], dtype=np.int32), np.array([0]))
        >>> half = np.log(np.array([0.5, 0.5]))
        >>> found = slopes(one, np.array([0]), np.array([1.0, np.log(3.0)]), half)
        >>> round(float(np.exp(found.values[0])), 6)
        0.75
    """
    values, gradients, curvature = _sweep(
        choices.offsets,
        choices.category,
        choices.features,
        choices.chosen,
        choices.chosen_entry,
        which,
        weights,
        log_share,
    )
    return Slopes(values, gradients, curvature)


def fit(
    choices: Choices, which: Ints, log_share: Floats, start: Floats | None = None
) -> tuple[Floats, Slopes]:
    """Weights of greatest likelihood, under a weak pull to "popularity alone".

    Args:
        choices: All predictions.
        which: int64 [n], numbers of those to fit on.
        log_share: float64 [K], log share of each category.
        start: float64 [P + 1], where to begin; 1 for the log share and 0 else without.

    Returns:
        The weights, and the derivatives there without the pull.
    """
    centre = np.zeros(choices.features.shape[1] + 1)
    centre[0] = 1.0
    weights = centre.copy() if start is None else start.copy()
    now = slopes(choices, which, weights, log_share)
    value = _pulled(now, weights, centre)
    for _ in range(MAX_STEPS):
        gradient = now.gradients.sum(axis=0) - RIDGE * (weights - centre)
        step = np.linalg.solve(now.curvature + RIDGE * np.eye(len(weights)), gradient)
        # What such a step can still gain, in nats over all predictions.
        if gradient @ step / 2 < TOLERANCE * len(which):
            break
        # The likelihood is concave: a short enough step along this direction always gains.
        for _ in range(MAX_STEPS):
            tried = slopes(choices, which, weights + step, log_share)
            reached = _pulled(tried, weights + step, centre)
            if reached >= value:
                break
            step = step / 2
        else:
            break
        weights, now, value = weights + step, tried, reached
    return weights, now


def _pulled(found: Slopes, weights: Floats, centre: Floats) -> float:
    return float(found.values.sum() - RIDGE / 2 * ((weights - centre) ** 2).sum())
