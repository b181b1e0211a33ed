"""Columns that are missing, renamed or of a wrong type are refused before any row is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unclicked.data.log_columns import plan_columns
from unclicked.data.reading import read_log
from unclicked.data.schema import ReadOptions
from unclicked.errors import UserError

NOW = 1_700_000_000
TYPES = {
    "user_id": pa.int64(),
    "item_id": pa.int64(),
    "timestamp": pa.int64(),
    "clicked": pa.bool_(),
}


def test_missing_column_lists_all_and_names_the_nearest() -> None:
    types = {"user_id": pa.int64(), "video_id": pa.int64(), "timestamp": pa.int64()}
    with pytest.raises(UserError) as caught:
        plan_columns(Path("log.csv"), {**types, "clicked": pa.bool_()}, ReadOptions())
    message = str(caught.value)
    assert caught.value.exit_code == 2
    assert 'no column "item_id"' in message
    assert "video_id (int64)" in message
    assert "item_id (text or integer)" in message
    assert '[data.columns] item_id = "video_id"' in message


def test_all_missing_columns_are_told_at_once_and_no_column_stands_for_two() -> None:
    types = {"who": pa.int64(), "itemid": pa.int64(), "is_clicked": pa.bool_()}
    with pytest.raises(UserError) as caught:
        plan_columns(Path("log.csv"), types, ReadOptions(columns={"session_id": "visit"}))
    message = str(caught.value)
    assert 'no column "user_id", "item_id", "timestamp", "clicked", "visit". Found: ' in message
    assert 'Nearest are "itemid", "is_clicked". Map each with --set data.columns.user' in message
    assert "--set data.columns.item_id=itemid --set data.columns.timestamp=NAME_IN_T" in message
    assert 'timestamp = "NAME_IN_THE_FILE", clicked = "is_clicked", session_id = "NAME' in message


def test_missing_column_in_the_second_file_stops_before_the_rows_of_the_first(
    tmp_path: Path,
) -> None:
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    first.write_text("user_id,item_id,timestamp,clicked\nbroken\n")
    second.write_text("user_id,item_id,timestamp\n1,2,3\n")
    with pytest.raises(UserError, match='b.csv: no column "clicked"'):
        read_log([first, second], ReadOptions(time_unit="s"))


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ("item_id", pa.float64()),
        ("user_id", pa.binary()),
        ("user_id", pa.null()),
        ("timestamp", pa.float64()),
        ("timestamp", pa.date32()),
        ("clicked", pa.float32()),
        ("item_id", pa.list_(pa.int64())),
        ("item_id", pa.uuid()),
        ("item_id", pa.json_()),
    ],
)
def test_wrong_type_is_named(column: str, kind: pa.DataType) -> None:
    with pytest.raises(UserError) as caught:
        plan_columns(Path("log.parquet"), {**TYPES, column: kind}, ReadOptions())
    assert f'log.parquet column "{column}"' in str(caught.value)
    assert f"found {kind}" in str(caught.value)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"itemid": "video"}, 'Did you mean "item_id"'),
        ({"price": "video"}, "There are: user_id, item_id, timestamp, clicked, clicked_at, sess"),
        ({"item_id": "user_id"}, '"user_id" already stands for user_id'),
        ({"item_id": "x", "user_id": "x"}, '"x" already stands for'),
        ({"session_id": "visit"}, 'no column "visit"'),
    ],
)
def test_bad_mapping_is_refused(columns: dict[str, str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        plan_columns(Path("log.csv"), TYPES, ReadOptions(columns=columns))


def test_names_mapped_to_themselves_do_not_make_optional_columns_required() -> None:
    same = {name: name for name in (*TYPES, "clicked_at", "session_id")}
    plan = plan_columns(Path("log.csv"), {**TYPES, "extra": pa.int8()}, ReadOptions(columns=same))
    assert plan.used == {name: name for name in TYPES}
    assert plan.unused == ["extra"]


def test_a_session_may_serve_as_the_user() -> None:
    types = {**TYPES, "session_id": pa.string()}
    plan = plan_columns(Path("a.csv"), types, ReadOptions(columns={"user_id": "session_id"}))
    assert plan.used["user_id"] == "session_id"
    assert "session_id" not in plan.used
    assert plan.unused == ["user_id"]


def test_mapped_columns_are_read_and_named_in_errors(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    table = pa.table({"u": [1, 2], "video_id": [5, None], "t": [NOW, NOW], "c": [True, False]})
    pq.write_table(table, path)
    columns = {"user_id": "u", "item_id": "video_id", "timestamp": "t", "clicked": "c"}
    with pytest.raises(UserError, match='row 1 .row group 0. column "video_id": found "null"'):
        read_log([path], ReadOptions(columns=columns, time_unit="s"))
    options = ReadOptions(columns=columns, time_unit="s", on_bad_row="quarantine")
    assert read_log([path], options).table["item_id"].to_pylist() == [5]


@pytest.mark.parametrize(
    "values", [{"time_unit": "ns"}, {"on_bad_row": "skip"}, {"id_type": "int"}]
)
def test_options_take_known_values_alone(values: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="expected one of"):
        ReadOptions(**values)
