"""Comparisons over seeds and data sets against calculations by hand and by SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from unclicked.reproduce.comparing import compare, per_user, seed_means
from unclicked.reproduce.judged import BROKE
from unclicked.reproduce.results import Result, Results


def rows_of(method: str, values: list[list[float]], data: str = "d") -> list[Result]:
    return [
        Result("s", data, method, "HR@50", float(np.mean(one)), np.array(one), seed=seed)
        for seed, one in enumerate(values)
    ]


BASE = [[0.0, 1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 0.0, 0.0]]
RUN = [[1.0, 1.0, 0.0, 1.0, 1.0], [1.0, 1.0, 1.0, 0.0, 0.0]]


def test_seeds_are_averaged_before_the_test() -> None:
    results = Results([*rows_of("a", BASE), *rows_of("b", RUN)])
    (one,) = compare(results, [("a", "b")], ["HR@50"])
    before, after = np.mean(BASE, axis=0), np.mean(RUN, axis=0)
    assert one.paired.difference == pytest.approx(float((after - before).mean()))
    assert one.paired.p == pytest.approx(stats.ttest_rel(after, before).pvalue)
    assert one.p_gain == pytest.approx(stats.ttest_rel(after, before, alternative="greater").pvalue)
    assert one.p_holm == one.paired.p


def test_holm_covers_all_pairs_together() -> None:
    third = [[0.0, 1.0, 1.0, 1.0, 0.0]]
    results = Results([*rows_of("a", BASE), *rows_of("b", RUN), *rows_of("c", third)])
    found = compare(results, [("a", "b"), ("a", "c")], ["HR@50"])
    smaller, larger = sorted(found, key=lambda one: one.paired.p)
    assert smaller.p_holm == pytest.approx(min(2 * smaller.paired.p, 1.0))
    assert larger.p_holm == pytest.approx(max(larger.paired.p, smaller.p_holm))


def test_users_of_all_data_sets_count() -> None:
    results = Results(
        [
            *rows_of("a", [[0.0, 0.0, 0.0]]),
            *rows_of("b", [[1.0, 0.0, 1.0]]),
            *rows_of("a", [[1.0, 0.0]], "e"),
            *rows_of("b", [[1.0, 1.0]], "e"),
        ]
    )
    (one,) = compare(results, [("a", "b")], ["HR@50"])
    assert one.paired.users == 5
    assert one.paired.difference == pytest.approx(3 / 5)
    assert seed_means(results, "b", "HR@50").tolist() == [pytest.approx(4 / 5)]
    assert per_user(results, "b", "HR@50").mean() == pytest.approx(4 / 5)


def test_a_method_that_broke_once_is_not_compared() -> None:
    broke = Result("s", "d", "b", BROKE, text="error[NAN]", seed=1)
    results = Results([*rows_of("a", BASE), *rows_of("b", RUN), broke])
    assert compare(results, [("a", "b")], ["HR@50"]) == []
    assert len(per_user(results, "b", "HR@50")) == 0
    assert len(seed_means(results, "b", "HR@50")) == 0
