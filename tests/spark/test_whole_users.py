"""Cutting batches at users: nothing is lost, moved or cut, however the batches fell."""

from __future__ import annotations

from itertools import pairwise

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from unclicked.spark.whole_users import whole_users


@given(
    lengths=st.lists(st.integers(1, 12), max_size=12),
    cuts=st.lists(st.integers(0, 60), max_size=10),
    num_rows=st.integers(1, 30),
    text=st.booleans(),
)
def test_no_user_is_cut_and_no_row_is_lost(
    lengths: list[int], cuts: list[int], num_rows: int, text: bool
) -> None:
    users = [n for n, length in enumerate(lengths) for _ in range(length)]
    whole = pa.table(
        {
            "user_id": pa.array(
                [f"u{n:02}" if text else n for n in users], pa.string() if text else pa.int64()
            ),
            "row": pa.array(range(len(users)), pa.int64()),
        }
    )
    places = [0, *sorted(min(cut, len(users)) for cut in cuts), len(users)]
    batches = [
        batch
        for begin, end in pairwise(places)
        for batch in whole.slice(begin, end - begin).to_batches()
    ]
    tables = list(whole_users(iter(batches), num_rows))
    assert [row for one in tables for row in one["row"].to_pylist()] == list(range(len(users)))
    seen: set[object] = set()
    for table in tables[:-1]:
        assert table.num_rows > 0
    for table in tables:
        here = set(table["user_id"].to_pylist())
        assert not here & seen
        seen |= here


def test_a_block_waits_for_its_rows_but_not_for_all() -> None:
    batches = [pa.RecordBatch.from_pydict({"user_id": [n, n]}) for n in range(10)]
    tables = list(whole_users(iter(batches), 4))
    # Four rows are two users; the second one's end is only known from the third.
    assert [one.num_rows for one in tables][0] == 2
    assert max(one.num_rows for one in tables) <= 4


def test_rows_without_a_user_are_not_held_together() -> None:
    none = pa.RecordBatch.from_arrays([pa.nulls(5, pa.int64())], names=["user_id"])
    some = pa.RecordBatch.from_pydict({"user_id": [1, 1]})
    tables = list(whole_users(iter([none, none, some]), 5))
    assert [one.num_rows for one in tables] == [5, 5, 2]
