"""A small clean log, and how it is written with one thing wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

DAY = 86_400
START = 1_704_103_200  # 2024-01-01 10:00 UTC
COLUMNS = ("user_id", "item_id", "timestamp", "clicked")
GROUP_ROWS = 16
Row = dict[str, object]


def clean_rows(ids: str = "text") -> list[Row]:
    """Three users who see six items on each of five days and click half of them.

    Args:
        ids: "text" for ids such as `u1`, "integer" for numbers.

    Returns:
        Rows in no order of time.
    """
    rows: list[Row] = []
    for user in range(3):
        for day in range(5):
            for item in range(6):
                rows.append(
                    {
                        "user_id": f"u{user}" if ids == "text" else user + 1,
                        "item_id": f"i{item}" if ids == "text" else item + 10,
                        "timestamp": START + day * DAY + 60 * item + user,
                        "clicked": (item + day) % 2,
                    }
                )
    # 37 and 90 have no common divisor: every row comes once.
    return [rows[(37 * place) % len(rows)] for place in range(len(rows))]


def csv_line(values: Sequence[object]) -> bytes:
    """One line; nothing is quoted."""
    return b",".join(v if isinstance(v, bytes) else str(v).encode() for v in values) + b"\n"


def write_csv(path: Path, rows: Sequence[Row], lines: Mapping[int, bytes] | None = None) -> Path:
    """Write rows as CSV.

    Args:
        path: Path without an ending.
        rows: The rows.
        lines: Place among the rows -> a whole line to put before that row.

    Returns:
        The file.
    """
    parts = [csv_line(COLUMNS)]
    for place, row in enumerate(rows):
        parts += [lines[place]] if lines and place in lines else []
        parts.append(csv_line([row[name] for name in COLUMNS]))
    parts += [lines[len(rows)]] if lines and len(rows) in lines else []
    target = path.with_name(path.name + ".csv")
    target.write_bytes(b"".join(parts))
    return target


def write_parquet(
    path: Path,
    rows: Sequence[Row],
    kinds: Mapping[str, pa.DataType] | None = None,
    *,
    checksums: bool = False,
) -> Path:
    """Write rows as Parquet.

    Args:
        path: Path without an ending.
        rows: The rows; a value of another kind than its column's is turned into it.
        kinds: Types that are not those of the clean log.
        checksums: Whether every page has one.

    Returns:
        The file.
    """
    columns = {}
    for name in COLUMNS:
        values = [row[name] for row in rows]
        kind = (kinds or {}).get(name) or _kind(values)
        columns[name] = pa.array([_as(value, kind) for value in values], _stored(kind)).cast(kind)
    target = path.with_name(path.name + ".parquet")
    pq.write_table(
        pa.table(columns), target, row_group_size=GROUP_ROWS, write_page_checksum=checksums
    )
    return target


def _kind(values: Sequence[object]) -> pa.DataType:
    return pa.string() if any(isinstance(value, str) for value in values) else pa.int64()


def _as(value: object, kind: pa.DataType) -> object:
    return str(value) if value is not None and pa.types.is_string(kind) else value


def _stored(kind: pa.DataType) -> pa.DataType:
    return pa.int64() if pa.types.is_timestamp(kind) else kind
