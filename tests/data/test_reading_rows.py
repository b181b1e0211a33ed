"""Bad rows, duplicates, the account of rows, and independence of their order."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unclicked.data.merging import sort_order
from unclicked.data.reading import read_log
from unclicked.data.schema import ImpressionLog, ReadOptions
from unclicked.errors import UserError

NOW = 1_700_000_000
FAIL = ReadOptions(time_unit="s")
ASIDE = ReadOptions(time_unit="s", on_bad_row="quarantine")
COLUMNS = ("user_id", "item_id", "timestamp", "clicked", "clicked_at", "session_id")


@dataclass(frozen=True)
class Row:
    user: str
    item: str
    time: int
    clicked: str
    clicked_at: int | None = None
    session: str | None = None

    def values(self) -> tuple[object, ...]:
        return (self.user, self.item, self.time, self.clicked, self.clicked_at, self.session)


def write_csv(path: Path, rows: list[Row]) -> Path:
    lines = [",".join("" if v is None else str(v) for v in row.values()) + "\n" for row in rows]
    path.with_suffix(".csv").write_text(",".join(COLUMNS) + "\n" + "".join(lines))
    return path.with_suffix(".csv")


def write_parquet(path: Path, rows: list[Row]) -> Path:
    kinds = [pa.string(), pa.string(), pa.int64(), pa.string(), pa.int64(), pa.string()]
    columns = [
        pa.array([row.values()[n] for row in rows], type=kind) for n, kind in enumerate(kinds)
    ]
    target = path.with_suffix(".parquet")
    pq.write_table(pa.table(columns, names=list(COLUMNS)), target, row_group_size=3)
    return target


Writer = Callable[[Path, list[Row]], Path]
WRITERS = pytest.mark.parametrize("write", [write_csv, write_parquet])


def naive(rows: list[Row]) -> tuple[list[tuple[object, ...]], int, int, int]:
    """The table, rejected rows, duplicates and conflicts, one row at a time."""
    merged: dict[tuple[bytes, int, bytes], list[Row]] = {}
    rejected = 0
    for row in rows:
        clicked = row.clicked in ("1", "true")
        bad = not row.user or not row.item or row.clicked not in ("0", "1", "true", "false")
        if row.clicked_at is not None:
            bad = bad or not clicked or row.clicked_at < row.time
        if bad or row.time < 631_152_000:
            rejected += 1
            continue
        merged.setdefault((row.user.encode(), row.time, row.item.encode()), []).append(row)
    table = []
    for key in sorted(merged):
        group = merged[key]
        clicks = [row.clicked in ("1", "true") for row in group]
        times = [row.clicked_at * 10**6 for row in group if row.clicked_at is not None]
        sessions = [row.session.encode() for row in group if row.session]
        session = min(sessions).decode() if sessions else None
        first = min(times) if times else None
        table.append(
            (key[0].decode(), key[2].decode(), key[1] * 10**6, any(clicks), first, session)
        )
    clicked = [{row.clicked in ("1", "true") for row in group} for group in merged.values()]
    conflicts = sum(len(kinds) == 2 for kinds in clicked)
    return table, rejected, len(rows) - rejected - len(table), conflicts


def as_rows(log: ImpressionLog) -> list[tuple[object, ...]]:
    columns = [log.table.column(n).to_pylist() for n in range(log.table.num_columns)]
    return list(zip(*columns, strict=True))


ROW = st.builds(
    Row,
    user=st.sampled_from(["a", "b", "é", "z9", ""]),
    item=st.sampled_from(["x", "y", "007", "7", "\U0001f600"]),
    time=st.sampled_from([NOW, NOW + 1, NOW - 5, 12]),
    clicked=st.sampled_from(["0", "1", "true", "false", "2"]),
    clicked_at=st.sampled_from([None, None, NOW, NOW + 9]),
    session=st.sampled_from([None, "s1", "s2", "\uffff"]),
)


@given(st.lists(ROW, min_size=1, max_size=25), st.randoms(use_true_random=False), st.data())
def test_reading_agrees_with_one_row_at_a_time_in_any_order_and_split(
    rows: list[Row], chance: random.Random, data: st.DataObject
) -> None:
    rows.append(Row("a", "x", NOW, "0"))
    expected, rejected, duplicates, conflicts = naive(rows)
    shuffled = list(rows)
    chance.shuffle(shuffled)
    cut = data.draw(st.integers(0, len(rows)))
    writers = st.sampled_from([write_csv, write_parquet])
    with TemporaryDirectory() as folder:
        first = data.draw(writers)(Path(folder) / "b", shuffled[:cut])
        second = data.draw(writers)(Path(folder) / "a", shuffled[cut:])
        log = read_log([first, second], ASIDE)
        whole = read_log([write_parquet(Path(folder) / "w", rows)], ASIDE)
    assert as_rows(log) == expected
    assert log.table.combine_chunks().equals(whole.table.combine_chunks())
    assert (log.num_rejected, log.duplicates, log.conflicts) == (rejected, duplicates, conflicts)
    assert log.rows_read == len(rows) == log.table.num_rows + log.num_rejected + log.duplicates
    assert len(log.rejected) == log.num_rejected


@WRITERS
@pytest.mark.parametrize("position", [0, 3, 6])
@pytest.mark.parametrize("value", ["2", "-1", "yes", "", "0.0", " 1"])
def test_clicked_is_0_1_true_or_false(
    tmp_path: Path, write: Writer, position: int, value: str
) -> None:
    rows = [Row("u", f"i{n}", NOW + n, "true" if n % 2 else "0") for n in range(7)]
    rows[position] = Row("u", "bad", NOW, value)
    path = write(tmp_path / "log", rows)
    with pytest.raises(UserError, match="expected 0, 1, true or false") as caught:
        read_log([path], FAIL)
    place = f"log.csv:{position + 2}" if write is write_csv else f"log.parquet row {position} "
    assert place in caught.value.where
    log = read_log([path], ASIDE)
    assert log.table.num_rows == 6
    assert (log.rejected[0].column, log.rejected[0].value) == ("clicked", value)


@pytest.mark.parametrize("values", [[1, 0, None], [1, 0, 2], [1, 0, -1]])
def test_clicked_of_other_types(tmp_path: Path, values: list[int | None]) -> None:
    table = pa.table(
        {"user_id": [1, 2, 3], "item_id": [1] * 3, "timestamp": [NOW] * 3, "clicked": values}
    )
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(UserError, match="a.parquet row 2 "):
        read_log([tmp_path / "a.parquet"], FAIL)


def test_first_bad_row_of_the_first_file_is_named_with_the_count_of_others(tmp_path: Path) -> None:
    good = [Row("u", f"i{n}", NOW, "1") for n in range(4)]
    first = write_csv(tmp_path / "a", [*good, Row("", "x", NOW, "1"), Row("u", "", NOW, "1")])
    second = write_parquet(tmp_path / "b", [Row("u", "x", NOW, "7")])
    with pytest.raises(UserError) as caught:
        read_log([first, second], FAIL)
    assert f'{first}:6 column "user_id"' in str(caught.value)
    assert "2 more bad rows" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("clicked", "moment", "advice"),
    [
        ("yes", NOW, "Convert the column: 1 for a click, 0 for none."),
        ("1", "05/07/2026 09:44", "Convert the column: a timestamp type, integers"),
    ],
)
def test_where_no_row_can_be_read_nobody_is_told_to_put_them_aside(
    clicked: str, moment: object, advice: str, tmp_path: Path
) -> None:
    lines = [f"u,i{n},{moment},{clicked}" for n in range(3)]
    path = tmp_path / "log.csv"
    path.write_text("\n".join(["user_id,item_id,timestamp,clicked", *lines]) + "\n")
    with pytest.raises(UserError) as caught:
        read_log([path], FAIL)
    told = str(caught.value)
    assert f"All 3 rows are bad. {advice}" in told
    assert "quarantine" not in told


def test_a_row_with_two_faults_is_one_bad_row(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a", [Row("", "", 5, "9"), Row("u", "i", NOW, "1")])
    log = read_log([path], ASIDE)
    assert [bad.column for bad in log.rejected] == ["user_id"]
    assert log.num_rejected == 1


def test_bad_lines_and_bad_values_are_told_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        f"user_id,item_id,timestamp,clicked\nu,i,{NOW},3\nu,i\nu,i,{NOW},1\nu,,{NOW},1\n"
    )
    assert [bad.row for bad in read_log([path], ASIDE).rejected] == [2, 3, 5]


def test_all_rows_rejected_leaves_an_empty_table(tmp_path: Path) -> None:
    log = read_log([write_csv(tmp_path / "a", [Row("u", "i", NOW, "9")])], ASIDE)
    assert (log.table.num_rows, log.num_rejected, log.rows_read) == (0, 1, 1)
    assert log.table.column_names[:4] == ["user_id", "item_id", "timestamp_us", "clicked"]


def test_duplicates_keep_the_click_the_earliest_time_and_the_smallest_session(
    tmp_path: Path,
) -> None:
    rows = [
        Row("u", "i", NOW, "0", None, "b"),
        Row("u", "i", NOW, "1", NOW + 9, "a"),
        Row("u", "i", NOW, "1", NOW + 4, None),
        Row("u", "j", NOW, "1"),
        Row("u", "j", NOW, "1"),
    ]
    log = read_log([write_parquet(tmp_path / "a", rows)], FAIL)
    first = ("u", "i", NOW * 10**6, True, (NOW + 4) * 10**6, "a")
    assert as_rows(log) == [first, ("u", "j", NOW * 10**6, True, None, None)]
    assert (log.duplicates, log.conflicts) == (3, 1)


def test_long_session_is_a_bad_row(tmp_path: Path) -> None:
    rows = [Row("u", "i", NOW, "0", None, "s" * 2000)]
    with pytest.raises(UserError, match="a session of at most 1024 bytes"):
        read_log([write_csv(tmp_path / "a", rows)], FAIL)


def test_kept_bad_rows_are_bounded_and_all_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unclicked.data.reading.MAX_KEPT_BAD_ROWS", 3)
    bad = [Row("u", "i", NOW, "9")] * 4
    paths = [write_csv(tmp_path / "a", bad), write_csv(tmp_path / "b", bad)]
    log = read_log(paths, ASIDE)
    assert (len(log.rejected), log.num_rejected) == (3, 8)


INT64 = st.integers(-(2**63), 2**63 - 1)
SMALL = st.integers(-3, 3)


@given(st.lists(st.tuples(INT64 | SMALL, SMALL | INT64, SMALL), max_size=30))
def test_sort_order_is_the_order_of_tuples(rows: list[tuple[int, int, int]]) -> None:
    columns = [np.array([row[n] for row in rows], dtype=np.int64) for n in range(3)]
    order = sort_order(*columns)
    assert sorted(order.tolist()) == list(range(len(rows)))
    assert [rows[n] for n in order.tolist()] == sorted(rows)
