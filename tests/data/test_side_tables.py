"""Tables of items and users: ids of the log's kind, fields as categories."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unclicked.data.schema import ReadOptions
from unclicked.data.side_fields import SideField, bin_labels
from unclicked.data.side_tables import SideTable, read_side_table
from unclicked.errors import ArtefactError, UserError

INT, TEXT = pa.int64(), pa.string()


def csv_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "items.csv"
    path.write_text(text)
    return path


def parquet_file(tmp_path: Path, **columns: Any) -> Path:
    path = tmp_path / "items.parquet"
    pq.write_table(pa.table(columns), path)
    return path


def read(path: Path, kind: pa.DataType = INT, **options: Any) -> SideTable:
    return read_side_table(path, "item_id", ReadOptions(**options), kind)


def lists(field: SideField) -> list[list[str]]:
    return [field.row(n) for n in range(len(field.offsets) - 1)]


def test_csv_is_sorted_by_id_and_empty_fields_give_nothing(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "item_id,brand,size\n30,b,7\n4,,8\n5,a,007\n")
    table = read(path)
    assert table.ids.equals(pa.array([4, 5, 30]))
    assert lists(table.fields["brand"]) == [[], ["a"], ["b"]]
    assert lists(table.fields["size"]) == [["8"], ["007"], ["7"]]
    assert table.fields["brand"].offsets.tolist() == [0, 0, 1, 2]
    assert isinstance(table.fields["brand"].values, pa.StringArray)


def test_parquet_types(tmp_path: Path) -> None:
    table = read(
        parquet_file(
            tmp_path,
            item_id=pa.array(["b", "a"]).dictionary_encode(),
            shop=pa.array([7, None], pa.int16()),
            new=[True, False],
            brand=pa.array(["x", "y"]).dictionary_encode(),
            tags=pa.array([["p", None, "q"], None]),
            colours=pa.array([[], [3, 1]], pa.large_list(pa.int8())),
            pair=pa.array([[1, 2], None], pa.list_(pa.int8(), 2)),
            nothing=pa.nulls(2),
        ),
        TEXT,
    )
    assert table.ids.equals(pa.array(["a", "b"]))
    assert {name: lists(field) for name, field in table.fields.items()} == {
        "shop": [[], ["7"]],
        "new": [["false"], ["true"]],
        "brand": [["y"], ["x"]],
        "tags": [[], ["p", "q"]],
        "colours": [["3", "1"], []],
        "pair": [[], ["1", "2"]],
        "nothing": [[], []],
    }


def test_mapped_id_column_and_its_own_name(tmp_path: Path) -> None:
    columns = {"item_id": "video_id"}
    mapped = csv_file(tmp_path, "video_id,brand\n1,a\n")
    assert read(mapped, columns=columns).ids.to_pylist() == [1]
    own = csv_file(tmp_path, "item_id,brand\n2,a\n")
    assert read(own, columns=columns).ids.to_pylist() == [2]
    both = csv_file(tmp_path, "item_id,video_id\n2,3\n")
    with pytest.raises(UserError, match='"item_id": found beside "video_id"'):
        read(both, columns=columns)
    with pytest.raises(UserError, match=r'\[data.columns\] item_id = "video_id"'):
        read(csv_file(tmp_path, "video_id,brand\n1,a\n"))


@pytest.mark.parametrize(
    ("ids", "id_type"), [(pa.array(["1"]), INT), (pa.array([1]), TEXT)], ids=["text", "integer"]
)
def test_ids_of_another_kind_than_in_the_log_are_refused(
    tmp_path: Path, ids: pa.Array, id_type: pa.DataType
) -> None:
    path = parquet_file(tmp_path, item_id=ids)
    with pytest.raises(UserError) as caught:
        read(path, id_type)
    assert f'{path} column "item_id"' in str(caught.value)
    assert f'column "item_id" of the log has {id_type} ids' in str(caught.value)


def test_forced_text_reads_integer_ids_as_text(tmp_path: Path) -> None:
    path = parquet_file(tmp_path, item_id=[10, 9])
    assert read(path, TEXT, id_type="text").ids.to_pylist() == ["10", "9"]


def test_csv_ids_follow_the_log(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "item_id\n7\n10\n")
    assert read(path, TEXT).ids.to_pylist() == ["10", "7"]
    assert read(path, INT).ids.to_pylist() == [7, 10]
    with pytest.raises(UserError, match='items.csv:3 column "item_id": found "007"'):
        read(csv_file(tmp_path, "item_id\n7\n007\n"), INT)
    assert read(path, TEXT).ids.to_pylist() == ["007", "7"]


@pytest.mark.parametrize("content", ["item_id,b\n,x\n", "item_id,b\n1\n", 'item_id,b\n1,"x\n'])
def test_bad_rows_are_always_errors(tmp_path: Path, content: str) -> None:
    with pytest.raises(UserError, match="items.csv:2"):
        read(csv_file(tmp_path, content), on_bad_row="quarantine")


def test_equal_duplicates_are_dropped_and_counted(tmp_path: Path) -> None:
    table = read(csv_file(tmp_path, "item_id,b\n1,x\n2,y\n1,x\n1,x\n"))
    assert table.ids.to_pylist() == [1, 2]
    assert lists(table.fields["b"]) == [["x"], ["y"]]
    assert table.duplicates == 2


def test_different_duplicates_name_both_rows(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        read(csv_file(tmp_path, "item_id,b,c\n1,x,k\n2,y,k\n1,x,m\n"))
    message = str(caught.value)
    assert 'items.csv:4 column "c"' in message
    assert "['m'], but ['k'] in row 2" in message


def test_numbers_with_fractions_need_bins(tmp_path: Path) -> None:
    paths = [
        csv_file(tmp_path, "item_id,price\n1,5.0\n2,\n3,10\n4,99.5\n5,-1\n"),
        parquet_file(tmp_path, item_id=[1, 2, 3, 4, 5], price=[5.0, None, 10.0, 99.5, -1.0]),
    ]
    for path in paths:
        with pytest.raises(UserError, match=r"data.item_bins.price = \[") as caught:
            read(path)
        assert 'column "price"' in caught.value.where
        table = read(path, bins={"price": [0.0, 10.0]})
        assert lists(table.fields["price"]) == [
            ["[0,10)"],
            [],
            ["[10,inf)"],
            ["[10,inf)"],
            ["[-inf,0)"],
        ]


def test_integers_and_lists_may_be_binned(tmp_path: Path) -> None:
    path = parquet_file(tmp_path, item_id=[1, 2], age=[18, 17], sizes=[[0.5, 2.0], []])
    table = read(path, bins={"age": [18.0], "sizes": [1.5]})
    assert lists(table.fields["age"]) == [["[18,inf)"], ["[-inf,18)"]]
    assert lists(table.fields["sizes"]) == [["[-inf,1.5)", "[1.5,inf)"], []]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_to_bin_are_finite(tmp_path: Path, value: float) -> None:
    path = parquet_file(tmp_path, item_id=[1, 2], price=[1.0, value])
    with pytest.raises(UserError, match=r'row 1 \(row group 0\) column "price".*finite'):
        read(path, bins={"price": [0.0]})
    path = csv_file(tmp_path, "item_id,price\n1,1\n2,cheap\n")
    with pytest.raises(UserError, match='items.csv:3 column "price": found "cheap"'):
        read(path, bins={"price": [0.0]})


def test_bins_need_ascending_edges_and_a_column(tmp_path: Path) -> None:
    for edges in ([], [1.0, 1.0], [2.0, 1.0], [float("nan")], [0.0, float("inf")]):
        with pytest.raises(UserError, match="ascending"):
            ReadOptions(bins={"price": edges})
    with pytest.raises(UserError, match="data.item_bins.prise: is no column"):
        read(csv_file(tmp_path, "item_id,price\n1,1\n"), bins={"prise": [1.0]})


@pytest.mark.parametrize(
    "values",
    [
        pa.array([{"a": 1}]),
        pa.array([0], pa.timestamp("us")),
        pa.array([b"x"]),
        pa.array([[["x"]]]),
        pa.array(["{}"], pa.json_()),
    ],
    ids=["struct", "timestamp", "binary", "nested list", "extension"],
)
def test_other_types_are_refused_by_name(tmp_path: Path, values: pa.Array) -> None:
    with pytest.raises(UserError, match='column "extra": found'):
        read(parquet_file(tmp_path, item_id=[1], extra=values))


def test_missing_and_empty_files(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read(tmp_path / "none.csv")
    with pytest.raises(ArtefactError, match="0 bytes"):
        read(csv_file(tmp_path, ""))
    assert len(read(csv_file(tmp_path, "item_id,b\n")).ids) == 0


@given(
    st.lists(st.floats(-100, 100, allow_nan=False).map(float), min_size=1, max_size=5, unique=True),
    st.floats(-200, 200),
)
def test_bin_labels_hold_the_value(edges: list[float], value: float) -> None:
    edges = sorted(edges)
    labels = bin_labels(edges)
    inside = []
    for label in labels:
        low, high = label[1:-1].split(",")
        if float(low) <= value < float(high):
            inside.append(label)
    place = sum(edge <= value for edge in edges)
    assert inside == [labels[place]]


def test_a_table_whose_ids_are_named_otherwise_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError) as seen:
        read(csv_file(tmp_path, "item_ids,price\n1,1\n"))
    told = str(seen.value)
    assert (
        "Where the log has the same name, map it with --set data.columns.item_id=item_ids" in told
    )
    assert told.endswith('Otherwise rename the column of this file to "item_id".')
