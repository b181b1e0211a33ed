"""Rows of the case: counts add up to the items, and shares are those of all test users."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from unclicked.data.dataset import PreparedDataset
from unclicked.errors import UserError
from unclicked.reproduce import figure7
from unclicked.reproduce.passed_over import category_shares
from unclicked.reproduce.results import Results
from unclicked.run import Run, open_run


@pytest.fixture(scope="module")
def runs(tiny_base: Path, tiny_run: Path) -> tuple[Run, Run]:
    return open_run(tiny_base), open_run(tiny_run)


@pytest.fixture(scope="module")
def rows(runs: tuple[Run, Run], tiny_data: PreparedDataset) -> Results:
    return Results(figure7.case_rows("s", "d", *runs, tiny_data, top_k=10, names=("A", "B")))


def test_shares_of_all_users(
    rows: Results, runs: tuple[Run, Run], tiny_data: PreparedDataset
) -> None:
    shares = category_shares(*runs, tiny_data, top_k=10)
    assert shares is not None
    for method, values in (("A", shares.base), ("B", shares.full)):
        (row,) = rows.where(metric="passed_over@10", method=method).rows
        assert (row.values == values).all() and row.text == "leaf_category"
        assert row.value == pytest.approx(sum(values) / len(tiny_data.splits["test"]))
    (able,) = rows.where(metric="passed_over_able").rows
    assert (able.values == shares.able).all()


def test_counts_are_those_of_the_items(rows: Results) -> None:
    later = {row.text for row in rows.where(metric="item", method="truth").rows}
    passed = rows.where(metric="category_passed_over").distinct("text")
    for part in figure7.PARTS:
        items = rows.where(metric="item", method=part).rows
        counts = {
            row.text: row.value for row in rows.where(metric="category_count", method=part).rows
        }
        assert counts == Counter(row.text.split(" \N{MIDDLE DOT} ")[1] for row in items)
        assert [row.x for row in items] == list(range(1, len(items) + 1))
        assert [row.value for row in items] == [float(row.text in later) for row in items]
        if part == "unclicked":
            assert all(counts[name] >= 2 for name in passed)
        if part == "truth":
            assert not set(passed) & set(counts)
    assert passed
    assert len(rows.where(metric="item", method="full list").rows) == 10


def test_the_rule_is_told(rows: Results) -> None:
    (user,) = rows.where(metric="user").rows
    assert user.method == "leaf category"
    assert user.text.startswith("User u") and "Lists of A and B: of " in user.text
    assert np.isnan(user.value)


def test_without_categories(runs: tuple[Run, Run], tiny_data: PreparedDataset) -> None:
    bare = replace(tiny_data, catalogue=replace(tiny_data.catalogue, fields={}))
    with pytest.raises(UserError, match="has no item field with categories"):
        figure7.case_rows("s", "d", *runs, bare)
