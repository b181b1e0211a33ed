"""Tables in memory become files, and messages name the table in place of the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from unclicked.errors import ArtefactError, ResourceError, UserError
from unclicked.tables_in_memory import as_files, named


class Frame:
    """A table of a library that this project does not know, which speaks Arrow."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


def test_rows_and_types_are_those_of_the_table_and_nothing_stays() -> None:
    table = pa.table(
        {
            "n": pa.array([1, None], pa.int32()),
            "when": pa.array([5, 6], pa.timestamp("ns", "UTC")),
            "words": [["a", "b"], []],
            "kind": pa.array(["x", "y"]).dictionary_encode(),
        }
    )
    with as_files({"log": Frame(table), "items": Path("there.csv"), "users": None}) as paths:
        path = paths["log"]
        assert path is not None
        assert parquet.read_table(path).equals(table)
        assert (paths["items"], paths["users"]) == (Path("there.csv"), None)
    assert not path.parent.exists()


@pytest.mark.parametrize("kind", [UserError, ArtefactError])
def test_a_message_names_the_table_and_not_the_file(kind: type[UserError]) -> None:
    with (
        pytest.raises(kind, match=r"^error\[ROW\] items:7: as in items, 3\.$"),
        as_files({"items": Frame(pa.table({"a": [1]}))}) as paths,
    ):
        raise kind("ROW", f"{paths['items']}:7", f"as in {paths['items']}, 3.")


def test_an_error_about_a_file_of_the_caller_stays_as_it_is() -> None:
    error = UserError("ROW", "/there/log.csv:7", "no.")
    with pytest.raises(UserError) as found, as_files({"log": "/there/log.csv"}):
        raise error
    assert found.value is error


def test_what_parquet_cannot_hold_names_the_table_and_the_column() -> None:
    table = pa.table({"odd": pa.array([None], pa.month_day_nano_interval())})
    with pytest.raises(UserError, match=r"error\[DATA-TABLE\] log: cannot be stored: .*interval"):
        as_files({"log": Frame(table)}).__enter__()


def test_a_disk_that_refuses_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(parquet.ParquetWriter, "write_batch", refuse)
    with pytest.raises(ResourceError, match="No space left on device"):
        as_files({"log": Frame(pa.table({"a": [1]}))}).__enter__()


class Old:
    """A table of a library that is too old for Arrow; it gives its columns one by one."""

    columns = ("user_id",)

    def __iter__(self) -> Any:
        return iter(self.columns)


@pytest.mark.parametrize("log", [Old(), {"user_id": [1]}, 7, None])
def test_another_thing_is_refused(log: Any) -> None:
    kind = type(log).__name__
    with pytest.raises(UserError, match=f"log: found {kind}, expected a path, a table in memory"):
        named(log)


def test_several_tables_have_numbers_and_each_must_be_one() -> None:
    table = Frame(pa.table({"a": [1]}))
    assert list(named(iter([table, "b.csv"]))) == ["log-1", "log-2"]
    assert named(table) == {"log": table}
    with pytest.raises(UserError, match="log-2: found Old, expected a path or a table"):
        as_files(named([table, Old()])).__enter__()
