"""Apply the rules to a log that was taken in, and write the files of its data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from unclicked.config import DataConfig
from unclicked.data import card as data_card
from unclicked.data.catalogue import Catalogue, all_item_ids, build_catalogue
from unclicked.data.dataset import PreparedDataset
from unclicked.data.last_files import LogFacts, write_rest
from unclicked.data.log_intake import LogIntake
from unclicked.data.making import sort_log, sweep_log, writing_log
from unclicked.data.reader_limits import ReadLimits
from unclicked.data.reading import RowAccount
from unclicked.data.rules import Rules
from unclicked.data.schema import ReadOptions
from unclicked.data.side_tables import SideTable, read_side_table
from unclicked.data.split import Boundaries, find_boundaries
from unclicked.data.stored_log import LOG_FILE, LogIds
from unclicked.errors import UserError

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Task:
    """What a data set is made of.

    Attributes:
        log: Files of the log, or folders of them.
        items: Table of items, if there is one.
        users: Table of users, if there is one.
        config: Column names and rules.
        on_bad_row: "fail" or "quarantine".
        beside: An earlier data set whose log is joined to the files.
        memory: Bytes of memory to take, about; None where rows are held in memory.
        names: What a file is called where bad rows are kept, if not by its path.
    """

    log: list[Path]
    items: Path | None
    users: Path | None
    config: DataConfig
    on_bad_row: str
    beside: PreparedDataset | None
    memory: int | None
    names: Mapping[Path, str] = field(default_factory=dict)


def read_options(config: DataConfig, on_bad_row: str, bins: dict[str, list[float]]) -> ReadOptions:
    """How files are read under a configuration.

    Args:
        config: The `[data]` table.
        on_bad_row: "fail" or "quarantine".
        bins: Edges that cut numbers of a side table into bins.

    Returns:
        The options.
    """
    return ReadOptions(
        columns=config.columns.model_dump(),
        time_unit=config.time_unit,
        timezone=config.timezone,
        on_bad_row=on_bad_row,
        id_type=config.id_type,
        bins=bins,
        limits=ReadLimits(config.reader_memory_gib, config.max_expansion),
    )


def write_dataset(folder: Path, task: Task, intake: LogIntake, account: RowAccount) -> None:
    """Apply the rules to a log and write what they make.

    Args:
        folder: Folder of the data set, still without its name.
        task: What was asked for.
        intake: The good rows.
        account: What became of all rows.

    Raises:
        UserError: If a side table cannot be used, or the log is too short or empty.
        ArtefactError: If a side table is broken.
        ResourceError: If the disk refuses to write.
        OSError: Likewise.
    """
    config, ids = task.config, LogIds(*intake.ids())
    if config.item_name is not None and task.items is None:
        raise UserError(
            "CONFIG-KEY", "data.item_name", "names a column, but there is no item table (--items)."
        )
    item_table = side_table(task.items, "item_id", config, ids.items.type)
    user_table = side_table(task.users, "user_id", config, ids.users.type)
    bounds = _boundaries(intake, account, config)
    parts = intake.parted()
    taken = intake.num_rows
    found = sort_log(parts, len(ids.items), bounds.validation_us)
    catalogue, index_of = catalogue_of(ids.items, found.clicks, item_table, config)
    rules = Rules.from_config(config)
    with writing_log(parts, ids, folder / LOG_FILE):
        swept = sweep_log(
            parts, index_of, len(catalogue.items), rules, bounds, config.timezone, folder
        )
        earlier = [] if task.beside is None else task.beside.card["unused_columns"]
        facts = LogFacts(
            rows=_row_counts(account, taken, found.kept, found.conflicts, task.beside),
            bounds=bounds,
            days=swept.days,
            users=ids.users,
            unused_columns=sorted({*account.unused_columns, *earlier}),
        )
        splits = swept.splits
        tables = (item_table, user_table)
        write_rest(folder, config, facts, catalogue, splits, swept.counts, swept.click_item, tables)
        if account.rejected:
            rejected = [
                replace(row, file=task.names.get(Path(row.file), row.file))
                for row in account.rejected
            ]
            data_card.save_rejected(rejected, folder / "rejected.parquet")


def _row_counts(
    account: RowAccount, taken: int, kept: int, conflicts: int, beside: PreparedDataset | None
) -> data_card.RowCounts:
    before = dict.fromkeys(("read", "rejected", "duplicates", "clicked_and_unclicked"), 0)
    if beside is not None:
        before = beside.card["rows"]
    return data_card.RowCounts(
        read=account.rows_read + before["read"],
        kept=kept,
        rejected=account.num_rejected + before["rejected"],
        duplicates=taken - kept + before["duplicates"],
        clicked_and_unclicked=conflicts + before["clicked_and_unclicked"],
    )


def side_table(
    path: Path | None, column: str, config: DataConfig, id_type: pa.DataType
) -> SideTable | None:
    """A table of items or users, as the configuration says.

    Args:
        path: The file, if there is one.
        column: "item_id" or "user_id".
        config: The `[data]` table.
        id_type: Type of the log's ids.

    Returns:
        The table; None where there is no file.

    Raises:
        UserError: If it cannot be used.
        ArtefactError: If it is broken.
    """
    if path is None:
        return None
    of_items = column == "item_id"
    options = read_options(config, "fail", config.item_bins if of_items else config.user_bins)
    names = config.item_name if of_items else None
    return read_side_table(Path(path), column, options, id_type, names)


def _boundaries(intake: LogIntake, account: RowAccount, config: DataConfig) -> Boundaries:
    if not intake.num_rows:
        found = "holds no usable row."
        if account.rejected:
            first = account.rejected[0]
            found = (
                f"all {account.num_rejected:,} rows are bad; the first, {first.where}: "
                f"{first.found} Correct the files, or the settings that say how they are read."
            )
        raise UserError("DATA-EMPTY", "log", found)
    if not intake.num_clicked:
        # Rows that are there twice count once.
        parts = intake.parted()
        rows = sum(len(parts.sort(part)[0].item) for part in range(len(parts)))
        found = f"holds no click in {rows:,} rows. Give the clicks too, or look at "
        raise UserError("DATA-CLICKED", "log", f"{found}data.columns.clicked.")
    return find_boundaries(intake.first_us, intake.last_us, config.split, config.timezone)


def catalogue_of(
    log_items: pa.Array, clicks: Ints, table: SideTable | None, config: DataConfig
) -> tuple[Catalogue, NDArray[np.int32]]:
    """The catalogue, and the item index of each of the log's items.

    Args:
        log_items: Distinct item ids of the log.
        clicks: int64, clicks of each before the validation days.
        table: Table of items, if there is one.
        config: The `[data]` table.

    Returns:
        The catalogue, and int32, an index for each of `log_items`.
    """
    ids = all_item_ids(log_items, table, config.missing_item)
    place = pc.index_in(log_items, value_set=ids).to_numpy().astype(np.int64)
    counts = np.zeros(len(ids), dtype=np.int64)
    counts[place] = clicks
    catalogue = build_catalogue(ids, counts, table)
    index = np.empty(len(ids), dtype=np.int32)
    index[catalogue.id_rank[1:]] = np.arange(1, len(ids) + 1, dtype=np.int32)
    return catalogue, index[place]
