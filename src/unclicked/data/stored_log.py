"""The checked log inside a prepared data set: for a later day, a refit, and lists for everybody."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from unclicked.data.checks import GoodRows
from unclicked.data.dataset import PreparedDataset
from unclicked.data.rules import Timelines
from unclicked.data.timelines import build_timelines, code_log
from unclicked.errors import ArtefactError, UserError

LOG_FILE = "log.parquet"
ROW_GROUP = 1 << 20


def save_log(table: pa.Table, path: Path) -> None:
    """Write a checked log; the same log gives the same bytes.

    Args:
        table: Columns `user_id`, `item_id`, `timestamp_us`, `clicked` and, where there are any,
            `clicked_at_us` and `session_id`, sorted by user, time and item.
        path: Parquet file to write.
    """
    # Chunks come from the files that were read; the bytes must not tell them apart.
    pq.write_table(
        table.combine_chunks(),
        path,
        row_group_size=ROW_GROUP,
        compression="zstd",
        use_dictionary=["user_id", "item_id", "clicked"],
        column_encoding={"timestamp_us": "DELTA_BINARY_PACKED"},
        write_page_checksum=True,
    )


def load_log(dataset: PreparedDataset) -> pa.Table:
    """Read the checked log of a data set.

    Args:
        dataset: The data set.

    Returns:
        The table that `save_log` wrote.

    Raises:
        ArtefactError: If it is not there or cannot be read.
    """
    path = dataset.path / LOG_FILE
    try:
        return pq.read_table(path, page_checksum_verification=True, memory_map=False)
    except (OSError, pa.ArrowException) as error:
        raise ArtefactError("DATASET-LOG", str(path), f"cannot be read ({error}).") from None


def good_rows(table: pa.Table) -> GoodRows:
    """A stored log as rows that passed every check, to be merged with those of new files.

    Args:
        table: What `load_log` gave.

    Returns:
        Its columns.
    """
    names = set(table.column_names)
    return GoodRows(
        user_id=table["user_id"],
        item_id=table["item_id"],
        timestamp_us=table["timestamp_us"].to_numpy(),
        clicked=table["clicked"].to_numpy(),
        clicked_at_us=(
            table["clicked_at_us"].combine_chunks() if "clicked_at_us" in names else None
        ),
        session_id=table["session_id"] if "session_id" in names else None,
    )


def check_same_ids(earlier: GoodRows, new: GoodRows, old: Path) -> None:
    """Refuse new files whose ids are of another type than the old data set's.

    Args:
        earlier: Rows of the old data set.
        new: Rows of a new file.
        old: The old data set, for the message.

    Raises:
        UserError: If an id column is integer in one and text in the other.
    """
    for name in ("user_id", "item_id"):
        before, now = getattr(earlier, name).type, getattr(new, name).type
        if before != now:
            hint = 'Set data.id_type = "text"' if before == pa.string() else "Convert the new ids"
            raise UserError(
                "DATA-ID",
                f"column {name}",
                f"found {now} in the new files, expected {before} as in {old}. {hint}, or prepare "
                "all files together.",
            )


def stored_timelines(dataset: PreparedDataset) -> Timelines:
    """Timelines of a data set's whole log, items numbered as in its catalogue.

    Args:
        dataset: The data set.

    Returns:
        What every user was shown and clicked, in order of time.

    Raises:
        ArtefactError: If the log is not there, cannot be read or names other users or items.
    """
    coded = code_log(load_log(dataset))
    index = np.asarray(pc.index_in(coded.items, value_set=dataset.catalogue.items.values))
    if not coded.users.equals(dataset.users.values) or np.isnan(index.astype(float)).any():
        raise ArtefactError(
            "DATASET-LOG",
            str(dataset.path / LOG_FILE),
            "holds other users or items than the data set. Prepare it anew.",
        )
    return build_timelines(coded, index.astype(np.int32) + 1, dataset.num_items)
