"""Ranges of list lengths, and the differences within them by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unclicked.reproduce import strata as room
from unclicked.reproduce.judged import LENGTH
from unclicked.reproduce.results import Result, Results


@given(st.lists(st.integers(0, 30), min_size=1, max_size=60))
def test_every_user_is_in_one_range(lengths: list[int]) -> None:
    ranges = room.bins_of(np.array(lengths, dtype=np.float64))
    for length in lengths:
        assert sum(low <= length <= high for low, high in ranges) == 1
    assert ranges == sorted(ranges)


def test_differences_are_taken_within_a_range(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "FEWEST", 2)
    lengths = np.array([0.0, 0.0, 3.0, 3.0, 9.0, 9.0])

    def row(method: str, metric: str, values: list[float]) -> Result:
        return Result("s", "d", method, metric, 0.0, np.array(values))

    results = Results(
        [
            row("", LENGTH, lengths.tolist()),
            row("a", "HR@50", [0, 0, 0, 0, 1, 1]),
            row("b", "HR@50", [0, 0, 1, 0, 1, 1]),
        ]
    )
    table = room.strata(results, "a", ["b", "never judged"])
    assert [row[:2] for row in table.rows] == [["0", "2"], ["3", "2"], ["9", "2"]]
    assert [row[2].split(" ")[0] for row in table.rows] == ["+0.00", "+50.00", "+0.00"]
    assert all(row[3] == "not judged" for row in table.rows)
