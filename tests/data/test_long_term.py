"""Distinct long-term values, the last clicked kept, against a loop."""

from __future__ import annotations

import numpy as np
import pytest

from unclicked.data.long_term import distinct_lengths, distinct_values


def by_loop(clicks: list[int], values: dict[int, list[int]], limit: int) -> list[int]:
    found: list[int] = []
    for item in reversed(clicks):
        for value in reversed(values[item]):
            if value != 0 and value not in found and len(found) < limit:
                found.append(value)
    return found[::-1]


@pytest.mark.parametrize("seed", range(20))
def test_distinct_values_against_a_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    num_items, num_values, limit = 6, 4, int(rng.integers(1, 6))
    values: dict[int, list[int]] = {0: [], num_items + 1: [num_values + 1]}
    for item in range(1, num_items + 1):
        values[item] = rng.integers(0, num_values + 2, size=rng.integers(0, 4)).tolist()
    lists = [values[item] for item in range(num_items + 2)]
    offsets = np.cumsum([0] + [len(one) for one in lists])
    codes = np.array([code for one in lists for code in one], dtype=np.int32)
    clicks = rng.integers(1, num_items + 1, size=40).astype(np.int32)
    starts = rng.integers(0, 40, size=8)
    ends = np.minimum(starts + rng.integers(0, 15, size=8), 40)
    found = distinct_values(starts, ends, clicks, offsets, codes, limit, num_values + 1)
    expected = [
        by_loop(clicks[start:end].tolist(), values, limit)
        for start, end in zip(starts, ends, strict=True)
    ]
    width = max(max(map(len, expected)), 1)
    assert found.tolist() == [one + [0] * (width - len(one)) for one in expected]
    lengths = distinct_lengths(starts, ends, clicks, num_items, limit)
    assert lengths.tolist() == [
        min(len(set(clicks[start:end].tolist())), limit)
        for start, end in zip(starts, ends, strict=True)
    ]


def test_no_long_term_click_leaves_one_empty_column() -> None:
    none = np.zeros(2, dtype=np.int64)
    offsets, codes = np.array([0, 0, 1, 2]), np.array([1, 2], dtype=np.int32)
    items = np.ones(1, dtype=np.int32)
    assert distinct_values(none, none, items, offsets, codes, 3, 2).tolist() == [[0], [0]]
