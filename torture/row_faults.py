"""What can be wrong with one row of a log, as data."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from torture.logs import START

BOTH = ("csv", "parquet")
ONE_DAY = 86_400
TEXT, SECONDS = pa.string(), pa.timestamp("s")
INTEGER_IDS = ("data.id_type=integer",)
BERLIN = ("data.timezone=Europe/Berlin",)


@dataclass(frozen=True)
class RowFault:
    """One bad row put among good ones.

    Args:
        name: Case of the fault list and what is wrong.
        column: Column at fault; empty for a line that cannot be split.
        value: What stands there; bytes are put into CSV as they are.
        error: Name of the error that must follow.
        shown: Text of the value in the error and in `rejected.parquet`; of `value` where empty.
        line: The whole line, for CSV alone.
        kinds: Parquet types of columns that differ from the clean log's.
        ids: Kind of ids in the clean log, see `clean_rows`.
        settings: Settings that the fault needs, for `--set`.
        formats: Formats that can hold it.
        whole: Refused in every mode, because no single row is to blame.
    """

    name: str
    column: str
    value: object
    error: str
    shown: str = ""
    line: bytes = b""
    kinds: Mapping[str, pa.DataType] = field(default_factory=dict)
    ids: str = "text"
    settings: tuple[str, ...] = ()
    formats: tuple[str, ...] = BOTH
    whole: bool = False


def row_faults() -> list[RowFault]:
    """Every fault of a row."""
    return [*_lines(), *_ids(), *_missing(), *_times(), *_clicked(), *_whole_columns()]


def _lines() -> list[RowFault]:
    lines = {
        "quote not closed": (b'u1,"i2,1704103200,1\n', 'u1,"i2,1704103200,1'),
        "quote not closed at the line's end": (b'u1,i2,1704103200,"1\n', 'u1,i2,1704103200,"1'),
        "text after a quote": (b'u1,"i2"x,1704103200,1\n', 'u1,"i2"x,1704103200,1'),
        "quote inside a field": (b'u1,i"2,1704103200,1\n', 'u1,i"2,1704103200,1'),
        "a field too few": (b"u1,i2,1704103200\n", "u1,i2,1704103200"),
        "a field too many": (b"u1,i2,1704103200,1,9\n", "u1,i2,1704103200,1,9"),
        "semicolons": (b"u1;i2;1704103200;1\n", "u1;i2;1704103200;1"),
        "NUL": (b"u1,i\x002,1704103200,1\n", "u1,i\\x002,1704103200,1"),
        "not UTF-8": (b"u1,i\xff,1704103200,1\n", "u1,i\ufffd,1704103200,1"),
        "cut UTF-8": (b"u1,i\xc3,1704103200,1\n", "u1,i\ufffd,1704103200,1"),
        "UTF-8 of a surrogate": (b"u1,i\xed\xa0\x80,1704103200,1\n", "u1,i"),
    }
    return [
        RowFault(f"A5 {name}", "", None, "DATA-LINE", shown, line, formats=("csv",))
        for name, (line, shown) in lines.items()
    ]


def _ids() -> list[RowFault]:
    spellings = [
        *("1.5", "1e3", "1_000", "0x10", " 7", "7 ", "007", "+7", "-0", "1,5", "seven", "NaN"),
        *("9223372036854775808", "-9223372036854775809", "99999999999999999999999", "٣"),
    ]
    kinds = {"user_id": TEXT, "item_id": TEXT}
    faults = [
        RowFault(
            f"A4 A13 {column} {value!r} among integers",
            column,
            value if "," not in value else f'"{value}"'.encode(),
            "DATA-ID",
            value,
            kinds=kinds,
            ids="integer",
            settings=INTEGER_IDS,
            formats=("csv",) if "," in value else BOTH,
        )
        for place, value in enumerate(spellings)
        for column in [("user_id", "item_id")[place % 2]]
    ]
    big = {"item_id": pa.uint64()}
    return [
        *faults,
        RowFault(
            "A13 unsigned 2^63",
            "item_id",
            2**63,
            "DATA-ID",
            kinds=big,
            ids="integer",
            settings=INTEGER_IDS,
            formats=("parquet",),
        ),
        RowFault("A14 id of 1,025 bytes", "user_id", "a" * 1025, "DATA-ID", "a" * 70),
        RowFault("A14 id of 2,050 bytes in é", "item_id", "é" * 1025, "DATA-ID", "é" * 70),
        RowFault("A13 id of 5,000 digits", "item_id", "7" * 5000, "DATA-ID", "7" * 70),
        RowFault("A14 id of 900 kB", "item_id", "b" * 900_000, "DATA-ID", "b" * 70),
    ]


def _missing() -> list[RowFault]:
    errors = {"user_id": "DATA-ID", "item_id": "DATA-ID", "timestamp": "DATA-TIME"}
    errors["clicked"] = "DATA-CLICKED"
    empty = [
        RowFault(f"A6 empty {column}", column, "", error, '""', kinds={column: TEXT})
        for column, error in errors.items()
        if column != "timestamp"
    ]
    null = [
        RowFault(f"A6 null {column}", column, None, error, "null", formats=("parquet",))
        for column, error in errors.items()
    ]
    time_text = RowFault("A6 empty timestamp", "timestamp", "", "DATA-TIME", '""', formats=("csv",))
    return [*empty, *null, time_text]


def _times() -> list[RowFault]:
    late = int(time.time()) + 10 * ONE_DAY
    numbers = {
        "negative": -5,
        "zero": 0,
        "of 1979": 300_000_000,
        "ten days from now": late,
        "of 1989": 631_151_999,
    }
    texts = {
        "NaN": "NaN",
        "infinite": "inf",
        "a fraction": "1704103200.5",
        "an exponent": "1.7041032e9",
        "no date": "yesterday",
        "30 February": "2024-02-30T10:00:00Z",
        "hour 24": "2024-01-01T24:00:00Z",
        "a leap second": "2024-01-01T10:00:60Z",
        "year 0": "0000-01-01T10:00:00Z",
        "of 1600": "1600-01-01T10:00:00Z",
        "other digits": "２０２４-01-01T10:00:00Z",
    }
    found = [
        RowFault(f"A7 time {name}", "timestamp", v, "DATA-TIME") for name, v in numbers.items()
    ]
    found += [
        RowFault(f"A7 time {name}", "timestamp", value, "DATA-TIME", kinds={"timestamp": TEXT})
        for name, value in texts.items()
    ]
    found += [
        RowFault(
            f"A7 timestamp type {name}",
            "timestamp",
            value,
            "DATA-TIME",
            "19" if value < START else "20",
            kinds={"timestamp": SECONDS},
            formats=("parquet",),
        )
        for name, value in numbers.items()
    ]
    clock = {
        "there twice": "2023-10-29 02:30:00",
        "never there": "2023-03-26 02:30:00",
    }
    found += [
        RowFault(
            f"A9 local time {name}",
            "timestamp",
            value,
            "DATA-TIME",
            kinds={"timestamp": TEXT},
            settings=BERLIN,
        )
        for name, value in clock.items()
    ]
    return found


def _clicked() -> list[RowFault]:
    values = ("2", "-1", "yes", "0.0", " 1", "1 ", "TruE", "null", "NaN", "01", "1e0")
    texts = [
        RowFault(f"A12 clicked {v!r}", "clicked", v, "DATA-CLICKED", kinds={"clicked": TEXT})
        for v in values
    ]
    numbers = [
        RowFault(f"A12 clicked {v}", "clicked", v, "DATA-CLICKED", formats=("parquet",))
        for v in (2, -1, 255, 2**40)
    ]
    return [*texts, *numbers]


def _whole_columns() -> list[RowFault]:
    """One value that puts the whole column in doubt: refused in every mode."""
    units = {"ms": START * 10**3, "us": START * 10**6, "ns": START * 10**9}
    mixed = [
        RowFault(f"A8 {unit} among s", "timestamp", value, "DATA-TIME-UNIT", whole=True)
        for unit, value in units.items()
    ]
    zone = RowFault(
        "A9 text without a zone",
        "timestamp",
        "2024-01-02 10:00:00",
        "DATA-TIMEZONE",
        kinds={"timestamp": TEXT},
        whole=True,
    )
    ids = [
        RowFault(
            f"A4 A13 item {value!r} among integers, undecided",
            "item_id",
            value,
            "DATA-ID",
            ids="integer",
            formats=("csv",),
            whole=True,
        )
        for value in ("007", "1.5", "1e3", "1_000", "0x10", " 7", "9223372036854775808")
    ]
    return [*mixed, zone, *ids]
