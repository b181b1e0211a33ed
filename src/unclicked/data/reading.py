"""Read a log of impressions from Parquet and CSV files."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from unclicked.data.checks import GoodRows, check_rows
from unclicked.data.ids import plan_ids
from unclicked.data.log_columns import ColumnPlan, plan_columns
from unclicked.data.log_files import find_files
from unclicked.data.merging import merge_rows
from unclicked.data.raw_file import RawFile
from unclicked.data.reader import column_types, read_file
from unclicked.data.schema import MAX_KEPT_BAD_ROWS, BadRow, ImpressionLog, ReadOptions
from unclicked.data.text_times import check_timezone
from unclicked.data.times import DAY_SECONDS, UnitWitness
from unclicked.errors import UserError

FAULT_NAMES = {
    "user_id": "DATA-ID",
    "item_id": "DATA-ID",
    "timestamp": "DATA-TIME",
    "clicked_at": "DATA-TIME",
    "clicked": "DATA-CLICKED",
    "session_id": "DATA-SESSION",
}


def read_log(
    paths: Sequence[Path],
    options: ReadOptions,
    *,
    earlier: GoodRows | None = None,
    check: Callable[[GoodRows], None] = lambda rows: None,
) -> ImpressionLog:
    """Read, check, sort and deduplicate a log of impressions.

    Names and types of all columns are checked before any row. Whether an id is integer or text
    is decided once over all files. The result does not depend on the order of files or rows.

    Args:
        paths: Parquet and CSV files, or directories of them.
        options: Names, units, zone and what to do with bad rows.
        earlier: Rows that were read and checked before, which are merged in; they are not counted
            in `rows_read`.
        check: Called with the good rows of each file before they are merged.

    Returns:
        The log and the account of its rows.

    Raises:
        UserError: A path, a column, a unit or, unless bad rows are put aside, a row is wrong; or
            no file has a row.
        ArtefactError: A file is empty or cannot be decoded.
    """
    check_timezone(options.timezone)
    plans = [plan_file(path, options) for path in find_files(paths)]
    raws = [read_file(plan, options.limits) for plan in plans]
    rows_read = sum(raw.num_rows for raw in raws)
    if rows_read == 0:
        names = ", ".join(str(plan.path) for plan in plans[:5])
        raise UserError("DATA-EMPTY", names, "found a header and no row, expected impressions.")
    good, rejected, num_rejected = _check_files(raws, options)
    if rejected and options.on_bad_row == "fail":
        raise _first_bad_row(raws, rejected[0], num_rejected)
    del raws
    for rows in good:
        check(rows)
    if earlier is not None:
        good.insert(0, earlier)
    table, duplicates, conflicts = merge_rows(good)
    unused = sorted({name for plan in plans for name in plan.unused})
    return ImpressionLog(table, rows_read, rejected, num_rejected, duplicates, conflicts, unused)


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


def _check_files(
    raws: Sequence[RawFile], options: ReadOptions
) -> tuple[list[GoodRows], list[BadRow], int]:
    ids = {column: plan_ids(raws, column, options) for column in ("user_id", "item_id")}
    witness = UnitWitness(int(time.time()) + DAY_SECONDS)
    good: list[GoodRows] = []
    rejected: list[BadRow] = []
    num_rejected = 0
    for place, raw in enumerate(raws):
        rows, bad, num_bad = check_rows(raw, place, ids, options, witness)
        good.append(rows)
        rejected.extend(bad[: MAX_KEPT_BAD_ROWS - len(rejected)])
        num_rejected += num_bad
    witness.verify(options.time_unit)
    return good, rejected, num_rejected


def _first_bad_row(raws: Sequence[RawFile], bad: BadRow, count: int) -> UserError:
    used = next(raw.plan.used for raw in raws if str(raw.plan.path) == bad.file)
    ours = next((name for name, theirs in used.items() if theirs == bad.column), "")
    more = f" {count - 1} more bad rows follow." if count > 1 else ""
    found = f'found "{bad.value}", expected {bad.rule}.'
    if not bad.column:
        found = f'{bad.rule} ("{bad.value}").'
    return UserError(
        FAULT_NAMES.get(ours, "DATA-LINE"),
        bad.where,
        f'{found}{more} Correct the file, or put bad rows aside with on_bad_row = "quarantine".',
    )
