"""What an error says of columns can be copied into a shell, and is never endless."""

from __future__ import annotations

import shlex
import tomllib

import pyarrow as pa
import pytest

from unclicked.data.column_hints import list_columns, mapping_hint, nearest_name
from unclicked.settings import parse_set


@pytest.mark.parametrize("name", ["who", "a b", "7", "true", "2024-01-01", "nan", "x.y", "ü", "$x"])
def test_the_option_of_the_hint_maps_that_name(name: str) -> None:
    words = shlex.split(mapping_hint("Map it", {"user_id": name}).partition(", or ")[0])
    assert words[:3] == ["Map", "it", "with"]
    assert words[3] == "--set"
    assert parse_set([words[4]]) == {"data": {"columns": {"user_id": name}}}


@pytest.mark.parametrize("name", ["it's", 'a"b', "a\\b", "a\nb"])
def test_a_name_that_a_shell_cannot_take_is_told_for_the_file_alone(name: str) -> None:
    assert "--set" not in mapping_hint("Map it", {"user_id": name})


def test_several_at_once_are_one_command_and_one_line_of_toml() -> None:
    names = {"user_id": "who", "item_id": "a b", "clicked": None}
    hint = mapping_hint("Map each", names).removeprefix("Map each with ").removesuffix(".")
    options, _, toml = hint.partition(", or [data] ")
    expected = {"user_id": "who", "item_id": "a b", "clicked": "NAME_IN_THE_FILE"}
    assert parse_set(shlex.split(options)[1::2]) == {"data": {"columns": expected}}
    assert tomllib.loads(toml) == {"columns": expected}
    assert "--set" not in mapping_hint("Map each", {**names, "item_id": "it's"})


def test_unknown_name() -> None:
    expected = "--set data.columns.item_id=NAME_IN_THE_FILE"
    assert expected in mapping_hint("Or map another", {"item_id": None})


def test_nearest() -> None:
    assert nearest_name("timestamp", ["TimeStamp_", "item"]) == "TimeStamp_"
    assert nearest_name("timestamp", ["x"]) is None
    assert nearest_name("a", ["a" * 100_000, "b"]) is None
    assert nearest_name("a", []) is None


@pytest.mark.parametrize(
    ("wanted", "there", "expected"),
    [
        ("item_id", ["user_id", "time", "rank"], None),
        ("user_id", ["video_id", "device_id"], None),
        ("item_id", ["user_id", "video_id"], "video_id"),
        ("clicked", ["cost", "clk"], "clk"),
        ("timestamp", ["title", "time_ms"], "time_ms"),
    ],
)
def test_a_silly_guess_is_not_made(wanted: str, there: list[str], expected: str | None) -> None:
    assert nearest_name(wanted, there) == expected


def test_many_and_long_columns_are_cut() -> None:
    many = {f"c{n}": pa.int8() for n in range(1000)}
    assert list_columns(many).endswith("c39 (int8) and 960 more")
    assert len(list_columns({"x" * 10_000: pa.int8()})) < 100
