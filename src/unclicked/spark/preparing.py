"""From an impression log on many machines to a prepared data set, by Apache Spark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unclicked import artefact
from unclicked.config import DataConfig
from unclicked.data import dataset as storage
from unclicked.data.card_log import days_of
from unclicked.data.dataset import PreparedDataset
from unclicked.data.last_files import LogFacts, write_rest
from unclicked.data.prepare import refuse_other_rules
from unclicked.data.rules import Rules
from unclicked.data.side_tables import SideTable
from unclicked.data.split import Boundaries, find_boundaries
from unclicked.data.write_dataset import catalogue_of, read_options, side_table
from unclicked.errors import UserError, enough_memory
from unclicked.spark.jobs import CheckedLog, checked_log, clicks_of_items, sweep_log
from unclicked.spark.session import need_spark, refuse_connect
from unclicked.spark.source import Source, read_source
from unclicked.spark.sweeping import SweepPlan

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def prepare_on_spark(
    session: SparkSession,
    log: Sequence[str | Path],
    out: Path,
    *,
    items: Path | None = None,
    users: Path | None = None,
    config: DataConfig | None = None,
    overwrite: bool = False,
    partitions: int | None = None,
) -> PreparedDataset:
    """Make the data set that `prepare` would make, file by file and byte by byte.

    Spark reads, checks and merges the rows, counts the clicks of every item and applies the rules
    to whole users. This process holds the ids of users and items, the catalogue, and a few numbers
    for each sample and click; rows and lists go through it to its disk.

    Args:
        session: A Spark session, whose executors have this package installed.
        log: Parquet files or folders of them, in any file system that Spark reads.
        out: Folder to make, on a disk of this machine.
        items: Table of items with categorical fields, if there is one, on this machine.
        users: Table of users with categorical profile fields, if there is one, on this machine.
        config: Column names and rules; the defaults without.
        overwrite: Whether another data set in `out` may be replaced; the same one always may.
        partitions: Parts that the users are cut into; about a million rows each without.

    Returns:
        The data set, opened.

    Raises:
        UserError: If the input cannot be used; the message says where and what to do.
        ArtefactError: If a file is broken.
        ResourceError: If Spark fails, or the disk refuses to write.
        BusyError: If another process prepares the same folder.

    Source: paper section 4.1 and SDM section 3.1.
    """
    need_spark()
    refuse_connect(session)
    config = DataConfig() if config is None else config
    out = Path(out)
    if not overwrite:
        refuse_other_rules(out, config)
    advice = "Give Spark's driver a machine with more memory."
    with artefact.claim(out) as put, enough_memory("preparing the log", advice):
        task = _task(session, log, (items, users), config, partitions)
        put(lambda folder: _make(folder, task), same=not overwrite)
    return PreparedDataset.open(out)


@dataclass(frozen=True)
class _Task:
    """What is to be made, before any row was read."""

    source: Source
    items: SideTable | None
    users: SideTable | None
    config: DataConfig
    partitions: int | None


def _task(
    session: SparkSession,
    log: Sequence[str | Path],
    tables: tuple[Path | None, Path | None],
    config: DataConfig,
    partitions: int | None,
) -> _Task:
    if config.item_name is not None and tables[0] is None:
        raise UserError(
            "CONFIG-KEY", "data.item_name", "names a column, but there is no item table (--items)."
        )
    source = read_source(session, log, read_options(config, "fail", {}))
    items, users = (
        side_table(path, column, config, source.plan.ids[column])
        for path, column in zip(tables, ("item_id", "user_id"), strict=True)
    )
    return _Task(source, items, users, config, partitions)


def _make(folder: Path, task: _Task) -> dict[str, Any]:
    """Fill the folder of a data set; the facts for its manifest."""
    config, plan = task.config, task.source.plan
    with checked_log(task.source, task.partitions) as log:
        bounds = _boundaries(log, config)
        days = days_of(bounds, config.timezone)
        item_ids, clicks = clicks_of_items(log, bounds.validation_us, plan.ids["item_id"])
        catalogue, index_of = catalogue_of(item_ids, clicks, task.items, config)
        # Beside each executor, not beside each task.
        shared = task.source.share((item_ids, index_of))
        rules, num_items = Rules.from_config(config), len(catalogue.items)
        sweep = SweepPlan(shared, num_items, rules, bounds, days, plan.schema)
        swept = sweep_log(log, sweep, folder)
    facts = LogFacts(log.rows, bounds, days, swept.users, sorted(plan.columns.unused))
    tables = (task.items, task.users)
    write_rest(
        folder, config, facts, catalogue, swept.splits, swept.counts, swept.click_item, tables
    )
    return {
        "kind": storage.KIND,
        "schema_version": storage.SCHEMA_VERSION,
        "config": config.model_dump(),
    }


def _boundaries(log: CheckedLog, config: DataConfig) -> Boundaries:
    if not log.clicks:
        found = f"holds no click in {log.rows.kept:,} rows. Give the clicks too, or look at "
        raise UserError("DATA-CLICKED", "log", f"{found}data.columns.clicked.")
    return find_boundaries(log.first_us, log.last_us, config.split, config.timezone)
