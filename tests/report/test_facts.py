"""Intervals of means, and one family of tests over several bases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from unclicked import stored_evaluation
from unclicked.report.facts import ReportFacts, compare_pairs, mean_interval


def store(run: Path, columns: dict[str, Any]) -> Path:
    """Keep an evaluation as `evaluate` does."""
    count = len(next(iter(columns.values())))
    table = pa.table({"user_id": [f"u{number}" for number in range(count)]} | columns)
    run.mkdir(parents=True)
    stored_evaluation.store(run, "test", {"users": count, "dataset_sha256": "a"}, table)
    return run


def test_interval_of_a_mean_by_hand() -> None:
    # Mean 1/2; standard error sqrt(1/3)/2 = 0.288675; Student's t for 3 degrees 3.182446.
    low, high = mean_interval(np.array([0.0, 0.0, 1.0, 1.0]))
    assert (low, high) == pytest.approx((0.5 - 0.918693, 0.5 + 0.918693), abs=1e-5)


def test_pairs_are_one_family(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    names = ("HR@50", "popularity:HR@50")
    runs = [
        store(tmp_path / name, {metric: random.random(30).tolist() for metric in names})
        for name in ("base", "other")
    ]
    rows = compare_pairs([(Path("popularity"), runs[0]), (runs[0], runs[1])], ["HR@50"])
    assert [(row["base"], row["run"]) for row in rows] == [
        ("popularity", str(runs[0])),
        (str(runs[0]), str(runs[1])),
    ]
    tables = [stored_evaluation.load(run, "test")[1].to_pydict() for run in runs]
    expected = [
        stats.ttest_rel(tables[0]["HR@50"], tables[0]["popularity:HR@50"]).pvalue,
        stats.ttest_rel(tables[1]["HR@50"], tables[0]["HR@50"]).pvalue,
    ]
    small, large = sorted(expected)
    by_hand = {small: min(1, 2 * small), large: min(1, max(2 * small, large))}
    for row, p in zip(rows, expected, strict=True):
        assert row["p"] == pytest.approx(p)
        assert row["p_holm"] == pytest.approx(by_hand[p])


def test_comparison_is_found_by_name(facts: ReportFacts) -> None:
    row = facts.comparison("shuffled", "HR@50")
    assert row is not None
    assert row["difference"] == -0.01
    assert facts.comparison("shuffled", "R@50") is None
