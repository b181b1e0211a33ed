"""Rows sorted and merged by ranges of users, against sorting tuples and merging them in a dict."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from unclicked.data.row_blocks import NO_CLICK_TIME, Columns, Layout, RowBlocks
from unclicked.data.user_parts import Ranks, UserParts
from unclicked.data.user_rows import NO_SESSION, UserRows, timelines_of

Key = tuple[int, int, int]


def drawn(seed: int, rows: int, users: int, times: int) -> Columns:
    rng = np.random.default_rng(seed)
    clicked = rng.random(rows) < 0.4
    at = np.where(clicked & (rng.random(rows) < 0.5), rng.integers(0, 9, rows), NO_CLICK_TIME)
    return {
        "user": rng.integers(0, users, rows).astype(np.int32),
        "item": rng.integers(0, 5, rows).astype(np.int32),
        "time": rng.integers(0, times, rows),
        "clicked": clicked,
        "click_time": at,
        "session": rng.integers(-1, 3, rows).astype(np.int32),
    }


def merged(rows: Columns, ranks: Ranks) -> tuple[dict[Key, tuple[bool, int, int]], int]:
    """What is kept of each key, in order, and how many were clicked and unclicked."""
    found: dict[Key, list[tuple[bool, int, int]]] = {}
    for user, item, time, clicked, at, session in zip(*rows.values(), strict=True):
        key = (int(ranks.user[user]), int(time), int(ranks.item[item]))
        rank = NO_SESSION if session < 0 else int(ranks.session[session])
        found.setdefault(key, []).append((bool(clicked), int(at), rank))
    kept = {
        key: (any(one[0] for one in rows), min(one[1] for one in rows), min(one[2] for one in rows))
        for key, rows in sorted(found.items())
    }
    mixed = sum(len({one[0] for one in rows}) == 2 for rows in found.values())
    return kept, mixed


def as_dict(parts: list[UserRows]) -> dict[Key, tuple[bool, int, int]]:
    result: dict[Key, tuple[bool, int, int]] = {}
    for rows in parts:
        user = np.repeat(np.arange(len(rows.offsets) - 1) + rows.first, np.diff(rows.offsets))
        keys = zip(user.tolist(), rows.time.tolist(), rows.item.tolist(), strict=True)
        values = zip(
            rows.clicked.tolist(), rows.click_time.tolist(), rows.session.tolist(), strict=True
        )
        result |= dict(zip(keys, values, strict=True))
    return result


@pytest.mark.parametrize("on_disk", [False, True])
@pytest.mark.parametrize(
    ("seed", "rows", "users", "times"),
    [(0, 3000, 20, 400), (1, 3000, 3, 5), (2, 1, 1, 1), (3, 2000, 1, 2000), (4, 900, 400, 50)],
)
def test_against_tuples(
    tmp_path: Path, on_disk: bool, seed: int, rows: int, users: int, times: int
) -> None:
    rng, columns = np.random.default_rng(seed), drawn(seed, rows, users, times)
    ranks = Ranks(*(rng.permutation(count).astype(np.int32) for count in (users, 5, 3)))
    layout = Layout.of_log(click_times=True, sessions=True)
    blocks = RowBlocks(layout, tmp_path / "blocks" if on_disk else None)
    for begin in range(0, rows, 700):
        blocks.append({name: one[begin : begin + 700] for name, one in columns.items()})
    counts = np.zeros(users, dtype=np.int64)
    np.add.at(counts, ranks.user[columns["user"]], 1)
    parts = UserParts(layout, counts, ranks, 256, tmp_path / "parts" if on_disk else None)
    for block in blocks.drain():
        parts.put(block)
    mixed = 0
    for number in range(len(parts)):
        part, conflicts = parts.sort(number)
        mixed += conflicts
        parts.keep(number, part)
    kept = [parts.kept(number) for number in range(len(parts))]
    wanted, wanted_mixed = merged(columns, ranks)
    assert (as_dict(kept), mixed) == (wanted, wanted_mixed)
    # In order, not only the same.
    assert list(as_dict(kept)) == list(wanted)
    parts.close()
    assert not list(tmp_path.iterdir())


def test_clicks_come_by_their_own_time() -> None:
    rows = UserRows(
        first=0,
        offsets=np.array([0, 3, 5]),
        item=np.array([4, 1, 0, 2, 3], dtype=np.int32),
        time=np.array([1, 2, 3, 1, 1]),
        clicked=np.array([True, True, False, True, True]),
        click_time=np.array([9, NO_CLICK_TIME, NO_CLICK_TIME, 5, 5]),
        session=np.array([0, NO_SESSION, 0, 1, 1], dtype=np.int32),
        has_click_times=True,
        has_sessions=True,
    )
    lines = timelines_of(rows, np.array([10, 11, 12, 13, 14], dtype=np.int32), 14)
    # The first user's second row was clicked when shown, before the first row's click.
    assert lines.click_time_us.tolist() == [2, 9, 5, 5]
    assert lines.click_item.tolist() == [11, 14, 12, 13]
    assert lines.click_session.tolist() == [-1, 0, 1, 1]
    assert lines.click_offsets.tolist() == [0, 2, 4]
    assert lines.impression_item.tolist() == [14, 11, 10, 12, 13]


@pytest.mark.parametrize("ties", [3, 2000])
def test_many_clicks_of_one_user_are_in_order(ties: int) -> None:
    rng = np.random.default_rng(ties)
    count = 1000
    at = rng.integers(0, ties, count)
    item = rng.integers(0, 50, count).astype(np.int32)
    rows = UserRows(
        0, np.array([0, count]), item, np.zeros(count, np.int64), np.ones(count, np.bool_),
        at, np.empty(0, np.int32), has_click_times=True, has_sessions=False,
    )  # fmt: skip
    lines = timelines_of(rows, np.arange(1, 51, dtype=np.int32), 50)
    found = list(zip(lines.click_time_us.tolist(), lines.click_item.tolist(), strict=True))
    assert found == sorted(zip(at.tolist(), (item + 1).tolist(), strict=True))
