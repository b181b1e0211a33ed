"""The conditional logit against an explicit likelihood and a general optimiser."""

from __future__ import annotations

import numpy as np
import pytest

from tests.data.skip_signal_twin import twin_fit, twin_log_likelihood
from unclicked.data.skip_model import Choices, fit, slopes


def random_choices(
    seed: int, count: int, num_values: int, width: int
) -> tuple[Choices, np.ndarray]:
    """Sparse choices and the same as a dense table [N, K, P]."""
    rng = np.random.default_rng(seed)
    dense = np.zeros((count, num_values, width))
    offsets, category, features, entry = [0], [], [], []
    chosen = rng.integers(0, num_values, count)
    for number in range(count):
        touched = rng.permutation(num_values)[: rng.integers(0, num_values + 1)]
        place = -1
        for value in touched:
            if value == chosen[number]:
                place = len(category)
            category.append(value)
            features.append(rng.normal(size=width) * (rng.random(width) < 0.7))
            dense[number, value] = features[-1]
        entry.append(place)
        offsets.append(len(category))
    sparse = Choices(
        np.array(offsets),
        np.array(category, dtype=np.int32),
        np.array(features).reshape(-1, width),
        chosen.astype(np.int32),
        np.array(entry),
    )
    return sparse, dense


def test_values_against_loops() -> None:
    choices, dense = random_choices(0, 30, 5, 3)
    log_share = np.log(np.array([0.1, 0.2, 0.3, 0.15, 0.25]))
    for scale in (0.5, 60.0):
        weights = np.random.default_rng(1).normal(size=4) * scale
        found = slopes(choices, np.arange(30), weights, log_share)
        wanted = [
            twin_log_likelihood(weights, log_share, dense[n], choices.chosen[n]) for n in range(30)
        ]
        assert found.values == pytest.approx(wanted, rel=1e-9, abs=1e-9)


def test_wild_weights_neither_overflow_nor_divide_by_zero() -> None:
    choices, dense = random_choices(3, 30, 5, 3)
    log_share = np.log(np.array([0.1, 0.2, 0.3, 0.15, 0.25]))
    for first in (-1e4, 1e4):
        weights = np.array([first, 0.3, -0.2, 0.1])
        found = slopes(choices, np.arange(30), weights, log_share)
        wanted = [
            twin_log_likelihood(weights, log_share, dense[n], choices.chosen[n]) for n in range(30)
        ]
        assert found.values == pytest.approx(wanted, rel=1e-9)
    weights = np.array([1.0, -1e5, 1e5, -1e5])
    found = slopes(choices, np.arange(30), weights, log_share)
    assert np.isfinite(found.values).all()
    for number, value in enumerate(found.values):
        chosen = choices.chosen[number]
        # What no float can hold may look worse than it is, never better.
        assert value <= twin_log_likelihood(weights, log_share, dense[number], chosen) + 1e-6


def test_derivatives_against_differences() -> None:
    choices, _ = random_choices(2, 20, 4, 3)
    log_share = np.log(np.array([0.4, 0.3, 0.2, 0.1]))
    weights, step = np.array([0.8, 0.3, -0.5, 0.2]), 1e-5
    here = slopes(choices, np.arange(20), weights, log_share)
    for index in range(4):
        up, down = weights.copy(), weights.copy()
        up[index] += step
        down[index] -= step
        more, less = (slopes(choices, np.arange(20), w, log_share) for w in (up, down))
        slope = (more.values - less.values) / (2 * step)
        assert here.gradients[:, index] == pytest.approx(slope, abs=1e-6)
        bend = -(more.gradients.sum(axis=0) - less.gradients.sum(axis=0)) / (2 * step)
        assert here.curvature[index] == pytest.approx(bend, abs=1e-5)


def test_fit_against_a_general_optimiser() -> None:
    choices, dense = random_choices(3, 200, 6, 4)
    log_share = np.log(np.full(6, 1 / 6))
    which = np.arange(0, 200, 2)
    found, _ = fit(choices, which, log_share)
    wanted = twin_fit(dense[which], choices.chosen[which], log_share)
    assert found == pytest.approx(wanted, abs=5e-3)
    assert np.abs(found).max() > 0.05


def test_two_coins_by_hand() -> None:
    """A feature that comes true in 30 of 40 has the weight log 3, but for the pull."""
    count = 40_000
    chosen = np.repeat([0, 1], [30_000, 10_000]).astype(np.int32)
    choices = Choices(
        np.arange(count + 1),
        np.zeros(count, dtype=np.int32),
        np.ones((count, 1)),
        chosen,
        np.where(chosen == 0, np.arange(count), -1),
    )
    weights, found = fit(choices, np.arange(count), np.log(np.array([0.5, 0.5])))
    assert weights[1] == pytest.approx(np.log(3), abs=1e-3)
    entropy = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    assert found.values.mean() == pytest.approx(-entropy, abs=1e-6)
