"""Coding a log and cutting it into timelines, on rows that can be followed by hand."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from unclicked.data.timelines import build_timelines, code_log


def log() -> pa.Table:
    """Two users; the later showing of b was clicked before the earlier showing of c."""
    return pa.table(
        {
            "user_id": pa.chunked_array([["u1", "u1", "u1"], ["u2"]]),
            "item_id": pa.chunked_array([["c", "b", "a"], ["b"]]),
            "timestamp_us": pa.chunked_array([[10, 20, 30], [5]], pa.int64()),
            "clicked": pa.chunked_array([[True, True, False], [False]]),
            "clicked_at_us": pa.chunked_array([[40, None, None], [None]], pa.int64()),
            "session_id": pa.chunked_array([["s2", "s1", None], [None]]),
        }
    )


def test_ids_are_numbered_in_their_order() -> None:
    coded = code_log(log())
    assert coded.users.to_pylist() == ["u1", "u2"]
    assert coded.items.to_pylist() == ["a", "b", "c"]
    assert coded.user.tolist() == [0, 0, 0, 1]
    assert coded.item.tolist() == [2, 1, 0, 1]
    assert coded.click_time.tolist() == [40, 20, 30, 5]
    assert coded.session[2:].tolist() == [-1, -1]
    assert len({*coded.session[:2].tolist(), -1}) == 3


def test_clicks_stand_in_order_of_the_click() -> None:
    index_of = np.array([7, 8, 9], dtype=np.int32)
    lines = build_timelines(code_log(log()), index_of, 9)
    assert lines.impression_offsets.tolist() == [0, 3, 4]
    assert lines.impression_item.tolist() == [9, 8, 7, 8]
    assert lines.click_offsets.tolist() == [0, 2, 2]
    assert lines.click_item.tolist() == [8, 9]
    assert lines.click_time_us.tolist() == [20, 40]


def test_a_click_without_a_time_of_its_own_happened_when_shown() -> None:
    coded = code_log(log().drop_columns(["clicked_at_us", "session_id"]))
    assert coded.click_time.tolist() == [10, 20, 30, 5]
    assert coded.session.tolist() == [-1] * 4
