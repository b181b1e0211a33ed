"""CSV files with faults: every line is a row, is refused by number, or stops the reading."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unclicked.data.log_columns import ColumnPlan
from unclicked.data.raw_file import Account
from unclicked.data.read_csv import csv_types, read_csv
from unclicked.data.reading import read_log
from unclicked.data.schema import ImpressionLog, ReadOptions
from unclicked.errors import ArtefactError, UserError

HEADER = "user_id,item_id,timestamp,clicked\n"
NOW = 1_700_000_000
FAIL = ReadOptions(time_unit="s")
ASIDE = ReadOptions(time_unit="s", on_bad_row="quarantine")
NUM_ROWS = 5


def rows(num_rows: int = NUM_ROWS) -> list[str]:
    return [f"{n},{n + 10},{NOW + n},{n % 2}\n" for n in range(num_rows)]


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(tmp_path: Path, content: str | bytes, options: ReadOptions = FAIL) -> ImpressionLog:
    log = read_log([write(tmp_path / "log.csv", content)], options)
    assert log.rows_read == log.table.num_rows + log.num_rejected + log.duplicates
    return log


def with_row(position: int, line: bytes) -> bytes:
    lines = [row.encode() for row in rows()]
    lines[position] = line + b"\n"
    return HEADER.encode() + b"".join(lines)


def test_plain_file_is_read_and_sorted(tmp_path: Path) -> None:
    log = read(tmp_path, HEADER + "".join(reversed(rows())))
    assert log.table.to_pydict() == {
        "user_id": [0, 1, 2, 3, 4],
        "item_id": [10, 11, 12, 13, 14],
        "timestamp_us": [(NOW + n) * 1_000_000 for n in range(5)],
        "clicked": [False, True, False, True, False],
    }


@pytest.mark.parametrize("position", [0, 2, 4])
@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (b"1,2,1700000000", "3 fields, expected 4"),
        (b"1,2,1700000000,1,9", "5 fields, expected 4"),
        (b'1,"2,1700000000,1', "quote is opened and not closed"),
        (b'1,"2"x,1700000000,1', "cannot be split"),
        (b"1,2\x00,1700000000,1", "NUL"),
        (b"1,2\xff,1700000000,1", "byte 4 of the line is not UTF-8"),
    ],
)
def test_broken_line_is_named_and_swallows_no_other(
    tmp_path: Path, position: int, line: bytes, rule: str
) -> None:
    content = with_row(position, line)
    with pytest.raises(UserError, match=rule) as caught:
        read(tmp_path, content)
    assert f"log.csv:{position + 2}" in caught.value.where
    log = read(tmp_path, content, ASIDE)
    assert log.table["user_id"].to_pylist() == [n for n in range(NUM_ROWS) if n != position]
    assert [(bad.row, bad.column) for bad in log.rejected] == [(position + 2, "")]
    assert rule in log.rejected[0].rule


def test_field_over_two_lines_is_two_bad_lines(tmp_path: Path) -> None:
    content = with_row(1, b'1,"a\nb",1700000000,1')
    log = read(tmp_path, content, ASIDE)
    assert [bad.row for bad in log.rejected] == [3, 4]
    assert log.table.num_rows == NUM_ROWS - 1


def test_quoted_fields_are_unquoted(tmp_path: Path) -> None:
    content = HEADER + f'"a,""x""",b,{NOW},1\n"c",d,{NOW},0\n'
    log = read(tmp_path, content)
    assert log.table["user_id"].to_pylist() == ['a,"x"', "c"]


def read_blocks(tmp_path: Path, content: str, block_bytes: int) -> tuple[pa.Table, Account]:
    """What the reader itself gives, reading so many bytes at once."""
    path = tmp_path / "log.csv"
    path.write_bytes(content.encode())
    names = HEADER.strip().split(",")
    plan = ColumnPlan(path, csv_types(path), {name: name for name in names})
    account = Account()
    return pa.concat_tables(read_csv(plan, account, block_bytes)), account


def test_quotes_and_faults_in_later_blocks_keep_line_numbers(tmp_path: Path) -> None:
    lines = rows(40)
    lines[17] = f'"17",27,{NOW + 17},1\n'
    lines[33] = "oops\n"
    table, account = read_blocks(tmp_path, HEADER + "".join(lines), 64)
    assert [bad.row for bad in account.bad] == [35]
    assert table["user_id"].to_pylist() == [str(n) for n in range(40) if n != 33]
    assert table.column(0).to_pylist() == [n + 2 for n in range(40) if n != 33]


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + (HEADER + "".join(rows())).encode(),
        (HEADER + "".join(rows())).replace("\n", "\r\n").encode(),
        (HEADER + "".join(rows())).replace("\n", "\r\n", 3).encode(),
        (HEADER + "".join(rows())).rstrip("\n").encode(),
        (HEADER + "".join(rows())).encode() + b"\n\n",
        (HEADER + "\n" + "\n".join(rows())).encode(),
    ],
    ids=["bom", "crlf", "mixed", "no last newline", "blank at the end", "blank between"],
)
def test_harmless_variants_read_alike(tmp_path: Path, content: bytes) -> None:
    plain = read(tmp_path, HEADER + "".join(rows()))
    assert read(tmp_path, content).table.equals(plain.table)


@pytest.mark.parametrize("ends", [1, 64, 4096])
def test_line_ends_at_every_block_border(tmp_path: Path, ends: int) -> None:
    content = (HEADER + "".join(rows(30))).replace("\n", "\r\n")
    table, _ = read_blocks(tmp_path, content, ends)
    assert table["user_id"].to_pylist() == [str(n) for n in range(30)]


def test_lone_cr_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="CR without LF") as caught:
        read(tmp_path, HEADER + rows()[0] + "1,2,17\r00000000,1\n", ASIDE)
    assert "log.csv:3" in caught.value.where


def test_file_with_cr_ends_alone_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="CR without LF") as caught:
        read(tmp_path, (HEADER + "".join(rows())).replace("\n", "\r"))
    assert "log.csv:1" in caught.value.where


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_utf16_is_refused(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(UserError, match="UTF-16|NUL"):
        read(tmp_path, (HEADER + "".join(rows())).encode(encoding))


def test_long_line_is_refused_without_reading_it_all(tmp_path: Path) -> None:
    content = HEADER.encode() + b"1," + b"7" * (20 << 20) + b",1700000000,1\n"
    with pytest.raises(UserError, match="more than 1048576 bytes") as caught:
        read(tmp_path, content)
    assert "log.csv:2" in caught.value.where


def test_header_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="a header and no row"):
        read(tmp_path, HEADER)


def test_header_alone_beside_another_file_adds_nothing(tmp_path: Path) -> None:
    full = write(tmp_path / "a.csv", HEADER + "".join(rows()))
    empty = write(tmp_path / "b.csv", HEADER.rstrip("\n"))
    log = read_log([empty, full], FAIL)
    assert log.table.equals(read_log([full], FAIL).table)


def test_empty_file_is_broken(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="0 bytes"):
        read(tmp_path, b"")


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("user_id,item_id,item_id,timestamp,clicked\n", '"item_id" twice'),
        ("\n", "no header"),
        ('user_id,"item_id,timestamp,clicked\n', "quote is opened"),
        ("user_id;item_id;timestamp;clicked\n", "no comma"),
    ],
)
def test_bad_header_is_refused(tmp_path: Path, header: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read(tmp_path, header + "".join(rows()))


PIECES = st.sampled_from(
    [b'"', b'""', b",", b"\n", b"\r\n", b"\r", b"\0", b"\xff", "é".encode(), b"7", b" ", b"a"]
)


@given(st.lists(PIECES, max_size=12).map(b"".join), st.integers(0, NUM_ROWS - 1))
def test_whatever_stands_in_a_line_every_line_is_accounted_for(junk: bytes, position: int) -> None:
    content = with_row(position, rows()[position].encode().rstrip(b"\n") + junk)
    num_lines = sum(line != b"" for line in content.replace(b"\r\n", b"\n").split(b"\n")) - 1
    with TemporaryDirectory() as folder:
        try:
            log = read(Path(folder), content, ASIDE)
        except UserError as error:
            # A lone CR leaves unclear what a line is; an id such as " 7" what the column is.
            assert error.name in ("DATA-LINE-END", "DATA-ID")
            return
    assert log.rows_read == num_lines
    others = {n for n in range(NUM_ROWS) if n != position}
    assert others <= {int(user) for user in log.table["user_id"].to_pylist() if str(user).isdigit()}


@given(st.lists(st.lists(st.text(max_size=4), min_size=2, max_size=2), min_size=1, max_size=8))
def test_written_by_the_standard_library_reads_the_same(ids: list[list[str]]) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["user_id", "item_id", "timestamp", "clicked"])
    kept = []
    for number, (user, item) in enumerate(ids):
        writer.writerow([f"u{user}", f"i{item}", NOW + number, 1])
        if not set("\n\r\0") & set(user + item):
            kept.append((f"u{user}", f"i{item}"))
    try:
        content = buffer.getvalue().encode()
    except UnicodeEncodeError:
        return
    with TemporaryDirectory() as folder:
        try:
            log = read(Path(folder), content, ASIDE)
        except UserError as error:
            assert error.name == "DATA-LINE-END"
            return
    pairs = zip(log.table["user_id"].to_pylist(), log.table["item_id"].to_pylist(), strict=True)
    assert sorted(pairs) == sorted(kept)


def test_the_rest_of_a_broken_field_is_no_row() -> None:
    content = f'user_id,item_id,timestamp,clicked\n"u\n0",i,{NOW},1\nv,i,{NOW},1\n'.encode()
    with TemporaryDirectory() as folder:
        log = read(Path(folder), content, ASIDE)
    assert [row.row for row in log.rejected] == [2, 3]
    assert [row.rule for row in log.rejected] == [
        "a quote is opened and not closed on the line",
        "a quote stands inside a field that does not begin with one",
    ]
    assert log.table["user_id"].to_pylist() == ["v"]
