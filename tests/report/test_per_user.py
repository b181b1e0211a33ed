"""Who gains and who loses, and for which lists, by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from tests.report.test_facts import store

from unclicked.report.differences import MOST_STEPS, sorted_differences, strata_picture
from unclicked.report.per_user import (
    paired_values,
    spread_of,
    strata_of,
    unclicked_lengths,
    user_values,
)


def test_wins_ties_and_losses() -> None:
    base = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    run = np.array([0.1, 0.3, 0.3, 0.1, 0.5, 0.6 + 1e-16])
    spread = spread_of("R@50", base, run)
    assert (spread.better, spread.equal, spread.worse, spread.users) == (1, 4, 1, 6)
    assert spread.differences.tolist() == pytest.approx([-0.3, 0, 0, 0, 0, 0.1])


def test_rounding_of_means_over_seeds_is_no_difference() -> None:
    base, run = np.array([(0.1 + 0.2 + 0.3) / 3]), np.array([(0.3 + 0.2 + 0.1) / 3])
    assert spread_of("R@50", base, run).equal == 1


def test_strata_by_hand() -> None:
    lengths = np.array([0, 0, 1, 2, 2, 2, 8, 9, 9, 30])
    base = np.zeros(10)
    run = np.array([0, 0, 0, 1, 0, 0, 1, 1, 0, -1], dtype=float)
    found = strata_of(lengths, base, run, 5)
    # Quantiles at 1/5 .. 5/5 of ten values are the 2nd, 4th, 6th, 8th and 10th: 0, 2, 2, 9, 30.
    told = [(one.shortest, one.longest, one.users) for one in found]
    assert told == [(0, 0, 2), (1, 2, 4), (8, 9, 3), (30, 30, 1)]
    assert [one.difference for one in found] == pytest.approx([0, 0.25, 2 / 3, -1])
    assert found[3].ci95 is None
    assert found[0].ci95 == (0.0, 0.0)
    reach = stats.t.ppf(0.975, 3) * 0.5 / 2
    assert found[1].ci95 == pytest.approx((0.25 - reach, 0.25 + reach))


def test_strata_hold_every_user_once() -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(0, 100, 997)
    base, run = rng.random(997), rng.random(997)
    found = strata_of(lengths, base, run)
    assert sum(one.users for one in found) == 997
    assert len(found) == 5
    assert max(one.users for one in found) < 250
    mean = sum(one.difference * one.users for one in found) / 997
    assert mean == pytest.approx(float((run - base).mean()))


def test_values_are_matched_by_user_and_averaged_over_seeds(tmp_path: Path) -> None:
    first = {"HR@50": [0.0, 1.0, 1.0], "popularity:HR@50": [1.0, 1.0, 0.0]}
    one = store(tmp_path / "seeds" / "1", first)
    store(tmp_path / "seeds" / "2", {"HR@50": [1.0, 1.0, 0.0]})
    turned = {"user_id": ["u2", "u0", "u1"], "HR@50": [0.5, 0.25, 0.0]}
    other = store(tmp_path / "other", turned)
    means = user_values(tmp_path / "seeds", ["HR@50"], "test")["HR@50"]
    assert means.tolist() == [0.5, 1.0, 0.5]
    base, run = paired_values(tmp_path / "seeds", other, ["HR@50"], "test")["HR@50"]
    assert base.tolist() == [0.5, 1.0, 0.5]
    assert run.tolist() == [0.25, 0.0, 0.5]
    base, _ = paired_values(Path("popularity"), one, ["HR@50"], "test")["HR@50"]
    assert base.tolist() == [1.0, 1.0, 0.0]


def test_lengths_are_matched_by_user(tmp_path: Path) -> None:
    columns = {"user_id": ["u2", "u0", "u1"], "HR@50": [0.0] * 3, "length:unclicked": [7, 5, 6]}
    assert unclicked_lengths(store(tmp_path / "a", columns), "test").tolist() == [5, 6, 7]
    assert unclicked_lengths(store(tmp_path / "b", {"HR@50": [0.0]}), "test") is None


def test_pictures_of_many_different_users_stay_small() -> None:
    rng = np.random.default_rng(0)
    many = spread_of("R@50", np.zeros(20_000), rng.normal(size=20_000))
    text = sorted_differences(many)
    assert text == sorted_differences(many)
    assert len(text) < 200 * MOST_STEPS
    assert "0 see no change (0 %)" in text


def test_all_tie() -> None:
    text = sorted_differences(spread_of("HR@50", np.ones(9), np.ones(9)))
    assert "same: 9" in text
    assert "better:" not in text
    only = strata_of(np.zeros(9, dtype=np.int64), np.ones(9), np.ones(9))
    assert "0 items, 9 users: +0.00 (+0.00 to +0.00)" in strata_picture(only, "HR@50")
