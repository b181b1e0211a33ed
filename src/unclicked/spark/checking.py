"""What runs beside the data: check the rows of whole users and merge those that agree."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from unclicked.data.checks import GoodRows, check_rows
from unclicked.data.log_columns import plain_type
from unclicked.data.merging import merge_rows
from unclicked.data.raw_file import RawFile
from unclicked.data.reading import FAULT_NAMES
from unclicked.data.schema import BadRow
from unclicked.data.times import UnitWitness
from unclicked.errors import UserError
from unclicked.spark.source import LogPlan
from unclicked.spark.whole_users import whole_users

# Rows that are checked and merged together, and rows that go back to Spark at once.
BLOCK_ROWS, BATCH_ROWS = 1 << 18, 1 << 16
ACCOUNT = "account"
FAULTS = pa.schema(
    [("file", pa.string()), ("row", pa.int64()), ("fault", pa.string())],
)
FAULTS_DDL = "file string, row bigint, fault string"


def log_ddl(plan: LogPlan) -> str:
    """Columns that `check_users` gives, as Spark writes them.

    Args:
        plan: How the log is read.

    Returns:
        Such as `user_id bigint, item_id string`.
    """
    names = {pa.int64(): "bigint", pa.string(): "string", pa.bool_(): "boolean"}
    columns = [f"{field.name} {names[field.type]}" for field in plan.schema]
    return ", ".join([*columns, f"{ACCOUNT} string"])


def check_users(batches: Iterator[pa.RecordBatch], plan: LogPlan) -> Iterator[pa.RecordBatch]:
    """Check and merge the rows of one partition, users in order.

    Args:
        batches: Rows with our columns, sorted by user.
        plan: How they are to be read.

    Yields:
        The checked log, sorted by user, time and item, and for each block of users one more row
        that holds nothing but `account`: JSON with "bad", the bad rows, and "conflicts", keys
        that were there both clicked and unclicked. A block with a bad row gives no other row.
    """
    for table in whole_users(batches, BLOCK_ROWS):
        merged, account = _check_block(_raw(table, plan), plan)
        text = pa.array([json.dumps(account)])
        nulls = [pa.nulls(1, field.type) for field in plan.schema]
        names = [*plan.schema.names, ACCOUNT]
        yield pa.RecordBatch.from_arrays([*nulls, text], names=names)
        if merged is not None:
            merged = merged.append_column(ACCOUNT, pa.nulls(merged.num_rows, pa.string()))
            yield from merged.combine_chunks().to_batches(BATCH_ROWS)


def find_faults(batches: Iterator[pa.RecordBatch], plan: LogPlan) -> Iterator[pa.RecordBatch]:
    """Say where bad rows are, for the message alone.

    Args:
        batches: Rows with our columns, `file_path` and `row_index`, as they lie in the files.
        plan: How they are to be read.

    Yields:
        The first bad row of each batch and file: file, row in it and JSON with the error.
    """
    for batch in batches:
        table = pa.Table.from_batches([batch])
        file = table["file_path"].combine_chunks().dictionary_encode()
        for code, path in enumerate(file.dictionary.to_pylist()):
            part = table.filter(pa.array(file.indices.to_numpy() == code))
            rows = part["row_index"].to_numpy().astype(np.int64)
            order = np.argsort(rows)
            raw = _raw(part.take(pa.array(order)), plan, path, rows[order])
            found = _first_fault(raw, plan)
            if found is not None:
                row, fault = found
                columns = [[path], [row], [json.dumps(fault)]]
                yield pa.RecordBatch.from_arrays(
                    [pa.array(c, f.type) for c, f in zip(columns, FAULTS, strict=True)],
                    schema=FAULTS,
                )


def _raw(
    table: pa.Table,
    plan: LogPlan,
    path: str | None = None,
    rows: np.ndarray[Any, np.dtype[np.int64]] | None = None,
) -> RawFile:
    """Rows as if they were a file, text as plain text."""
    names = list(plan.columns.used)
    columns = [table[name].cast(plain_type(table[name].type)) for name in names]
    rows = np.arange(table.num_rows, dtype=np.int64) if rows is None else rows
    planned = plan.columns if path is None else replace(plan.columns, path=Path(path))
    return RawFile(planned, pa.table(columns, names=names), rows, None, table.num_rows)


def _check(raw: RawFile, plan: LogPlan) -> tuple[GoodRows, list[BadRow], int]:
    witness = UnitWitness(plan.last_second)
    found = check_rows(raw, plan.ids, plan.options, witness)
    witness.verify(plan.options.time_unit)
    return found


def _check_block(raw: RawFile, plan: LogPlan) -> tuple[pa.Table | None, dict[str, int]]:
    try:
        good, _, num_bad = _check(raw, plan)
    except UserError:
        # A unit or zone that is wrong for all rows; `find_faults` says it with its place.
        return None, {"bad": raw.num_rows, "conflicts": 0}
    if num_bad:
        return None, {"bad": num_bad, "conflicts": 0}
    merged, _, conflicts = merge_rows([good])
    return merged, {"bad": 0, "conflicts": conflicts}


def _first_fault(raw: RawFile, plan: LogPlan) -> tuple[int, dict[str, str]] | None:
    try:
        _, bad, _ = _check(raw, plan)
    except UserError as error:
        return -1, {"name": error.name, "where": error.where, "message": error.message}
    if not bad:
        return None
    first = bad[0]
    ours = next(name for name, theirs in raw.plan.used.items() if theirs == first.column)
    return first.row, {
        "name": FAULT_NAMES[ours],
        "where": f'{first.file} row {first.row} column "{first.column}"',
        "message": f'found "{first.value}", expected {first.rule}.',
    }
