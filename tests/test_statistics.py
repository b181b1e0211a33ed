"""Paired comparisons against scipy's other functions, hand numbers and simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from unclicked.errors import NumericError, UserError
from unclicked.statistics import holm, one_sided_greater, paired_comparison

PROBABILITY = st.floats(0, 1)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values of 2 to 30 users in steps of 1/8, as hits and ranks are."""
    eighths = st.tuples(st.integers(0, 8), st.integers(0, 8))
    values = np.array(draw(st.lists(eighths, min_size=2, max_size=30)), dtype=np.float64) / 8
    return values[:, 0], values[:, 1]


def test_hand_numbers() -> None:
    # Differences 1, 2, 3, 2: mean 2, sd sqrt(2/3), error sqrt(1/6), t(0.975, 3) = 3.182446.
    base = np.array([1.0, 1.0, 1.0, 1.0])
    result = paired_comparison(base, base + np.array([1.0, 2.0, 3.0, 2.0]))
    error = math.sqrt(1 / 6)
    assert (result.base_mean, result.run_mean, result.difference) == (1.0, 3.0, 2.0)
    assert result.relative == 2.0
    assert result.users == 4
    assert result.ci95 == pytest.approx((2 - 3.182446 * error, 2 + 3.182446 * error), abs=1e-6)
    assert result.detectable == pytest.approx(2.8 * error, abs=1e-12)


@settings(deadline=None)
@given(pairs())
def test_against_the_one_sample_test(
    pair: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> None:
    base, run = pair
    result = paired_comparison(base, run)
    differences = run - base
    if np.ptp(differences) == 0:
        assert result.p == (1.0 if differences[0] == 0 else 0.0)
        assert result.ci95 == (differences[0], differences[0])
        assert result.detectable == 0
        return
    expected = stats.ttest_1samp(differences, 0.0)
    interval = expected.confidence_interval(0.95)
    assert result.p == pytest.approx(expected.pvalue, abs=1e-12)
    assert result.ci95 == pytest.approx((interval.low, interval.high), abs=1e-12)
    # The interval leaves out 0 exactly where the test rejects.
    assert (result.ci95[0] > 0 or result.ci95[1] < 0) == (result.p < 0.05)


@settings(deadline=None)
@given(pairs())
def test_one_sided_tests_share_the_two_sided_p(
    pair: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> None:
    base, run = pair
    better, worse = one_sided_greater(base, run), one_sided_greater(run, base)
    if np.ptp(run - base) == 0:
        assert (better, worse) == (float(run[0] <= base[0]), float(base[0] <= run[0]))
        return
    assert better + worse == pytest.approx(1)
    two_sided = paired_comparison(base, run).p
    assert 2 * min(better, worse) == pytest.approx(two_sided, abs=1e-12)
    assert (better < worse) == (run.sum() > base.sum())


@pytest.mark.parametrize(("shift", "p"), [(0.0, 1.0), (0.1, 0.0), (-0.3, 0.0)])
def test_constant_difference_is_no_warning(shift: float, p: float) -> None:
    # 0.1 is no binary fraction: the differences vary in their last bits alone.
    base = np.random.default_rng(0).random(1000)
    result = paired_comparison(base, base + shift)
    assert result.p == p
    assert result.detectable == 0
    assert result.ci95 == (result.difference, result.difference)
    assert one_sided_greater(base, base + shift) == float(shift <= 0)


def test_relative_needs_a_base() -> None:
    assert math.isnan(paired_comparison(np.zeros(2), np.array([0.0, 1.0])).relative)


def test_detectable_difference_is_found_in_four_of_five_trials() -> None:
    random = np.random.default_rng(1)
    num_users, num_trials = 400, 2000
    detectable = 2.8 / math.sqrt(num_users)
    noise = random.standard_normal((num_trials, num_users))
    found = stats.ttest_1samp(noise + detectable, 0.0, axis=1).pvalue < 0.05
    assert found.mean() == pytest.approx(0.8, abs=0.03)
    own = [paired_comparison(np.zeros(num_users), row).detectable for row in noise[:50]]
    assert np.mean(own) == pytest.approx(detectable, rel=0.02)


def test_holm_by_hand() -> None:
    # Sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1: 0.02, 0.03, 0.06, and 0.04 rises to 0.06.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]).tolist() == [1.0, 1.0]
    assert holm([]).tolist() == []


def test_holm_ignores_tests_that_were_not_made() -> None:
    adjusted = holm([0.01, float("nan"), 0.04])
    assert adjusted[[0, 2]] == pytest.approx([0.02, 0.04])
    assert math.isnan(adjusted[1])


@settings(deadline=None)
@given(st.lists(PROBABILITY, max_size=8), PROBABILITY)
def test_holm_rejects_as_the_stepwise_procedure(p_values: list[float], alpha: float) -> None:
    rejected = [False] * len(p_values)
    for step, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        if p_values[place] * (len(p_values) - step) > alpha:
            break
        rejected[place] = True
    adjusted = holm(p_values)
    assert (adjusted <= alpha).tolist() == rejected or alpha == 1
    assert np.all(adjusted >= p_values) and np.all(adjusted <= 1)


def test_bad_input() -> None:
    with pytest.raises(UserError, match="found shapes"):
        paired_comparison(np.zeros(3), np.zeros(4))
    with pytest.raises(UserError, match="at least two"):
        paired_comparison(np.zeros(1), np.zeros(1))
    with pytest.raises(NumericError, match="run row 1"):
        paired_comparison(np.zeros(2), np.array([0.0, np.nan]))
    with pytest.raises(UserError, match="outside 0 to 1"):
        holm([0.5, 1.5])
