"""Ids are integer or text in all files alike, and kept exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unclicked.data.integers import parse_integers
from unclicked.data.reading import read_log
from unclicked.data.schema import ImpressionLog, ReadOptions
from unclicked.errors import UserError

NOW = 1_700_000_000
LARGEST = 2**63 - 1


def csv_file(path: Path, ids: list[str]) -> Path:
    lines = [f"5,{value},{NOW + n},1\n" for n, value in enumerate(ids)]
    path.write_text("user_id,item_id,timestamp,clicked\n" + "".join(lines))
    return path


def parquet_file(path: Path, ids: pa.Array) -> Path:
    size = len(ids)
    columns = {
        "user_id": [5] * size,
        "item_id": ids,
        "timestamp": [NOW + n for n in range(size)],
        "clicked": [True] * size,
    }
    pq.write_table(pa.table(columns), path)
    return path


def read(paths: list[Path], **options: Any) -> ImpressionLog:
    return read_log(paths, ReadOptions(time_unit="s", **options))


def items(log: ImpressionLog) -> list[Any]:
    return list(log.table["item_id"].to_pylist())


def test_canonical_integers_are_integers(tmp_path: Path) -> None:
    texts = ["7", "-3", "0", str(LARGEST), str(-LARGEST - 1), "123456789012345678"]
    log = read([csv_file(tmp_path / "a.csv", texts)])
    assert log.table.schema.field("item_id").type == pa.int64()
    assert items(log) == [int(text) for text in texts]


def test_any_plain_text_makes_the_column_text(tmp_path: Path) -> None:
    texts = ["7", "007", "b-1", "1e3", "1.5", " 7"]
    assert items(read([csv_file(tmp_path / "a.csv", texts)])) == texts


@pytest.mark.parametrize("position", [0, 1, 2])
@pytest.mark.parametrize(
    "odd", ["1.5", "1e3", "1_000", "0x10", " 7", "7 ", "007", "+7", "-0", "nan", "NULL", "7."]
)
def test_odd_number_among_integers_is_refused(tmp_path: Path, odd: str, position: int) -> None:
    texts = ["1", "2", "3"]
    texts[position] = odd
    path = csv_file(tmp_path / "a.csv", texts)
    with pytest.raises(UserError) as caught:
        read([path])
    message = str(caught.value)
    assert f'a.csv:{position + 2} column "item_id": found "{odd}"' in message
    assert 'data.id_type = "text"' in message
    assert items(read([path], id_type="text")) == texts
    log = read([path], id_type="integer", on_bad_row="quarantine")
    assert [(bad.row, bad.value) for bad in log.rejected] == [(position + 2, odd)]
    assert items(log) == [int(text) for text in texts if text != odd]


@pytest.mark.parametrize("value", [str(LARGEST + 1), str(-LARGEST - 2), str(2**64), "9" * 900])
def test_integer_beyond_64_bits_is_named(tmp_path: Path, value: str) -> None:
    path = csv_file(tmp_path / "a.csv", ["1", value, "3"])
    with pytest.raises(UserError, match="a.csv:3 .*does not fit into 64 bits"):
        read([path])
    assert items(read([path], id_type="text")) == ["1", value, "3"]


def test_unsigned_beyond_64_bits_is_named(tmp_path: Path) -> None:
    path = parquet_file(tmp_path / "a.parquet", pa.array([1, LARGEST + 1], pa.uint64()))
    with pytest.raises(UserError, match="row 1 .*does not fit into 64 bits"):
        read([path])
    assert items(read([path], id_type="text")) == ["1", str(LARGEST + 1)]
    log = read([path], id_type="integer", on_bad_row="quarantine")
    assert items(log) == [1]


def test_integer_and_text_files_are_named(tmp_path: Path) -> None:
    integer = parquet_file(tmp_path / "i.parquet", pa.array([1, 2]))
    text = parquet_file(tmp_path / "t.parquet", pa.array(["1", "b"]))
    letters = csv_file(tmp_path / "l.csv", ["5", "b"])
    for other in (text, letters):
        with pytest.raises(UserError) as caught:
            read([integer, other])
        assert str(integer) in str(caught.value)
        assert str(other) in str(caught.value)
    both = read([integer, text], id_type="text")
    assert sorted(map(str, items(both))) == ["1", "2", "b"]


def test_text_in_one_csv_file_makes_all_csv_files_text(tmp_path: Path) -> None:
    numbers = csv_file(tmp_path / "n.csv", ["7", "8"])
    letters = csv_file(tmp_path / "l.csv", ["007", "b"])
    log = read([numbers, letters])
    assert sorted(map(str, items(log))) == ["007", "7", "8", "b"]


def test_csv_integers_join_parquet_integers_and_parquet_text(tmp_path: Path) -> None:
    numbers = csv_file(tmp_path / "n.csv", ["7", "8"])
    integer = parquet_file(tmp_path / "i.parquet", pa.array([1, 2]))
    text = parquet_file(tmp_path / "t.parquet", pa.array(["1", "2"]))
    assert sorted(items(read([numbers, integer]))) == [1, 2, 7, 8]
    assert sorted(map(str, items(read([numbers, text])))) == ["1", "2", "7", "8"]


@pytest.mark.parametrize("position", [0, 1, 2])
@pytest.mark.parametrize(
    ("value", "rule"), [("", "not empty"), ("é" * 6, "at most 10 bytes"), (None, "not null")]
)
def test_empty_and_long_ids_are_bad_rows(
    tmp_path: Path, value: str | None, rule: str, position: int
) -> None:
    ids = ["a", "b", "c"]
    changed = [value if n == position else text for n, text in enumerate(ids)]
    paths = [parquet_file(tmp_path / "a.parquet", pa.array(changed, pa.string()))]
    if value is not None:
        paths.append(csv_file(tmp_path / "a.csv", [str(text) for text in changed]))
    for path in paths:
        with pytest.raises(UserError, match=rule):
            read([path], max_id_bytes=10)
        log = read([path], max_id_bytes=10, on_bad_row="quarantine")
        assert items(log) == [text for n, text in enumerate(ids) if n != position]
        assert log.rejected[0].row == position + (2 if path.suffix == ".csv" else 0)


def test_huge_id_decides_no_kind_and_is_shown_short(tmp_path: Path) -> None:
    path = csv_file(tmp_path / "a.csv", ["1", "x" * 100_000, "3"])
    log = read([path], on_bad_row="quarantine")
    assert items(log) == [1, 3]
    assert len(log.rejected[0].value) <= 80


@given(st.lists(st.integers(-(2**66), 2**66) | st.sampled_from([LARGEST, -LARGEST - 1])))
def test_parse_integers_is_exact(values: list[int]) -> None:
    parsed = parse_integers(pa.chunked_array([[str(value) for value in values]], pa.string()))
    fits = [-(2**63) <= value < 2**63 for value in values]
    assert parsed.fits.tolist() == fits
    assert parsed.too_large.tolist() == [not fit for fit in fits]
    assert parsed.values.tolist() == [v if f else 0 for v, f in zip(values, fits, strict=True)]


@given(st.text(alphabet="0123456789-+._ex \u0663", max_size=6))
def test_only_the_canonical_spelling_is_an_integer(text: str) -> None:
    canonical = False
    if text.lstrip("-").isascii() and text.lstrip("-").isdigit():
        canonical = str(int(text)) == text if text.count("-") <= 1 else False
    parsed = parse_integers(pa.chunked_array([[text]]))
    assert parsed.fits.tolist() == [canonical]
