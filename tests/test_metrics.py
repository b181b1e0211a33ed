"""Metrics against worked numbers, naive loops and an independent formula."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from unclicked.errors import UserError
from unclicked.metrics import coverage, per_user

NAMES = ("HR", "MRR", "P", "R", "F1", "NDCG")
RANKED = np.array([range(first, first + 5) for first in (11, 21, 31, 41)])
TRUTH = [{12, 15, 40}, {99}, {31, 33, 34, 35}, set(range(45, 53))]


@st.composite
def cases(draw: st.DrawFn) -> tuple[NDArray[np.int64], list[set[int]], int]:
    """Lists of distinct items, filled with 0 at the end, and truths that may be empty."""
    length, num_items = draw(st.integers(1, 6)), draw(st.integers(1, 9))
    item = st.integers(1, num_items)
    users = draw(
        st.lists(st.tuples(st.lists(item, unique=True, max_size=length), st.sets(item)), max_size=6)
    )
    lists = [items + [0] * (length - len(items)) for items, _ in users]
    ranked = np.array(lists, dtype=np.int64).reshape(len(users), length)
    return ranked, [truth for _, truth in users], draw(st.integers(1, length))


def naive(ranked: NDArray[np.int64], truth: list[set[int]], top_k: int) -> dict[str, list[float]]:
    """One user, one rank at a time."""
    result: dict[str, list[float]] = {f"{name}@{top_k}": [] for name in NAMES}
    for items, wanted in zip(ranked.tolist(), truth, strict=True):
        ranks = [rank for rank, item in enumerate(items[:top_k], 1) if item in wanted]
        precision = len(ranks) / top_k
        recall = len(ranks) / len(wanted) if wanted else 0.0
        gain = sum(math.log(2) / math.log(1 + rank) for rank in ranks)
        best = sum(math.log(2) / math.log(1 + r) for r in range(1, min(len(wanted), top_k) + 1))
        values = (
            float(bool(ranks)),
            1 / ranks[0] if ranks else 0.0,
            precision,
            recall,
            2 * precision * recall / (precision + recall) if ranks else 0.0,
            gain / best if best else 0.0,
        )
        for name, value in zip(NAMES, values, strict=True):
            result[f"{name}@{top_k}"].append(value)
    return result


def ragged(truth: list[set[int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    offsets = np.cumsum([0, *map(len, truth)])
    values = [item for items in truth for item in sorted(items, reverse=True)]
    return offsets, np.array(values, dtype=np.int64)


@pytest.mark.parametrize(
    ("top_k", "expected", "f1_of_means"),
    [
        (
            3,
            {
                "HR": [1, 0, 1, 0],
                "MRR": [0.5, 0, 1, 0],
                "P": [0.333333, 0, 0.666667, 0],
                "R": [0.333333, 0, 0.5, 0],
                "F1": [0.333333, 0, 0.571429, 0],
            },
            0.227273,
        ),
        (
            5,
            {
                "HR": [1, 0, 1, 1],
                "MRR": [0.5, 0, 1, 0.2],
                "P": [0.4, 0, 0.8, 0.2],
                "R": [0.666667, 0, 1, 0.125],
                "F1": [0.5, 0, 0.888889, 0.153846],
            },
            0.392950,
        ),
    ],
)
def test_worked_example(top_k: int, expected: dict[str, list[float]], f1_of_means: float) -> None:
    result = per_user(RANKED, TRUTH, top_k)
    for name, values in expected.items():
        assert result[f"{name}@{top_k}"] == pytest.approx(values, abs=1e-6)
    precision, recall = result[f"P@{top_k}"].mean(), result[f"R@{top_k}"].mean()
    assert 2 * precision * recall / (precision + recall) == pytest.approx(f1_of_means, abs=1e-6)
    assert result[f"F1@{top_k}"].mean() != pytest.approx(f1_of_means, abs=1e-4)


def test_worked_means() -> None:
    means = {
        3: {"HR": 0.5, "MRR": 0.375, "P": 0.25, "R": 0.208333, "F1": 0.226190},
        5: {"HR": 0.75, "MRR": 0.425, "P": 0.35, "R": 0.447917, "F1": 0.385684},
    }
    for top_k, expected in means.items():
        result = per_user(RANKED, TRUTH, top_k)
        found = {name: result[f"{name}@{top_k}"].mean() for name in expected}
        assert found == pytest.approx(expected, abs=1e-6)


@settings(deadline=None)
@given(cases())
def test_equals_naive_loop(case: tuple[NDArray[np.int64], list[set[int]], int]) -> None:
    ranked, truth, top_k = case
    result = per_user(ranked, truth, top_k)
    expected = naive(ranked, truth, top_k)
    assert set(result) == set(expected)
    for name, values in expected.items():
        assert result[name].dtype == np.float64
        np.testing.assert_allclose(result[name], values, rtol=0, atol=1e-12)


@settings(deadline=None)
@given(cases())
def test_ragged_truth_equals_sets(case: tuple[NDArray[np.int64], list[set[int]], int]) -> None:
    ranked, truth, top_k = case
    of_sets, of_arrays = per_user(ranked, truth, top_k), per_user(ranked, ragged(truth), top_k)
    for name, values in of_sets.items():
        np.testing.assert_array_equal(of_arrays[name], values)


@settings(deadline=None)
@given(cases())
def test_bounds(case: tuple[NDArray[np.int64], list[set[int]], int]) -> None:
    result = per_user(*case)
    top_k = case[2]
    for values in result.values():
        assert np.all((values >= 0) & (values <= 1))
    assert np.all(result[f"MRR@{top_k}"] <= result[f"HR@{top_k}"])
    assert np.all(result[f"P@{top_k}"] <= result[f"HR@{top_k}"])


@settings(deadline=None)
@given(cases(), st.integers(0, 2**32 - 1))
def test_users_do_not_influence_each_other(
    case: tuple[NDArray[np.int64], list[set[int]], int], seed: int
) -> None:
    ranked, truth, top_k = case
    order = np.random.default_rng(seed).permutation(len(truth))
    moved = per_user(ranked[order], [truth[user] for user in order], top_k)
    for name, values in per_user(ranked, truth, top_k).items():
        np.testing.assert_array_equal(moved[name], values[order])


def test_ndcg_by_hand() -> None:
    # Hits at ranks 1 and 3 of two wanted items: (1 + 1/2) / (1 + 1/log2(3)).
    result = per_user(np.array([[7, 8, 9]]), [{7, 9}], 3)["NDCG@3"]
    assert result[0] == pytest.approx(1.5 / (1 + 1 / math.log2(3)), abs=1e-12)
    # More wanted items than places: a full list is perfect.
    assert per_user(np.array([[7, 8]]), [{7, 8, 9, 10}], 2)["NDCG@2"][0] == 1.0


def test_entries_below_one_are_no_items() -> None:
    result = per_user(np.array([[0, -1, 5]]), (np.array([0, 3]), np.array([0, -1, 5])), 3)
    assert result["MRR@3"][0] == pytest.approx(1 / 3)
    assert result["P@3"][0] == pytest.approx(1 / 3)
    # The empty place before user 1 is not the last item of user 0.
    assert per_user(np.array([[1], [-1]]), [{3}, {2}], 1)["HR@1"].tolist() == [0.0, 0.0]
    # Items outside the catalogue count against the recall, each of them.
    assert result["R@3"][0] == pytest.approx(1 / 3)
    two_unknown = per_user(np.array([[5]]), (np.array([0, 3]), np.array([0, 0, 5])), 1)
    assert two_unknown["R@1"][0] == pytest.approx(1 / 3)


def test_repeated_items_count_once() -> None:
    result = per_user(np.array([[4, 4, 4]]), (np.array([0, 3]), np.array([4, 4, 6])), 3)
    assert result["R@3"].tolist() == [0.5]
    assert result["P@3"][0] == pytest.approx(1 / 3)
    assert result["NDCG@3"][0] == pytest.approx(1 / (1 + 1 / math.log2(3)))


def test_memory_order_does_not_matter() -> None:
    ranked = np.array([[4, 4], [5, 6], [7, 7]])
    truth = [{4}, {6}, {7, 8}]
    columns_first = per_user(np.asfortranarray(ranked), truth, 2)
    assert columns_first["P@2"].tolist() == per_user(ranked, truth, 2)["P@2"].tolist()
    assert columns_first["P@2"].tolist() == [0.5, 0.5, 0.5]


def test_empty_truth_is_zero() -> None:
    assert all(values.tolist() == [0.0] for values in per_user(RANKED[:1], [set()], 5).values())


@pytest.mark.parametrize(
    ("ranked", "truth", "top_k", "where"),
    [
        (np.array([[1, 2]]), [{1}], 3, "top_k"),
        (np.array([[1, 2]]), [{1}], 0, "top_k"),
        (np.array([1, 2]), [{1}], 1, "ranked"),
        (np.array([[1.0, 2.0]]), [{1}], 1, "ranked"),
        (np.array([[1, 2]]), [{1}, {2}], 1, "truth"),
        (np.array([[1, 2]]), [{"a"}], 1, "truth"),
        (np.array([[1, 2]]), (np.array([0, 2]), np.array([1])), 1, "truth offsets"),
        (np.array([[2**62], [1]]), [{1}, {2}], 1, "ranked and truth"),
    ],
)
def test_bad_input(
    ranked: NDArray[np.int64], truth: list[set[int]], top_k: int, where: str
) -> None:
    with pytest.raises(UserError) as caught:
        per_user(ranked, truth, top_k)
    assert caught.value.where == where


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(-1, 8), min_size=3, max_size=3), max_size=5))
def test_coverage_equals_set(lists: list[list[int]]) -> None:
    distinct = {item for items in lists for item in items if item > 0}
    assert coverage(np.array(lists, dtype=np.int64), 8) == len(distinct) / 8


def test_coverage_refuses_foreign_items() -> None:
    with pytest.raises(UserError, match="found 3, expected at least 4"):
        coverage(np.array([[1, 4]]), 3)


def test_does_not_import_torch() -> None:
    code = "import sys, unclicked.metrics; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
