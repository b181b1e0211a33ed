"""Counts of a log against a naive loop and numbers by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from unclicked.data.card_log import (
    SHOWINGS,
    Days,
    count_log,
    day_facts,
    days_of,
    length_counts,
    showing_facts,
)
from unclicked.data.rules import Timelines
from unclicked.data.split import Boundaries

DAY = 86_400_000_000
Shown = tuple[int, int, int, bool]


def timelines(rows: list[Shown], users: int, items: int) -> tuple[Timelines, np.ndarray]:
    """Timelines of (user, time, item, clicked); only impressions matter here."""
    rows = sorted(rows)
    user, time, item, clicked = (np.array(one) for one in zip(*rows, strict=True))
    offsets = np.searchsorted(user, np.arange(users + 1))
    none = np.zeros(0, dtype=np.int64)
    lines = Timelines(
        impression_offsets=offsets.astype(np.int64),
        impression_time_us=time.astype(np.int64),
        impression_item=item.astype(np.int32),
        click_offsets=np.zeros(users + 1, dtype=np.int64),
        click_time_us=none,
        click_item=none.astype(np.int32),
        click_session=none,
        num_items=items,
    )
    return lines, clicked.astype(np.bool_)


def showings(rows: list[Shown], users: int, items: int, before_us: int) -> dict[str, Any]:
    whole = Days(np.zeros(1, dtype=np.int64), ["all"], 1)
    return showing_facts(count_log(*timelines(rows, users, items), before_us, whole))


def of_days(
    rows: list[Shown], users: int, items: int, bounds: Boundaries, zone: str | None
) -> list[dict[str, Any]]:
    days = days_of(bounds, zone)
    counts = count_log(*timelines(rows, users, items), bounds.validation_us, days)
    return day_facts(counts, days, bounds)


def naive(rows: list[Shown], before: int) -> dict[str, Any]:
    """The definition, pair by pair."""
    pairs: dict[tuple[int, int], list[tuple[int, bool]]] = {}
    for user, time, item, clicked in sorted(rows):
        pairs.setdefault((user, item), []).append((time, clicked))
    shown, hit = [0] * SHOWINGS, [0] * SHOWINGS
    for showings in pairs.values():
        for number, (time, clicked) in enumerate(showings):
            if any(earlier for _, earlier in showings[:number]) or time >= before:
                continue
            place = min(number, SHOWINGS - 1)
            shown[place] += 1
            hit[place] += clicked
    return {
        "pairs_shown_again": {
            "pairs": len(pairs),
            "shown_again": sum(len(one) > 1 for one in pairs.values()),
            "rows_again": sum(len(one) - 1 for one in pairs.values()),
        },
        "clicks_by_showing": [
            {"showing": n, "shown": a, "clicked": b}
            for n, (a, b) in enumerate(zip(shown, hit, strict=True), start=1)
        ],
    }


def test_clicks_by_showing_by_hand() -> None:
    # User 0 is shown item 1 three times and clicks the second time, item 2 once without a click.
    # User 1 is shown item 1 twice; the second time is past the training days.
    rows = [(0, 1, 1, False), (0, 2, 1, True), (0, 3, 1, False), (0, 4, 2, False),
            (1, 1, 1, False), (1, 9, 1, True)]  # fmt: skip
    found = showings(rows, 2, 2, before_us=5)
    assert found["pairs_shown_again"] == {"pairs": 3, "shown_again": 2, "rows_again": 3}
    shown = [(one["shown"], one["clicked"]) for one in found["clicks_by_showing"]]
    assert shown == [(3, 0), (1, 1)] + [(0, 0)] * (SHOWINGS - 2)


@pytest.mark.parametrize("seed", range(5))
def test_clicks_by_showing_against_a_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    times = rng.permutation(1000)
    rows = [
        (int(rng.integers(6)), int(times[n]), int(rng.integers(1, 5)), bool(rng.random() < 0.2))
        for n in range(300)
    ]
    assert showings(rows, 6, 4, before_us=700) == naive(rows, 700)


def test_counts_of_two_ranges_of_users_add_up() -> None:
    rng = np.random.default_rng(7)
    times = rng.permutation(3 * DAY // 1000)[:400] * 1000
    rows = [
        (int(rng.integers(8)), int(times[n]), int(rng.integers(1, 6)), bool(rng.random() < 0.3))
        for n in range(400)
    ]
    bounds = Boundaries(int(times.min()), DAY, 2 * DAY, 3 * DAY)
    days = days_of(bounds, None)
    first, second = (
        count_log(*timelines([one for one in rows if (one[0] < 3) == low], 8, 5), DAY, days)
        for low in (True, False)
    )
    both = first + second
    assert showing_facts(both) == naive(rows, DAY)
    counted = [(one["rows"], one["clicks"]) for one in day_facts(both, days, bounds)]
    assert counted == [
        (
            sum(time // DAY == day for _, time, _, _ in rows),
            sum(time // DAY == day and hit for _, time, _, hit in rows),
        )
        for day in range(3)
    ]


def test_days_by_hand() -> None:
    rows = [(0, DAY // 2, 1, True), (0, DAY // 2 + 1, 1, False), (0, 2 * DAY, 1, True),
            (1, 3 * DAY - 1, 2, False)]  # fmt: skip
    bounds = Boundaries(DAY // 2, DAY, 2 * DAY, 3 * DAY)
    found = of_days(rows, 2, 2, bounds, None)
    assert found == [
        {"day": "1970-01-01", "rows": 2, "clicks": 1, "split": "train"},
        {"day": "1970-01-02", "rows": 0, "clicks": 0, "split": "validation"},
        {"day": "1970-01-03", "rows": 2, "clicks": 1, "split": "test"},
    ]


def test_days_are_those_of_the_zone() -> None:
    # In Shanghai a new day begins at 16:00 UTC.
    rows = [(0, 15 * 3_600_000_000, 1, False), (0, 16 * 3_600_000_000, 1, True)]
    bounds = Boundaries(rows[0][1], 16 * 3_600_000_000, 40 * 3_600_000_000, 64 * 3_600_000_000)
    found = of_days(rows, 1, 1, bounds, "Asia/Shanghai")
    assert [(one["day"], one["rows"], one["split"]) for one in found] == [
        ("1970-01-01", 1, "train"),
        ("1970-01-02", 1, "validation"),
        ("1970-01-03", 0, "test"),
    ]


def test_a_long_log_is_told_in_several_days_at_once() -> None:
    rows = [(0, 0, 1, True), (0, 899 * DAY, 1, False)]
    bounds = Boundaries(0, 898 * DAY, 899 * DAY, 900 * DAY)
    found = of_days(rows, 1, 1, bounds, None)
    assert len(found) == 300
    assert {one["days"] for one in found} == {3}
    assert (found[0]["rows"], found[-1]["rows"], found[0]["clicks"]) == (1, 1, 1)


def test_lengths_are_counted_once_each() -> None:
    lengths = np.array([0, 1, 2, 3, 4, 5, 9, 10, 49, 50, 1000, 5000])
    found = length_counts(lengths)
    assert sum(found["count"]) == len(lengths)
    ends = [*found["from"][1:], np.inf]
    for low, high, count in zip(found["from"], ends, found["count"], strict=True):
        assert count == sum(low <= one < high for one in lengths.tolist())
    assert length_counts(np.array([2])) == {"from": [0, 1, 2], "count": [0, 0, 1]}
    assert length_counts(np.zeros(0, dtype=np.int64)) == {"from": [], "count": []}
