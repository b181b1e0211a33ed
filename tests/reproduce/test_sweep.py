"""Figures 4 and 5: each value of a setting against the method without a metric loss."""

from __future__ import annotations

import numpy as np
import pytest

from unclicked.reproduce.judged import BROKE
from unclicked.reproduce.methods import FULL, FUSION
from unclicked.reproduce.results import Result, Results
from unclicked.reproduce.sweep import Sweep
from unclicked.statistics import paired_comparison

ALONE = np.array([0.0, 1.0, 0.0, 1.0])
SWEPT = np.array([1.0, 1.0, 0.0, 1.0])


def rows(method: str, values: np.ndarray, x: float = float("nan")) -> list[Result]:
    return [
        Result("s", "d", method, metric, float(values.mean()), values, seed=1, x=x)
        for metric in ("HR@50", "F1@50")
    ]


def test_each_value_has_its_difference_and_interval() -> None:
    broke = Result("s", "d", FULL, BROKE, seed=1, x=3.0, text="error[NAN] lost")
    results = Results([*rows(FUSION, ALONE), *rows(FULL, SWEPT, 1.0), broke])
    table = Sweep("s", "model.margin", "margin", (1.0, 3.0), 3.0).tables(results)[0]
    assert table.rows[0][:4] == ["1", "75.00", "75.00", "+25.00"]
    low, high = paired_comparison(ALONE, SWEPT).ci95
    assert [float(part) for part in table.rows[0][4].split(" to ")] == pytest.approx(
        [100 * low, 100 * high], abs=0.005
    )
    assert table.rows[1] == ["3", "-", "-", "-", "-"]
    assert table.rows[2] == ["no metric loss", "50.00", "50.00", "", ""]
    assert f"{FULL} at 3 broke on d with seed 1: error[NAN] lost" in table.notes
