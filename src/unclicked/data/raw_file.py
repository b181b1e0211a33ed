"""The columns of one file as they were found, with the place of every row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from unclicked.data.log_columns import ColumnPlan
from unclicked.data.schema import MAX_KEPT_BAD_ROWS, BadRow, shorten

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


@dataclass
class Account:
    """What is known of a file once its last row was read.

    Args:
        row_groups: Rows of each Parquet row group; None for CSV.
        bad: Rows that could not be split into fields, the first ones.
        num_bad: All such rows.
    """

    row_groups: list[int] | None = None
    bad: list[BadRow] = field(default_factory=list)
    num_bad: int = 0


@dataclass
class RawFile:
    """Rows of one file before any value was looked at.

    Args:
        plan: The file and its columns.
        table: Columns under our names, as stored; text for CSV.
        rows: int64 [n], place of each row: line number for CSV, row from 0 for Parquet.
        row_groups: int64 [g], first row of each Parquet row group; None for CSV.
        num_rows: All rows of the file, those that could not be split included.
        bad: Rows that could not be split into fields, the first ones.
        num_bad: All such rows.
    """

    plan: ColumnPlan
    table: pa.Table
    rows: IntArray
    row_groups: IntArray | None
    num_rows: int
    bad: list[BadRow] = field(default_factory=list)
    num_bad: int = 0

    def bad_row(self, index: int, column: str, rule: str) -> BadRow:
        """Describe the row at `index` of the table as bad because of one of our columns."""
        shown = _show(self.table.column(column)[index])
        row = int(self.rows[index])
        group = None
        if self.row_groups is not None:
            group = int(np.searchsorted(self.row_groups, row, side="right")) - 1
        return BadRow(str(self.plan.path), row, self.plan.used[column], shown, rule, group)


class RowFaults:
    """The first rule that each row of a file broke."""

    def __init__(self, raw: RawFile) -> None:
        self._raw = raw
        self._code = np.zeros(raw.table.num_rows, dtype=np.uint8)
        self._rules: list[tuple[str, Callable[[int], str]]] = []

    def mark(self, mask: BoolArray, column: str, rule: str | Callable[[int], str]) -> None:
        """Note that the rows of a mask broke a rule; a row keeps the first rule it broke.

        Args:
            mask: bool [n].
            column: Our name of the column at fault.
            rule: What was expected, or a function from the position of the row to that.
        """
        if not mask.any():
            return
        self._rules.append((column, rule if callable(rule) else lambda _index: rule))
        self._code[mask & (self._code == 0)] = len(self._rules)

    @property
    def good(self) -> BoolArray:
        """bool [n], True where no rule was broken."""
        return np.asarray(self._code == 0, dtype=np.bool_)

    def describe(self, limit: int = MAX_KEPT_BAD_ROWS) -> tuple[list[BadRow], int]:
        """The first bad rows of the file, unsplittable lines included, in order, and their number.

        Args:
            limit: How many to describe at most.

        Returns:
            Bad rows and the number of all of them.
        """
        positions = np.flatnonzero(self._code)
        rows = list(self._raw.bad[:limit])
        for position in positions[:limit].tolist():
            column, rule = self._rules[int(self._code[position]) - 1]
            rows.append(self._raw.bad_row(position, column, rule(position)))
        rows.sort(key=lambda row: row.row)
        return rows[:limit], self._raw.num_bad + len(positions)


def _show(value: pa.Scalar) -> str:
    if not value.is_valid:
        return "null"
    # Nanoseconds come as pandas' own dates where pandas happens to be installed.
    odd = pa.types.is_timestamp(value.type) and value.type.unit == "ns" and value.value % 1000
    try:
        if not odd:
            return shorten(value.as_py())
    except (OverflowError, ValueError):
        # Python has no date for years beyond 9999.
        pass
    return f"{value.value} {value.type.unit} since 1970"


def as_numpy(values: pa.ChunkedArray, fill: int | bool) -> NDArray[np.generic]:
    """Values of a column as one NumPy array, nulls replaced by `fill`."""
    if values.null_count:
        values = values.fill_null(fill)
    return np.asarray(values.to_numpy())


def as_mask(values: pa.ChunkedArray) -> BoolArray:
    """A boolean column as a NumPy mask, null counting as False."""
    return np.asarray(as_numpy(values, False), dtype=np.bool_)
