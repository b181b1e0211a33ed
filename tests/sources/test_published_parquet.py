"""Parquet files are read in order, and a wrong type or gap is named with its row."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unclicked.errors import UserError
from unclicked.sources import published_parquet
from unclicked.sources.published_parquet import KINDS, flatten, read_parquet

LISTS = pa.array([[1], [2, 3], [], [4, 5, 6], [7]], pa.large_list(pa.int32()))


def test_batches_are_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.parquet"
    table = pa.table({"c": [9] * 5, "a": pa.array([1, 2, 3, 4, 5], pa.uint32()), "b": LISTS})
    pq.write_table(table, path, row_group_size=3)
    monkeypatch.setattr(published_parquet, "BATCH_ROWS", 2)
    batches = list(read_parquet(path, {"b": "list of integers", "a": "integer"}))
    assert [batch.first_row for batch in batches][:2] == [0, 2]
    assert all(batch.table.column_names == ["b", "a"] for batch in batches)
    assert pa.concat_tables(batch.table for batch in batches) == table.select(["b", "a"])
    pairs = []
    for batch in batches:
        rows, values = flatten(batch.column("b"))
        pairs += list(zip((rows + batch.first_row).tolist(), values.to_pylist(), strict=True))
    assert pairs == [(0, 1), (1, 2), (1, 3), (3, 4), (3, 5), (3, 6), (4, 7)]


def test_a_slice_of_lists() -> None:
    rows, values = flatten(LISTS[1:4])
    assert (rows.tolist(), values.to_pylist()) == ([0, 0, 2, 2, 2], [2, 3, 4, 5, 6])


def test_gaps_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"a": [1, 2, 3, None], "b": [[1], [2], [3, None], [4]]}), path)
    monkeypatch.setattr(published_parquet, "BATCH_ROWS", 2)
    first, second = read_parquet(path, {"a": "integer", "b": "list of integers"})
    first.refuse_gaps(["a", "b"])
    with pytest.raises(UserError, match=r"x.parquet row 3 column 'a': found nothing, expected a"):
        second.refuse_gaps(["a"])
    with pytest.raises(UserError, match=r"row 2 column 'b': found a list with a gap"):
        second.refuse_gaps(["b"])
    second.refuse(-1, "a", "it", "it")


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("integer", pa.int8(), pa.uint64()),
        ("integer", pa.uint32(), pa.float64()),
        ("text", pa.large_string(), pa.binary()),
        ("boolean", pa.bool_(), pa.int8()),
        ("timestamp", pa.timestamp("ns"), pa.date32()),
        ("list of integers", pa.large_list(pa.int16()), pa.int16()),
        ("list of texts", pa.list_(pa.string()), pa.list_(pa.int64())),
        ("list of timestamps", pa.list_(pa.timestamp("us")), pa.list_(pa.int64())),
    ],
)
def test_types(tmp_path: Path, kind: str, good: pa.DataType, bad: pa.DataType) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"a": pa.array([None], good)}), path)
    assert len(list(read_parquet(path, {"a": kind}))) == 1
    with pytest.raises(UserError, match=r"column 'b': found no such column among a, expected"):
        list(read_parquet(path, {"b": kind}))
    pq.write_table(pa.table({"a": pa.array([None], bad)}), path)
    with pytest.raises(UserError, match=rf"column 'a': found .*, expected {kind}"):
        list(read_parquet(path, {"a": kind}))
    assert kind in KINDS


def test_broken_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"a": list(range(5000))}), path)
    whole = path.read_bytes()
    for content in (b"", b"PAR1", whole[:-9], b"\0" * 2000 + whole[2000:]):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"x.parquet: cannot be read as Parquet"):
            list(read_parquet(path, {"a": "integer"}))
    with pytest.raises(UserError, match=r"y.parquet: cannot be read as Parquet"):
        list(read_parquet(tmp_path / "y.parquet", {"a": "integer"}))
