"""Means over methods, user by user; what is not there for all of them is not there at all."""

from __future__ import annotations

import numpy as np

from unclicked.reproduce.judged import BROKE
from unclicked.reproduce.pooled import pooled
from unclicked.reproduce.results import Result, Results


def row(method: str, seed: int, values: list[float], metric: str = "R@50") -> Result:
    return Result("s", "d", method, metric, float(np.mean(values)), np.array(values), seed=seed)


ROWS = [
    row("a", 1, [0.0, 1.0, 0.0]),
    row("b", 1, [1.0, 1.0, 0.0]),
    row("a", 2, [0.5, 0.0, 0.0]),
    row("b", 2, [0.0, 0.0, 1.0]),
    row("a", 3, [0.5, 0.0, 0.0]),
    row("a", 1, [1.0, 1.0, 1.0], "HR@50"),
]


def test_users_means_seed_by_seed() -> None:
    found = pooled(Results(ROWS), {"both": ["a", "b"], "first": ["a"]}, ["R@50", "HR@50"])
    both = found.where(method="both", metric="R@50").rows
    # Seed 3 has no b, and b has no HR@50.
    assert {one.seed: one.values.tolist() for one in both} == {
        1: [0.5, 1.0, 0.0],
        2: [0.25, 0.0, 0.5],
    }
    assert both[0].value == 0.5
    assert not found.where(method="both", metric="HR@50").rows
    assert len(found.where(method="first").rows) == 4


def test_a_training_that_broke_leaves_its_group_out() -> None:
    rows = [*ROWS, Result("s", "d", "b", BROKE, text="error[X]", seed=2)]
    found = pooled(Results(rows), {"both": ["a", "b"], "first": ["a"]}, ["R@50"])
    assert found.distinct("method") == ["first"]
