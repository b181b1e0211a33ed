"""What the child says of a file, asked in this process."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unclicked.data import reader_child, reader_limits


@pytest.fixture(autouse=True)
def unlimited(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The limits are for the child alone, and so is its folder."""
    monkeypatch.setattr(reader_limits, "apply", lambda memory_bytes, seconds: None)
    monkeypatch.chdir(tmp_path)


def ask(path: Path, **more: Any) -> tuple[bool, pa.Table, dict[str, Any]]:
    request = {"path": str(path), "cwd": str(path.parent), "memory_bytes": 1, "cpu_seconds": 1}
    replies = io.BytesIO()
    fit = reader_child.answer(request | {"decoded_bytes": 1000} | more, replies)
    replies.seek(0)
    table = pa.ipc.open_stream(replies).read_all()
    return fit, table, json.loads(replies.readline())


def test_schema_alone(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1], "b": ["x"]}), tmp_path / "a.parquet")
    fit, table, told = ask(tmp_path / "a.parquet")
    assert fit
    assert table.schema == pa.schema([("a", pa.int64()), ("b", pa.string())])
    assert told["account"]["row_groups"] is None


def test_rows_and_account(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,x\nbad\n2,y\n")
    _, table, told = ask(tmp_path / "a.csv", used={"ours": "b"})
    assert table.column_names == ["", "ours"]
    assert [column.to_pylist() for column in table.columns] == [[2, 4], ["x", "y"]]
    assert told["account"]["num_bad"] == 1
    assert told["account"]["bad"][0]["row"] == 3


def test_error_after_some_rows_still_ends_the_stream(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"a": ["x" * 100] * 100}), path, row_group_size=50)
    fit, table, told = ask(path, used={"ours": "a"}, decoded_bytes=12_000)
    assert (fit, table.num_rows, "account" in told) == (True, 100, True)
    fit, table, told = ask(path, used={"ours": "a"}, decoded_bytes=8000)
    assert (fit, table.num_rows) == (True, 50)
    assert told["error"][:2] == ["ResourceError", "DATA-EXPANSION"]
    assert "row group 1 decodes to" in told["error"][3]


def test_no_memory_sends_the_child_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Path) -> dict[str, pa.DataType]:
        raise MemoryError("row group 3")

    (tmp_path / "a.csv").write_text("a\n")
    monkeypatch.setattr(reader_child, "csv_types", fail)
    fit, _, told = ask(tmp_path / "a.csv")
    assert (fit, told) == (False, {"memory": "row group 3"})


def test_own_faults_are_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_child, "csv_types", lambda path: 1 // 0)
    fit, _, told = ask(tmp_path / "a.csv")
    assert fit
    assert told["defect"].startswith("ZeroDivisionError")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    _, _, told = ask(tmp_path / "a.csv")
    assert told["error"][:2] == ["UserError", "DATA-FILE"]
    assert "No such file" in told["error"][3]
