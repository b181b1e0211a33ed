"""Tables in memory become files, and messages name the table in place of the file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
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
    with pytest.raises(UserError, match=r'log column "odd": found month_day_nano_interval, which'):
        as_files({"log": Frame(table)}).__enter__()


def test_many_small_pieces_become_one_part_and_all_rows_stay_in_order() -> None:
    pieces = pa.chunked_array([pa.array([number]) for number in range(3_000)])
    with as_files({"log": Frame(pa.table({"n": pieces}))}) as paths:
        stored = parquet.ParquetFile(paths["log"])
        assert stored.num_row_groups == 1
        assert stored.read()["n"].to_pylist() == list(range(3_000))


def test_more_rows_than_a_part_holds_are_all_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unclicked.tables_in_memory.PART_ROWS", 4)
    pieces = pa.chunked_array([[1, 2, 3], [4, 5], [], [6, 7, 8, 9], [10]])
    with as_files({"log": Frame(pa.table({"n": pieces}))}) as paths:
        assert parquet.read_table(paths["log"])["n"].to_pylist() == list(range(1, 11))


def test_categories_of_text_views_are_text_and_an_unnamed_index_goes() -> None:
    views = pa.array(["b", None, "a", "b"]).cast(pa.string_view())
    kinds = pa.DictionaryArray.from_arrays(
        pa.array([0, 1, 0, None], pa.uint32()), pa.array(["x", "y"], pa.string_view())
    )
    table = pa.table({"kind": kinds, "view": views, "__index_level_0__": [4, 5, 6, 7]})
    with as_files({"log": Frame(table)}) as paths:
        found = parquet.read_table(paths["log"])
    assert found["kind"].to_pylist() == ["x", "y", "x", None]
    assert found["view"].to_pylist() == ["b", None, "a", "b"]
    assert found.column_names == ["kind", "view"]


def test_files_alone_need_no_room_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere/at/all")
    with as_files({"log": "a.csv", "items": None}) as paths:
        assert paths == {"log": Path("a.csv"), "items": None}
    with pytest.raises(ResourceError, match="No such file or directory"):
        as_files({"log": Frame(pa.table({"a": [1]}))}).__enter__()


class Broken:
    """A table that cannot be read to its end."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        def rows() -> Iterator[pa.RecordBatch]:
            yield pa.record_batch({"a": [1]})
            raise self.error

        schema = pa.schema([("a", pa.int64())])
        return pa.RecordBatchReader.from_batches(schema, rows()).__arrow_c_stream__()


class Twice:
    """A table whose library refuses to hand it over."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        raise ValueError("Duplicate column names found: ['a', 'a']")


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (Broken(OSError(5, "Input/output error")), "Input/output error"),
        (Broken(ValueError("no")), "no"),
        (Twice(), r"Duplicate column names found: \['a', 'a'\]"),
    ],
)
def test_a_table_that_cannot_be_read_is_no_fault_of_the_disk(table: Any, reason: str) -> None:
    with pytest.raises(UserError, match=rf"error\[DATA-TABLE\] log: cannot be read \(.*{reason}"):
        as_files({"log": table}).__enter__()


def test_a_disk_that_refuses_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Any, table: pa.Table, **more: Any) -> None:
        if len(table):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(parquet.ParquetWriter, "write_table", refuse)
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
