"""Labels and times of the untimed history, by hand."""

from __future__ import annotations

from unclicked.sources.kuairand_history import START_MS, label_history, spread_times

DAY_MS = 86_400_000


def test_labels_by_hand() -> None:
    assert label_history([1, 2, 3], []) == [False] * 3
    assert label_history([1, 2, 3], [9, 1, 2, 3]) == [True] * 3
    assert label_history([1, 2, 1, 2], [1, 2]) == [False, False, True, True]
    assert label_history([1, 2, 1, 2], [2, 1]) == [False, True, True, False]


def test_times_rise_to_the_last() -> None:
    last_ms = START_MS + 4 * DAY_MS
    times = spread_times([1, 2, 2, 1], 8, last_ms)
    assert times[0] == START_MS + 2 * DAY_MS + round(2 * DAY_MS / 3)
    assert times[1] == times[2] < times[3] == last_ms
