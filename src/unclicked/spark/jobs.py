"""The jobs that Spark runs: the checked log, clicks of every item, and the rules on whole users."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from unclicked.data.card import RowCounts
from unclicked.errors import UserError
from unclicked.spark.checking import ACCOUNT, FAULTS_DDL, check_users, find_faults, log_ddl
from unclicked.spark.pieces import DDL, blocks_of
from unclicked.spark.receiving import Received, receive
from unclicked.spark.session import spark_told
from unclicked.spark.source import Source
from unclicked.spark.sweeping import SweepPlan, sweep_users

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Rows of a partition, about. What the rules make of one goes through the driver as a whole.
PARTITION_ROWS = 1_000_000


@dataclass(frozen=True)
class CheckedLog:
    """The checked log, sorted by user, time and item, partition by partition.

    Attributes:
        frame: Its rows, held by the executors.
        rows: What became of the rows of the files.
        clicks: Clicked rows.
        first_us: Time of the first showing.
        last_us: Time of the last.
    """

    frame: DataFrame
    rows: RowCounts
    clicks: int
    first_us: int
    last_us: int


@contextmanager
def checked_log(source: Source, partitions: int | None) -> Iterator[CheckedLog]:
    """Have the log read, checked and merged, and held while the block runs.

    Users are cut into ranges of their ids, so that the partitions follow one another as the users
    do in the data set. Inside a partition `merge_rows` puts each user's rows in order of time.

    Args:
        source: The log.
        partitions: Parts to cut the users into; about a million rows each without.

    Yields:
        The log.

    Raises:
        UserError: If there is no row, or a row is bad; the message names the first one.
        ResourceError: If Spark fails.
    """
    with spark_told("counting the rows"):
        read = source.frame.count()
        cores = source.frame.sparkSession.sparkContext.defaultParallelism
    where = str(source.plan.columns.path)
    if not read:
        raise UserError(
            "DATA-EMPTY", where, "found no row, expected impressions. Check that this is the log."
        )
    count = partitions or max(cores, -(-read // PARTITION_ROWS))
    rows = source.rows().repartitionByRange(count, "user_id").sortWithinPartitions("user_id")
    check = partial(check_users, plan=source.plan)
    checked = rows.mapInArrow(check, log_ddl(source.plan)).persist()
    try:
        yield _counted(source, checked, read)
    finally:
        with suppress(Exception):
            checked.unpersist()


def clicks_of_items(
    log: CheckedLog, before_us: int, kind: pa.DataType
) -> tuple[pa.Array, NDArray[np.int64]]:
    """Count the clicks of every item.

    Args:
        log: The checked log.
        before_us: Clicks at or after this moment do not count.
        kind: Type of the item ids.

    Returns:
        Distinct ids of the log in any order, and int64 [n], clicks of each.

    Raises:
        ResourceError: If Spark fails.
    """
    from pyspark.sql import functions as F

    shown = F.col("timestamp_us")
    at = shown
    if "clicked_at_us" in log.frame.columns:
        at = F.coalesce(F.col("clicked_at_us"), shown)
    counts = (F.col("clicked") & (at < before_us)).cast("bigint")
    with spark_told("counting the clicks of items"):
        table = log.frame.groupBy("item_id").agg(F.sum(counts).alias("clicks")).toArrow()
    ids = pa.concat_arrays([pa.array([], kind), *table["item_id"].cast(kind).chunks])
    return ids, table["clicks"].to_numpy().astype(np.int64)


def sweep_log(log: CheckedLog, plan: SweepPlan, folder: Path) -> Received:
    """Have the rules applied to all users, and write what comes of it.

    Args:
        log: The checked log.
        plan: What executors must know.
        folder: An empty folder.

    Returns:
        The arrays, on disk.

    Raises:
        ResourceError: If Spark fails or the disk refuses.
    """
    from pyspark import StorageLevel

    sweep = partial(sweep_users, plan=plan)
    # Kept on the executors' disks: all partitions are made at once, and fetched one by one.
    pieces = log.frame.mapInArrow(sweep, DDL).persist(StorageLevel.DISK_ONLY)
    try:
        with spark_told("applying the rules"):
            pieces.count()
            rows = ((row[0], bytes(row[1])) for row in pieces.toLocalIterator())
            return receive(blocks_of(rows), folder, plan.schema)
    finally:
        with suppress(Exception):
            pieces.unpersist()


def _counted(source: Source, checked: DataFrame, read: int) -> CheckedLog:
    from pyspark.sql import functions as F

    time = F.col("timestamp_us")
    clicks = F.sum(F.col("clicked").cast("bigint"))
    with spark_told("checking the rows"):
        found = checked.agg(F.min(time), F.max(time), F.count(time), clicks).collect()[0]
        told = checked.where(F.col(ACCOUNT).isNotNull()).select(ACCOUNT).collect()
    accounts = [json.loads(row[0]) for row in told]
    num_bad = sum(one["bad"] for one in accounts)
    if num_bad:
        raise _bad_rows(source, num_bad)
    first, last, kept, clicked = found
    conflicts = sum(one["conflicts"] for one in accounts)
    return CheckedLog(
        frame=checked.where(F.col(ACCOUNT).isNull()).drop(ACCOUNT),
        rows=RowCounts(read, kept, 0, read - kept, conflicts),
        clicks=clicked,
        first_us=first,
        last_us=last,
    )


def _bad_rows(source: Source, num_bad: int) -> UserError:
    """The error for bad rows; only now does Spark look where the first one is."""
    from pyspark.sql import functions as F

    find = partial(find_faults, plan=source.plan)
    with spark_told("looking for the first bad row"):
        faults = source.rows(located=True).mapInArrow(find, FAULTS_DDL)
        # What is wrong with all rows, such as the unit of times, says more than one bad row.
        first = faults.orderBy(F.col("row") >= 0, "file", "row").first()
    if first is None:
        where = str(source.plan.columns.path)
        return UserError("DATA-FILE", where, "changed while it was read. Read it again.")
    fault = json.loads(first["fault"])
    message = fault["message"]
    if first["row"] >= 0:
        more = f" {num_bad - 1} more bad rows are there." if num_bad > 1 else ""
        message += f"{more} Correct the files; Spark puts no bad rows aside."
    return UserError(fault["name"], fault["where"], message)
