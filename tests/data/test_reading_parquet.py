"""Parquet files of every accepted type, and broken ones."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unclicked.data.reading import read_log
from unclicked.data.schema import ReadOptions
from unclicked.errors import ArtefactError, UnclickedError, UserError

NOW = 1_700_000_000
SECONDS = ReadOptions(time_unit="s")


def log_table(num_rows: int = 6, **columns: pa.Array) -> pa.Table:
    plain = {
        "user_id": pa.array(range(num_rows), pa.int64()),
        "item_id": pa.array(range(num_rows), pa.int64()),
        "timestamp": pa.array([NOW + n for n in range(num_rows)], pa.int64()),
        "clicked": pa.array([n % 2 == 0 for n in range(num_rows)]),
    }
    return pa.table({**plain, **columns})


def write(path: Path, table: pa.Table, **options: object) -> Path:
    pq.write_table(table, path, **options)
    return path


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("user_id", pa.array([3, 1, 2], pa.int8()), [1, 2, 3]),
        ("user_id", pa.array([3, 1, 2], pa.uint64()), [1, 2, 3]),
        ("user_id", pa.array([-(2**63), 2**63 - 1, 0]), [-(2**63), 0, 2**63 - 1]),
        ("user_id", pa.array(["b", "a", "é"]), ["a", "b", "é"]),
        ("user_id", pa.array(["b", "a", "c"], pa.large_string()), ["a", "b", "c"]),
        ("user_id", pa.array(["b", "a", "b"]).dictionary_encode(), ["a", "b", "b"]),
        ("clicked", pa.array([1, 0, 1], pa.int8()), [True, False, True]),
        ("clicked", pa.array(["true", "0", "1"]), [True, False, True]),
        ("timestamp", pa.array([NOW] * 3, pa.timestamp("s")), [NOW * 1_000_000] * 3),
        ("timestamp", pa.array([NOW * 10**3] * 3, pa.timestamp("ms", "UTC")), [NOW * 10**6] * 3),
        (
            "timestamp",
            pa.array([NOW * 10**9 + 1999] * 3, pa.timestamp("ns", "Asia/Tokyo")),
            [NOW * 10**6 + 1] * 3,
        ),
    ],
)
def test_accepted_types(
    tmp_path: Path, column: str, values: pa.Array, expected: list[object]
) -> None:
    path = write(tmp_path / "log.parquet", log_table(3, **{column: values}))
    table = read_log([path], SECONDS).table
    assert table["timestamp_us" if column == "timestamp" else column].to_pylist() == expected


def test_optional_columns(tmp_path: Path) -> None:
    table = log_table(
        2,
        clicked_at=pa.array([NOW + 5, None], pa.int64()),
        session_id=pa.array([7, None], pa.int32()),
    )
    first = write(tmp_path / "a.parquet", table)
    second = write(tmp_path / "b.parquet", log_table(3).slice(2))
    read = read_log([first, second], SECONDS).table
    assert read["clicked_at_us"].to_pylist() == [(NOW + 5) * 1_000_000, None, None]
    assert read["session_id"].to_pylist() == ["7", None, None]
    assert read.schema.field("session_id").type == pa.string()


def test_all_null_optional_column(tmp_path: Path) -> None:
    table = log_table(2, clicked_at=pa.nulls(2), session_id=pa.nulls(2))
    read = read_log([write(tmp_path / "a.parquet", table)], SECONDS).table
    assert read["clicked_at_us"].null_count == read["session_id"].null_count == 2


def test_bad_row_names_its_row_group(tmp_path: Path) -> None:
    clicked = pa.array([1, 0, 1, 0, 2, 1])
    path = write(tmp_path / "a.parquet", log_table(clicked=clicked), row_group_size=2)
    with pytest.raises(UserError, match=r'a.parquet row 4 \(row group 2\) column "clicked"'):
        read_log([path], SECONDS)


@pytest.mark.parametrize("content", [b"PAR1", b"not parquet at all", b"PAR1" + bytes(100)])
def test_file_that_is_no_parquet(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.parquet"
    path.write_bytes(content)
    with pytest.raises(ArtefactError, match=f"bad.parquet.* {len(content)} bytes"):
        read_log([path], SECONDS)


def test_zero_byte_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.parquet"
    path.touch()
    with pytest.raises(ArtefactError, match="0 bytes"):
        read_log([path], SECONDS)


def test_truncation_at_every_length_is_refused(tmp_path: Path) -> None:
    whole = write(tmp_path / "a.parquet", log_table()).read_bytes()
    cut = tmp_path / "cut.parquet"
    for size in range(1, len(whole), 37):
        cut.write_bytes(whole[:size])
        with pytest.raises(ArtefactError, match=f"{size} bytes"):
            read_log([cut], SECONDS)


def test_flipped_bytes_never_change_a_table_with_page_checksums(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", log_table(200), write_page_checksum=True)
    whole, expected = path.read_bytes(), read_log([path], SECONDS).table
    random = np.random.default_rng(0)
    broken = tmp_path / "b.parquet"
    refused = 0
    for _ in range(60):
        changed = bytearray(whole)
        changed[int(random.integers(len(whole)))] ^= 1 << int(random.integers(8))
        broken.write_bytes(changed)
        try:
            assert read_log([broken], SECONDS).table.equals(expected)
        except UnclickedError:
            refused += 1
    assert refused > 0


def test_text_that_is_not_utf8_is_broken(tmp_path: Path) -> None:
    raw = pa.array([b"ok", b"\xff\xfe"], pa.binary())
    text = pa.Array.from_buffers(pa.string(), 2, raw.buffers())
    path = write(tmp_path / "a.parquet", log_table(2, user_id=text))
    with pytest.raises(ArtefactError, match="row group 0"):
        read_log([path], SECONDS)


def test_paths_that_are_no_log(tmp_path: Path) -> None:
    loop = tmp_path / "loop.csv"
    loop.symlink_to(loop)
    fifo = tmp_path / "fifo.csv"
    os.mkfifo(fifo)
    folder = tmp_path / "folder"
    folder.mkdir()
    other = tmp_path / "log.txt"
    other.write_text("x")
    missing = tmp_path / 'it\'s "here" *.csv'
    for path in (loop, fifo, folder, other, missing, Path("/dev/zero")):
        with pytest.raises(UserError) as caught:
            read_log([path], SECONDS)
        assert str(path) in str(caught.value)
    with pytest.raises(UserError, match="no log was given"):
        read_log([], SECONDS)


def test_odd_names_are_plain_paths(tmp_path: Path) -> None:
    path = write(tmp_path / "a'; DROP *?.parquet", log_table(1))
    assert read_log([path], SECONDS).rows_read == 1


def test_same_file_twice_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", log_table())
    (tmp_path / "b.parquet").symlink_to(path)
    with pytest.raises(UserError, match="is the same file as"):
        read_log([tmp_path], SECONDS)


def test_directory_gives_its_files(tmp_path: Path) -> None:
    write(tmp_path / "b.parquet", log_table(4))
    (tmp_path / "a.csv").write_text(f"user_id,item_id,timestamp,clicked,x\n9,9,{NOW},true,0\n")
    (tmp_path / "notes.txt").write_text("no log")
    log = read_log([tmp_path], SECONDS)
    assert log.table["user_id"].to_pylist() == [0, 1, 2, 3, 9]
    assert log.unused_columns == ["x"]


def test_duplicate_column_names_are_refused(tmp_path: Path) -> None:
    table = log_table(1)
    twice = pa.Table.from_arrays(
        [*table.columns, table["clicked"]], names=[*table.column_names, "clicked"]
    )
    with pytest.raises(UserError, match='"clicked" twice'):
        read_log([write(tmp_path / "a.parquet", twice)], SECONDS)


def test_no_rows(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no row"):
        read_log([write(tmp_path / "a.parquet", log_table(2).slice(2))], SECONDS)
