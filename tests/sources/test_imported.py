"""Files are found near the top first, and the notes say what they must."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.sources.imported_twin import check_notes, rows_of

from unclicked.errors import UserError
from unclicked.sources.imported import (
    Origin,
    SideTables,
    check_call,
    config_text,
    find_file,
    find_files,
    finish,
)

ORIGIN = Origin("X", "CC0", "X (Ann, 2020), licence CC0: do as you like.", "Ann: X. 2020.")


def touch(path: Path) -> Path:
    """An empty file with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_near_files_come_first(tmp_path: Path) -> None:
    deep = touch(tmp_path / "a" / "b" / "c" / "x.csv")
    touch(tmp_path / "a" / "b" / "c" / "d" / "x.csv")
    (tmp_path / "x.csv").mkdir()
    assert find_files(tmp_path, "x.csv") == [deep]
    second, first = touch(tmp_path / "z" / "x.csv"), touch(tmp_path / "b" / "x.csv")
    assert find_files(tmp_path, "x.csv") == [first, second, deep]
    assert find_file(tmp_path / "a", "x.csv") == deep
    with pytest.raises(UserError, match="found 2 files named x.csv, expected one"):
        find_file(tmp_path, "x.csv")
    with pytest.raises(UserError, match="found no y.csv up to three folders down"):
        find_file(tmp_path, "y.csv")


def test_label(tmp_path: Path) -> None:
    assert check_call(tmp_path, None, ("view", "buy")) == "view"
    assert check_call(tmp_path, "buy", ("view", "buy")) == "buy"
    with pytest.raises(UserError, match="label: found 'like', expected view or buy"):
        check_call(tmp_path, "like", ("view", "buy"))
    with pytest.raises(UserError, match="no such folder"):
        check_call(tmp_path / "x", None, ("view",))


def test_config_is_toml() -> None:
    text = config_text({"data": [("Why.", "a = 1")], "data.split": [("So.", "b = 2")]})
    assert tomllib.loads(text) == {"data": {"a": 1, "split": {"b": 2}}}
    assert text == "[data]\n# Why.\na = 1\n\n[data.split]\n# So.\nb = 2\n"


@pytest.mark.parametrize("zone", [True, False])
def test_items_without_fields_are_allowed_by_the_settings(tmp_path: Path, zone: bool) -> None:
    settings = {"data.split": [("One day.", "test_days = 1")]}
    if zone:
        settings = {"data": [("Local.", 'timezone = "UTC"')]} | settings
    tables = SideTables(
        pa.table({"item_id": [1, 2]}),
        pa.table({"user_id": [5], "age": ["old"]}),
        pa.table({"item_id": [1], "name": ["one"]}),
    )
    facts = finish(
        tmp_path,
        tmp_path,
        ORIGIN,
        shown=pa.array([2, 3, 4]),
        tables=tables,
        counts={"rows": 9},
        changes=("Something is else.",),
        settings=settings,
    )
    assert facts["items_without_fields"] == 2
    assert (facts["rows"], facts["user_fields"], facts["source"]) == (9, ["age"], "X")
    assert "- Something is else." in check_notes(tmp_path, facts)
    config = tomllib.loads((tmp_path / "config.toml").read_text())
    expected = {"missing_item": "unknown", "item_name": "name", "split": {"test_days": 1}}
    assert config["data"] == expected | ({"timezone": "UTC"} if zone else {})
    expected = [{"item_id": 1, "name": "one"}, {"item_id": 2, "name": None}]
    assert rows_of(tmp_path, "items") == expected
    assert rows_of(tmp_path, "users") == [{"user_id": 5, "age": "old"}]


def test_nothing_is_added_where_every_item_is_known(tmp_path: Path) -> None:
    tables = SideTables(pa.table({"item_id": [1]}), pa.table({"user_id": [5]}))
    facts = finish(
        tmp_path,
        tmp_path,
        ORIGIN,
        shown=pa.array([1]),
        tables=tables,
        counts={},
        changes=("None.",),
        settings={"data.split": [("One day.", "test_days = 1")]},
    )
    assert facts["items_without_fields"] == 0
    assert "missing_item" not in (tmp_path / "config.toml").read_text()
    assert "name" not in pq.read_table(tmp_path / "items.parquet").column_names
