"""Times are read by a stated unit or zone, or refused with their reading as a date."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unclicked.data.reading import read_log
from unclicked.data.schema import ImpressionLog, ReadOptions
from unclicked.data.text_times import local_to_utc, parse_iso
from unclicked.errors import UserError

NOW = 1_700_000_000
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def csv_file(path: Path, times: list[str], clicked_at: list[str] | None = None) -> Path:
    extra = [""] * len(times) if clicked_at is None else ["," + text for text in clicked_at]
    lines = [f"{n},1,{t},1{e}\n" for n, (t, e) in enumerate(zip(times, extra, strict=True))]
    last = "" if clicked_at is None else ",clicked_at"
    path.write_text(f"user_id,item_id,timestamp,clicked{last}\n" + "".join(lines))
    return path


def parquet_file(path: Path, times: pa.Array) -> Path:
    size = len(times)
    columns = {"user_id": range(size), "item_id": [1] * size, "clicked": [1] * size}
    pq.write_table(pa.table({**columns, "timestamp": times}), path)
    return path


def read(*paths: Path, **options: Any) -> ImpressionLog:
    return read_log(list(paths), ReadOptions(**options))


def times_of(log: ImpressionLog) -> list[int]:
    return list(log.table["timestamp_us"].to_pylist())


@pytest.mark.parametrize(("unit", "scale"), [("s", 1), ("ms", 1_000), ("us", 1_000_000)])
def test_integers_by_unit(tmp_path: Path, unit: str, scale: int) -> None:
    value = NOW * scale + scale // 2
    expected = [value * (1_000_000 // scale)]
    assert times_of(read(csv_file(tmp_path / "a.csv", [str(value)]), time_unit=unit)) == expected
    path = parquet_file(tmp_path / "a.parquet", pa.array([value]))
    assert times_of(read(path, time_unit=unit)) == expected


@pytest.mark.parametrize(("scale", "seen"), [(1, "s"), (10**3, "ms"), (10**6, "us"), (10**9, "ns")])
def test_integers_without_or_with_a_wrong_unit_are_refused(
    tmp_path: Path, scale: int, seen: str
) -> None:
    path = parquet_file(tmp_path / "a.parquet", pa.array([NOW * scale] * 2))
    with pytest.raises(UserError, match=f"found {NOW * scale}: no data.time_unit.* says {seen}"):
        read(path)
    wrong = "ms" if seen == "s" else "s"
    with pytest.raises(UserError, match=f'data.time_unit = "{wrong}", but its size says {seen}'):
        read(path, time_unit=wrong, on_bad_row="quarantine")


def test_two_units_in_one_column_are_refused(tmp_path: Path) -> None:
    path = csv_file(tmp_path / "a.csv", [str(NOW), str(NOW * 1000), str(NOW)])
    for unit in ("s", "ms"):
        with pytest.raises(UserError) as caught:
            read(path, time_unit=unit, on_bad_row="quarantine")
        message = str(caught.value)
        assert "a.csv:2" in message
        assert "a.csv:3" in message
        assert f"{NOW * 1000}" in message


def test_two_units_between_files_name_both(tmp_path: Path) -> None:
    first = csv_file(tmp_path / "a.csv", [str(NOW * 1000)])
    second = parquet_file(tmp_path / "b.parquet", pa.array([NOW]))
    with pytest.raises(UserError) as caught:
        read(first, second, time_unit="s")
    message = str(caught.value)
    assert str(first) in message
    assert str(second) in message
    assert f"{NOW * 1000}, which reads as ms, but {NOW} at" in message or (
        f"{NOW}, which reads as s, but {NOW * 1000} at" in message
    )


@pytest.mark.parametrize("position", [0, 1, 2])
@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "neither null nor empty"),
        ("NaN", "a finite time"),
        ("inf", "a finite time"),
        ("1.7e9", "a finite time"),
        ("1700000000.0", "a finite time"),
        ("2024-01-31", "a finite time"),
        ("2023-02-29T00:00:00Z", "a finite time"),
        ("2023-01-01T24:00:00Z", "a finite time"),
        ("-5", "reads as 1969-12-31 23:59:55 UTC"),
        ("0", "reads as 1970-01-01 00:00:00 UTC"),
        ("631151999", "reads as 1989-12-31 23:59:59 UTC"),
        ("1989-12-31T23:59:59Z", "reads as 1989-12-31 23:59:59 UTC"),
        ("5000000000", "reads as 2128-06-11 08:53:20 UTC"),
        ("9" * 25, "beyond 9999"),
    ],
)
def test_bad_times_are_bad_rows(tmp_path: Path, text: str, rule: str, position: int) -> None:
    values = [str(NOW)] * 3
    values[position] = text
    path = csv_file(tmp_path / "a.csv", values)
    with pytest.raises(UserError, match=rule) as caught:
        read(path, time_unit="s")
    assert f'a.csv:{position + 2} column "timestamp"' in caught.value.where
    log = read(path, time_unit="s", on_bad_row="quarantine")
    assert log.table["user_id"].to_pylist() == [n for n in range(3) if n != position]
    assert (log.num_rejected, log.rejected[0].value) == (1, text)


def test_limits_of_the_window(tmp_path: Path) -> None:
    soon = int(time.time()) + 86_000
    late = soon + 1_000
    path = parquet_file(tmp_path / "a.parquet", pa.array([631_152_000, soon, late, None]))
    log = read(path, time_unit="s", on_bad_row="quarantine")
    assert log.table["user_id"].to_pylist() == [0, 1]
    assert [bad.row for bad in log.rejected] == [2, 3]


def test_timestamp_types_out_of_range_do_not_overflow(tmp_path: Path) -> None:
    values = pa.array([NOW * 1000, 2**62, -(2**62)], pa.timestamp("ms"))
    log = read(parquet_file(tmp_path / "a.parquet", values), on_bad_row="quarantine")
    assert times_of(log) == [NOW * 1_000_000]
    assert [bad.value for bad in log.rejected] == [f"{n} ms since 1970" for n in (2**62, -(2**62))]


def test_bad_nanoseconds_are_shown(tmp_path: Path) -> None:
    values = pa.array([NOW * 10**9, 1], pa.timestamp("ns", "UTC"))
    with pytest.raises(UserError, match='found "1 ns since 1970".*reads as 1970-01-01'):
        read(parquet_file(tmp_path / "a.parquet", values))


def test_unsigned_times_do_not_wrap(tmp_path: Path) -> None:
    values = pa.array([NOW, 2**64 - 1], pa.uint64())
    log = read(parquet_file(tmp_path / "a.parquet", values), time_unit="s", on_bad_row="quarantine")
    assert [bad.value for bad in log.rejected] == [str(2**64 - 1)]


def test_naive_timestamp_type_is_utc_or_the_named_zone(tmp_path: Path) -> None:
    moment = dt.datetime(2024, 1, 1, 12)
    path = parquet_file(tmp_path / "a.parquet", pa.array([moment], pa.timestamp("ms")))
    utc = int(moment.replace(tzinfo=dt.UTC).timestamp()) * 1_000_000
    assert times_of(read(path)) == [utc]
    assert times_of(read(path, timezone="Asia/Shanghai")) == [utc - 8 * 3_600_000_000]


def test_text_needs_a_zone_or_an_offset(tmp_path: Path) -> None:
    naive = csv_file(tmp_path / "a.csv", ["2024-01-01 12:00:00"])
    with pytest.raises(UserError, match='found "2024-01-01 12:00:00" without an offset'):
        read(naive)
    aware = csv_file(tmp_path / "b.csv", ["2024-01-01T12:00:00.25Z", "2024-01-01T12:00+05:30"])
    noon = 1_704_110_400_000_000
    assert times_of(read(aware)) == [noon + 250_000, noon - 19_800_000_000]
    assert times_of(read(aware, timezone="Asia/Tokyo")) == times_of(read(aware))
    assert times_of(read(naive, timezone="Asia/Tokyo")) == [noon - 9 * 3_600_000_000]


def test_local_times_at_clock_changes_are_bad_rows(tmp_path: Path) -> None:
    times = [
        "2024-03-31T01:59:59",
        "2024-03-31T02:30:00",
        "2024-10-27T02:30:00",
        "2024-10-27T03:00:00",
        "2024-10-27T02:30:00+01:00",
    ]
    path = csv_file(tmp_path / "a.csv", times)
    log = read(path, timezone="Europe/Berlin", on_bad_row="quarantine")
    assert [bad.row for bad in log.rejected] == [3, 4]
    assert "exists once in Europe/Berlin" in log.rejected[0].rule
    assert log.table["user_id"].to_pylist() == [0, 3, 4]


def test_unknown_zone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match='"Mars/Base" is no time zone'):
        read(csv_file(tmp_path / "a.csv", [str(NOW)]), timezone="Mars/Base")


def test_click_times(tmp_path: Path) -> None:
    clicked_at = [str(NOW + 5), "", str(NOW - 1), str(NOW)]
    path = csv_file(tmp_path / "a.csv", [str(NOW)] * 4, clicked_at)
    log = read(path, time_unit="s", on_bad_row="quarantine")
    assert log.table["clicked_at_us"].to_pylist() == [(NOW + 5) * 10**6, None, NOW * 10**6]
    assert [(bad.row, bad.column) for bad in log.rejected] == [(4, "clicked_at")]
    text = path.read_text().replace(f"0,1,{NOW},1", f"0,1,{NOW},0")
    path.write_text(text)
    with pytest.raises(UserError, match='a.csv:2 column "clicked_at".*clicked is false'):
        read(path, time_unit="s")


@given(
    st.datetimes(min_value=dt.datetime(1, 1, 2), max_value=dt.datetime(9999, 12, 30)),
    st.sampled_from(["", "Z", "+00:00", "-03:30", "+1400", "+02"]),
    st.sampled_from(["T", " "]),
)
def test_iso_agrees_with_the_standard_library(moment: dt.datetime, zone: str, mark: str) -> None:
    text = moment.isoformat(sep=mark) + zone
    parsed = parse_iso(pa.chunked_array([[text]]))
    reading = dt.datetime.fromisoformat(text)
    if not zone:
        reading = reading.replace(tzinfo=dt.UTC)
    expected = (reading - EPOCH) // dt.timedelta(microseconds=1)
    assert (parsed.us.tolist(), parsed.valid.tolist()) == ([expected], [True])
    assert parsed.has_offset.tolist() == [zone != ""]


@given(st.text(alphabet="0123456789-:T Z+.", max_size=22))
def test_iso_accepts_no_nonsense(text: str) -> None:
    if parse_iso(pa.chunked_array([[text]])).valid[0]:
        reading = dt.datetime.fromisoformat(text[:19].rstrip("Z").split("+")[0])
        assert 1 <= reading.year <= 9999


@given(
    st.datetimes(min_value=dt.datetime(1991, 1, 1), max_value=dt.datetime(2030, 1, 1)),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]),
)
def test_local_times_agree_with_the_standard_library(moment: dt.datetime, name: str) -> None:
    us = (moment.replace(tzinfo=dt.UTC) - EPOCH) // dt.timedelta(microseconds=1)
    converted, unclear = local_to_utc(np.array([us]), name)
    early = moment.replace(tzinfo=ZoneInfo(name), fold=0)
    late = moment.replace(tzinfo=ZoneInfo(name), fold=1)
    assert bool(unclear[0]) == (early.utcoffset() != late.utcoffset())
    if not unclear[0]:
        expected = (early.astimezone(dt.UTC) - EPOCH) // dt.timedelta(microseconds=1)
        assert converted.tolist() == [expected]
