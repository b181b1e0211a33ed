"""Intervals that take users as independent, and shares that leave out a fold's own users."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from unclicked.data.skip_judging import log_shares, mean_and_interval


def test_one_prediction_a_user_is_the_t_interval() -> None:
    gain = np.random.default_rng(0).normal(0.3, 1.0, 40)
    mean, low, high = mean_and_interval(gain, np.arange(40))
    wanted = stats.t.interval(0.95, 39, loc=gain.mean(), scale=gain.std(ddof=1) / np.sqrt(40))
    assert (mean, low, high) == pytest.approx((gain.mean(), *wanted))


def test_repeated_predictions_of_a_user_are_no_evidence() -> None:
    gain = np.random.default_rng(1).normal(0.3, 1.0, 20)
    once = mean_and_interval(gain, np.arange(20))
    often = mean_and_interval(np.repeat(gain, 50), np.repeat(np.arange(20), 50))
    assert often == pytest.approx(once)


def test_interval_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(400):
        user = rng.integers(0, 60, 600)
        gain = rng.normal(0, 1, 60)[user] + rng.normal(0.1, 1, 600)
        _, low, high = mean_and_interval(gain, user)
        hits += low <= 0.1 <= high
    assert 0.90 <= hits / 400 <= 0.985


def test_shares_leave_the_fold_out() -> None:
    clicks = np.array([1, 1, 2, 2, 2, 3], dtype=np.int32)
    value_of = np.array([-1, 0, 1, -1, -1], dtype=np.int32)
    found = log_shares(np.array([0, 3]), np.array([3, 6]), np.array([0, 4]), clicks, value_of)
    # Fold 0 sees the second session: items 2, 2, 3, so one and three of four with the added click.
    assert np.exp(found[0]) == pytest.approx([1 / 4, 3 / 4])
    assert np.exp(found[4]) == pytest.approx([3 / 5, 2 / 5])
    assert np.exp(found[1]) == pytest.approx([3 / 7, 4 / 7])
