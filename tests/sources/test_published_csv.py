"""Published CSV: types, gaps, headers with blanks, and the line of whatever is wrong."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pytest

from unclicked.errors import UserError
from unclicked.sources import published_csv
from unclicked.sources.published_csv import MAX_SECONDS, CsvBatch, read_published

KINDS = {"b": pa.int64(), "c": pa.string()}


def write(folder: Path, text: str, name: str = "a.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def one(path: Path, kinds: dict[str, pa.DataType] | None = None) -> CsvBatch:
    """The only batch of a file."""
    (batch,) = read_published(path, kinds or KINDS)
    return batch


def test_header_with_blanks_and_missing_values(tmp_path: Path) -> None:
    path = write(tmp_path, "a,c , b\nx,one,1\nx,,\nx,NULL,NULL\n")
    batch = one(path)
    assert batch.table.to_pylist() == [
        {"b": 1, "c": "one"},
        {"b": None, "c": ""},
        {"b": None, "c": "NULL"},
    ]
    assert batch.first_line == 2


def test_batches_know_their_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published_csv, "BLOCK_BYTES", 40)
    lines = [f"{number},{number * number}" for number in range(60)]
    path = write(tmp_path, "a,b\n" + "\n".join(lines) + "\n")
    batches = list(read_published(path, {"b": pa.int64()}))
    assert len(batches) > 2
    seen = 2
    for batch in batches:
        assert batch.first_line == seen
        seen += batch.table.num_rows
    assert seen == 62
    values = [value for batch in batches for value in batch.table["b"].to_pylist()]
    assert values == [number * number for number in range(60)]
    broken = write(tmp_path, path.read_text().replace("\n50,2500\n", "\n50,no\n"))
    with pytest.raises(UserError, match=r"a.csv:52: .*'no'"):
        list(read_published(broken, {"b": pa.int64()}))


def test_without_header_and_packed(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"1,2,x y\n3,,\n"))
    (batch,) = read_published(path, {"c": pa.string(), "b": pa.int64()}, names=["a", "b", "c"])
    assert batch.first_line == 1
    assert batch.table.to_pylist() == [{"c": "x y", "b": 2}, {"c": "", "b": None}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"a.csv: .*Empty CSV"),
        ("a,b\n1,2\n", r"column 'c': the column is missing, expected b, c"),
        ("b,c\n1,x\n1.5,x\n", r"a.csv:3: .*'1.5'"),
        ("b,c\n1,x\n1,x,y\n", r"a.csv:3: .*Expected 2 columns, got 3"),
        ("b,c\n1\n", r"a.csv:2: .*Expected 2 columns, got 1"),
    ],
)
def test_broken_files(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(UserError, match=message):
        list(read_published(path, KINDS))


def test_no_file_and_no_utf8(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nothing.csv: cannot be read"):
        list(read_published(tmp_path / "nothing.csv", KINDS))
    (tmp_path / "a.csv").write_bytes(b"b,c\n1,\xff\n")
    with pytest.raises(UserError, match=r"a.csv:2: .*UTF8"):
        list(read_published(tmp_path / "a.csv", KINDS))


def test_values_that_cannot_stand(tmp_path: Path) -> None:
    batch = one(write(tmp_path, f"b,c\n1,x\n0,x\n{MAX_SECONDS},x\n"))
    with pytest.raises(UserError, match=rf"a.csv:4 column 'b': found {MAX_SECONDS}, expected 0 or"):
        batch.refuse_labels("b")
    with pytest.raises(UserError, match="a.csv:3 column 'b': found 0, expected seconds since 1970"):
        batch.seconds("b")
    with pytest.raises(UserError, match="a.csv:4 column 'b'.*2099"):
        batch.seconds("b", zero_is_null=True)
    gap = one(write(tmp_path, "b,c\n1,x\n,x\n"))
    with pytest.raises(UserError, match="a.csv:3 column 'b': found nothing, expected an integer"):
        gap.refuse_gaps(["b"])


def test_seconds_are_utc(tmp_path: Path) -> None:
    batch = one(write(tmp_path, "b,c\n0,x\n86400,x\n"))
    times = batch.seconds("b", zero_is_null=True)
    assert times.type == pa.timestamp("s", "UTC")
    assert [value and value.isoformat() for value in times.to_pylist()] == [
        None,
        "1970-01-02T00:00:00+00:00",
    ]
