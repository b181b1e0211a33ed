"""What the readers of an impression log take and give."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from unclicked.data.reader_limits import ReadLimits
from unclicked.errors import UserError

REQUIRED_COLUMNS = ("user_id", "item_id", "timestamp", "clicked")
OPTIONAL_COLUMNS = ("clicked_at", "session_id")
TIME_UNITS = ("s", "ms", "us")
MAX_KEPT_BAD_ROWS = 100_000


@dataclass(frozen=True)
class ReadOptions:
    """How the columns of a user's files are to be read.

    Args:
        columns: Our column name -> its name in the files; a name that is absent keeps its own.
        time_unit: Unit of integer times, `"s"`, `"ms"` or `"us"`; None refuses integer times.
        timezone: IANA zone of text times without an offset and of timestamp types without a
            zone (which count as UTC when this is None).
        on_bad_row: `"fail"` stops at the first bad row, `"quarantine"` keeps it aside.
        max_id_bytes: Longest text id in bytes of UTF-8, at least 1.
        id_type: `"auto"` decides once over all files; `"text"` keeps every id as written;
            `"integer"` makes any id that is no 64-bit integer a bad row.
        bins: Field of a side table -> ascending edges that turn its numbers into categories.
        limits: Memory of the process that decodes files, and what a file may expand to.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    time_unit: str | None = None
    timezone: str | None = None
    on_bad_row: str = "fail"
    max_id_bytes: int = 1024
    id_type: str = "auto"
    bins: Mapping[str, list[float]] = field(default_factory=dict)
    limits: ReadLimits = field(default_factory=ReadLimits)

    def __post_init__(self) -> None:
        _check_choice("data.time_unit", self.time_unit, (None, *TIME_UNITS))
        # No setting: an option of the verb and an argument in Python.
        _check_choice("--on-bad-row", self.on_bad_row, ("fail", "quarantine"))
        _check_choice("data.id_type", self.id_type, ("auto", "text", "integer"))
        if self.max_id_bytes < 1:
            raise UserError(
                "CONFIG-VALUE", "data.max_id_bytes", f"found {self.max_id_bytes}, expected >= 1."
            )
        for name, edges in self.bins.items():
            pairs = zip(edges, edges[1:], strict=False)
            if not edges or any(low >= high for low, high in pairs) or not _finite(edges):
                raise UserError(
                    "CONFIG-VALUE",
                    f"bins of {name}",
                    f"found {edges}, expected finite ascending edges.",
                )

    def name_in_file(self, column: str) -> str:
        """Name that one of our columns has in the files."""
        return self.columns.get(column, column)


@dataclass(frozen=True)
class BadRow:
    """One row that was refused.

    Args:
        file: Path as given.
        row: CSV: number of the line, the header being line 1. Parquet: row of the file from 0.
        column: Name in the file; empty where the whole line is at fault.
        value: What was found there, shortened.
        rule: What was expected.
        row_group: Parquet only: the row group that holds the row.
    """

    file: str
    row: int
    column: str
    value: str
    rule: str
    row_group: int | None = None

    @property
    def where(self) -> str:
        """File, row and column in the form that error lines use."""
        place = f"{self.file}:{self.row}"
        if self.row_group is not None:
            place = f"{self.file} row {self.row} (row group {self.row_group})"
        return f'{place} column "{self.column}"' if self.column else place

    @property
    def found(self) -> str:
        """What stood there and what was expected, one sentence."""
        if not self.column:
            return f'{self.rule} ("{self.value}").'
        return f'found "{self.value}", expected {self.rule}.'


@dataclass
class ImpressionLog:
    """A log that was read, checked, sorted by user, time and item, and freed of duplicates.

    `rows_read == table.num_rows + num_rejected + duplicates` always holds.

    Args:
        table: `user_id`, `item_id` (int64 or string), `timestamp_us` int64, `clicked` bool and,
            where a file has them, `clicked_at_us` int64 and `session_id` string, both nullable.
        rows_read: Rows in all files, bad ones included.
        rejected: The first bad rows, at most `MAX_KEPT_BAD_ROWS`.
        num_rejected: All bad rows.
        duplicates: Rows removed because user, item and time were those of another row.
        conflicts: Keys that were there both clicked and unclicked (the click wins).
        unused_columns: Columns of the files that nothing reads, sorted.
    """

    table: pa.Table
    rows_read: int
    rejected: list[BadRow]
    num_rejected: int
    duplicates: int
    conflicts: int
    unused_columns: list[str]


def shorten(value: object, limit: int = 80) -> str:
    """Text of a value for a message, without line breaks.

    Args:
        value: Anything.
        limit: Characters kept, at least 3; characters that cannot be shown count as one.

    Returns:
        The text, ending in `...` where something was cut.

    Example:
        >>> shorten("abcdef", limit=4)
        'a...'
    """
    text = value if isinstance(value, str) else str(value)
    text = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text[:limit])
    return text if len(text) < limit or text == value else text[: limit - 3] + "..."


def _finite(edges: list[float]) -> bool:
    return all(math.isfinite(edge) for edge in edges)


def _check_choice(key: str, value: str | None, allowed: tuple[str | None, ...]) -> None:
    if value not in allowed:
        names = ", ".join(f'"{name}"' for name in allowed if name is not None)
        raise UserError("CONFIG-VALUE", key, f'found "{value}", expected one of {names}.')
