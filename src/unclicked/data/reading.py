"""Read a log of impressions from Parquet and CSV files."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from unclicked.data.checks import GoodRows, check_rows
from unclicked.data.ids import IdSurvey
from unclicked.data.log_columns import ColumnPlan, plan_columns
from unclicked.data.log_files import find_files
from unclicked.data.merging import merge_rows
from unclicked.data.raw_file import RawFile
from unclicked.data.read_ahead import Piece, read_ahead
from unclicked.data.reader import FileEnd, column_types, empty_rows
from unclicked.data.schema import MAX_KEPT_BAD_ROWS, BadRow, ImpressionLog, ReadOptions
from unclicked.data.text_times import check_timezone
from unclicked.data.times import DAY_SECONDS, UnitWitness
from unclicked.errors import UnclickedError, UserError

ID_COLUMNS = ("user_id", "item_id")
# What to do with a column of which no row can be read.
_CONVERTED = {
    "clicked": "Convert the column: 1 for a click, 0 for none.",
    "timestamp": "Convert the column: a timestamp type, integers (say data.time_unit), or ISO 8601 "
    "text such as 2026-11-28T12:00:00Z.",
}
FAULT_NAMES = {
    "user_id": "DATA-ID",
    "item_id": "DATA-ID",
    "timestamp": "DATA-TIME",
    "clicked_at": "DATA-TIME",
    "clicked": "DATA-CLICKED",
    "session_id": "DATA-SESSION",
}


@dataclass
class RowAccount:
    """What became of the rows of all files.

    Attributes:
        rows_read: Rows in all files, bad ones included.
        rejected: The first bad rows, at most `MAX_KEPT_BAD_ROWS`.
        num_rejected: All bad rows.
        unused_columns: Columns of the files that nothing reads, sorted.
    """

    rows_read: int = 0
    rejected: list[BadRow] = field(default_factory=list)
    num_rejected: int = 0
    unused_columns: list[str] = field(default_factory=list)


def read_log(
    paths: Sequence[Path],
    options: ReadOptions,
    *,
    earlier: GoodRows | None = None,
    check: Callable[[GoodRows], None] = lambda rows: None,
) -> ImpressionLog:
    """Read, check, sort and deduplicate a log of impressions, all of it in memory.

    Names and types of all columns are checked before any row. Whether an id is integer or text
    is decided once over all files. The result does not depend on the order of files or rows.

    Args:
        paths: Parquet and CSV files, or directories of them.
        options: Names, units, zone and what to do with bad rows.
        earlier: Rows that were read and checked before, which are merged in; they are not counted
            in `rows_read`.
        check: Called with good rows before they are merged.

    Returns:
        The log and the account of its rows.

    Raises:
        UserError: A path, a column, a unit or, unless bad rows are put aside, a row is wrong; or
            no file has a row.
        ArtefactError: A file is empty or cannot be decoded.
    """
    good: list[GoodRows] = [] if earlier is None else [earlier]
    account = read_rows(plan_log(paths, options), options, good.append, check=check)
    table, duplicates, conflicts = merge_rows(good)
    return ImpressionLog(
        table,
        account.rows_read,
        account.rejected,
        account.num_rejected,
        duplicates,
        conflicts,
        account.unused_columns,
    )


def plan_log(paths: Sequence[Path], options: ReadOptions) -> list[ColumnPlan]:
    """Find our columns in all files, before any row is read.

    Args:
        paths: Parquet and CSV files, or directories of them.
        options: Names of our columns in the files.

    Returns:
        The columns to read of each file, in the order given.

    Raises:
        UserError: A path, a column or its type is wrong, or the time zone is unknown.
        ArtefactError: A file is empty or no Parquet.
    """
    check_timezone(options.timezone)
    return [plan_file(path, options) for path in find_files(paths)]


def plan_file(path: Path, options: ReadOptions) -> ColumnPlan:
    """Find our columns in a file, by its header or schema alone.

    Args:
        path: A Parquet or CSV file.
        options: Names of our columns in the files.

    Returns:
        The columns to read.

    Raises:
        UserError: A column is missing or of a type that cannot be read.
        ArtefactError: The file is no Parquet.
    """
    return plan_columns(path, column_types(path, options.limits), options)


def read_rows(
    plans: Sequence[ColumnPlan],
    options: ReadOptions,
    take: Callable[[GoodRows], None],
    *,
    check: Callable[[GoodRows], None] = lambda rows: None,
    twice: bool = False,
) -> RowAccount:
    """Read and check all rows, some at a time.

    A file that cannot be decoded is told before anything that is wrong with a row.

    Args:
        plans: Files and columns.
        options: Units, zone and what to do with bad rows.
        take: Called with the next good rows, in the order of files and rows.
        check: Called with good rows before they are taken.
        twice: Whether to read files again rather than hold them, where the values of all decide
            whether ids are integers or text.

    Returns:
        The account of all rows.

    Raises:
        UserError: A unit or, unless bad rows are put aside, a row is wrong; or no file has a row.
        ArtefactError: A file cannot be decoded.
    """
    surveys = [IdSurvey(column, plans, options) for column in ID_COLUMNS]
    pieces: Iterable[Piece] = read_ahead(plans, options.limits)
    if any(survey.needs_values for survey in surveys):
        pieces = _surveyed(pieces, surveys, hold=not twice)
        if twice:
            pieces = read_ahead(plans, options.limits)
    rows = _Rows(plans, options, surveys, take, check)
    for place, piece in pieces:
        rows.see(place, piece)
    return rows.finish()


def _surveyed(pieces: Iterable[Piece], surveys: Sequence[IdSurvey], *, hold: bool) -> list[Piece]:
    held = []
    for place, piece in pieces:
        if isinstance(piece, RawFile):
            for survey in surveys:
                survey.see(piece)
        if hold:
            held.append((place, piece))
    return held


class _Rows:
    """Rows checked as they come, and the first thing that is wrong with them."""

    def __init__(
        self,
        plans: Sequence[ColumnPlan],
        options: ReadOptions,
        surveys: Sequence[IdSurvey],
        take: Callable[[GoodRows], None],
        check: Callable[[GoodRows], None],
    ) -> None:
        self._plans, self._options, self._surveys = plans, options, surveys
        self._take, self._check = take, check
        self._kinds: dict[str, pa.DataType] = {}
        self._witness = UnitWitness(int(time.time()) + DAY_SECONDS)
        self._account = RowAccount()
        self._bad_of_file: list[BadRow] = []
        self._refused: UnclickedError | None = None
        self._unfit: UnclickedError | None = None

    def see(self, place: int, piece: RawFile | FileEnd) -> None:
        """Take the next rows of a file, or its end."""
        if isinstance(piece, FileEnd):
            self._end(piece)
            return
        if self._refused is None:
            try:
                self._read(piece)
            except UnclickedError as error:
                # A later file that cannot be decoded is told first.
                self._refused = error

    def _read(self, raw: RawFile) -> None:
        if not self._kinds:
            self._kinds = dict(
                zip(ID_COLUMNS, (one.decide() for one in self._surveys), strict=True)
            )
        room = self._room() - len(self._bad_of_file)
        good, bad, num_bad = check_rows(raw, self._kinds, self._options, self._witness, room)
        self._bad_of_file.extend(bad)
        self._account.num_rejected += num_bad
        wanted = self._options.on_bad_row != "fail" or not self._account.num_rejected
        if self._unfit is None and wanted:
            try:
                self._check(good)
            except UnclickedError as error:
                self._unfit = error
                return
            self._take(good)

    def _room(self) -> int:
        return MAX_KEPT_BAD_ROWS - len(self._account.rejected)

    def _end(self, end: FileEnd) -> None:
        account = self._account
        account.rows_read += end.num_rows
        account.num_rejected += end.num_bad
        bad = sorted([*end.bad, *self._bad_of_file], key=lambda row: row.row)
        account.rejected.extend(bad[: self._room()])
        self._bad_of_file = []

    def finish(self) -> RowAccount:
        """Tell what is wrong, now that all files were read; else the account."""
        account = self._account
        if account.rows_read == 0:
            names = ", ".join(str(plan.path) for plan in self._plans[:5])
            raise UserError(
                "DATA-EMPTY",
                names,
                "found a header and no row, expected impressions. Check that this is the log.",
            )
        if self._refused is not None:
            raise self._refused
        if not self._kinds:
            # Every line was split wrongly, so that no rows came.
            self._read(empty_rows(self._plans[0]))
        self._witness.verify(self._options.time_unit)
        if account.rejected and self._options.on_bad_row == "fail":
            every = account.num_rejected == account.rows_read
            bad = account.rejected[0]
            raise _first_bad_row(self._plans, bad, account.num_rejected, every=every)
        if self._unfit is not None:
            raise self._unfit
        account.unused_columns = sorted({name for plan in self._plans for name in plan.unused})
        return account


def _first_bad_row(
    plans: Sequence[ColumnPlan], bad: BadRow, count: int, *, every: bool
) -> UserError:
    used = next(plan.used for plan in plans if str(plan.path) == bad.file)
    ours = next((name for name, theirs in used.items() if theirs == bad.column), "")
    more = f" {count - 1} more bad rows follow." if count > 1 else ""
    advice = (
        "Correct the file, or put bad rows aside with --on-bad-row quarantine (in Python "
        'on_bad_row="quarantine").'
    )
    if every and count > 1:
        # To put them aside would leave nothing.
        more = f" All {count:,} rows are bad."
        advice = _CONVERTED.get(ours, "Correct the file.")
    return UserError(FAULT_NAMES.get(ours, "DATA-LINE"), bad.where, f"{bad.found}{more} {advice}")
