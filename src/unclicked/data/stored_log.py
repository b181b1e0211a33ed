"""The checked log inside a prepared data set: for a later day, a refit, and lists for everybody."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from unclicked.data.checks import GoodRows
from unclicked.data.dataset import PreparedDataset
from unclicked.data.row_blocks import NO_CLICK_TIME
from unclicked.data.rules import Timelines
from unclicked.data.timelines import build_timelines, code_log
from unclicked.data.user_rows import NO_SESSION, UserRows
from unclicked.errors import ArtefactError, UserError

LOG_FILE = "log.parquet"
ROW_GROUP = 1 << 20
READ_ROWS = 1 << 17


class LogFile:
    """The file of a checked log, written in order, some rows at a time.

    Row groups are full but for the last one, so the bytes do not tell how the rows came.

    Args:
        path: Parquet file to write.
        schema: Columns `user_id`, `item_id`, `timestamp_us`, `clicked` and, where there are any,
            `clicked_at_us` and `session_id`; rows come sorted by user, time and item.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._waiting: list[pa.Table] = []
        self._rows = 0
        self._writer = pq.ParquetWriter(
            path,
            schema.remove_metadata(),
            compression="zstd",
            use_dictionary=["user_id", "item_id", "clicked"],
            column_encoding={"timestamp_us": "DELTA_BINARY_PACKED"},
            write_page_checksum=True,
        )

    def __enter__(self) -> LogFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._write(0)
        self._writer.close()

    def append(self, table: pa.Table) -> None:
        """Add rows.

        Args:
            table: Rows that follow those before.

        Raises:
            OSError: If the disk refuses.
        """
        self._waiting.append(table)
        self._rows += table.num_rows
        self._write(ROW_GROUP)

    def _write(self, least: int) -> None:
        """Write row groups while more rows wait than there may; all of them where none may."""
        if not self._rows or self._rows < least:
            return
        waiting, begin = pa.concat_tables(self._waiting), 0
        while begin < self._rows and self._rows - begin >= least:
            # Chunks come from the files that were read; the bytes must not tell them apart.
            group = waiting.slice(begin, ROW_GROUP).combine_chunks()
            self._writer.write_table(group, row_group_size=ROW_GROUP)
            begin += group.num_rows
        self._waiting, self._rows = [waiting.slice(begin)], self._rows - begin


@dataclass(frozen=True)
class LogIds:
    """Distinct ids of a log, ascending.

    Attributes:
        users: Ids of users.
        items: Ids of items.
        sessions: Names of sessions; none in a log without.
    """

    users: pa.Array
    items: pa.Array
    sessions: pa.Array


def log_table(rows: UserRows, ids: LogIds) -> pa.Table:
    """Rows as a stored log holds them.

    Args:
        rows: Sorted rows of some users.
        ids: What their ranks stand for.

    Returns:
        The columns of `LogFile`.
    """
    user = np.repeat(np.arange(len(rows.offsets) - 1) + rows.first, np.diff(rows.offsets))
    columns = {
        "user_id": ids.users.take(pa.array(user)),
        "item_id": ids.items.take(pa.array(rows.item)),
        "timestamp_us": pa.array(rows.time),
        "clicked": pa.array(rows.clicked),
    }
    if rows.has_click_times:
        none = rows.click_time == NO_CLICK_TIME
        columns["clicked_at_us"] = pa.array(rows.click_time, mask=none)
    if rows.has_sessions:
        none = rows.session == NO_SESSION
        columns["session_id"] = ids.sessions.take(pa.array(rows.session, mask=none))
    return pa.table(columns)


def load_log(dataset: PreparedDataset) -> pa.Table:
    """Read the checked log of a data set.

    Args:
        dataset: The data set.

    Returns:
        The table that `LogFile` wrote.

    Raises:
        ArtefactError: If it is not there or cannot be read.
    """
    path = dataset.path / LOG_FILE
    with _reading(path):
        return pq.read_table(path, page_checksum_verification=True, memory_map=False)


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


def earlier_rows(dataset: PreparedDataset) -> Iterator[GoodRows]:
    """The stored log of a data set some rows at a time, as rows that passed every check.

    Args:
        dataset: The data set.

    Yields:
        The next rows.

    Raises:
        ArtefactError: If it is not there or cannot be read.
    """
    path = dataset.path / LOG_FILE
    with _reading(path), pq.ParquetFile(path, page_checksum_verification=True) as file:
        yield good_rows(file.schema_arrow.empty_table())
        for batch in file.iter_batches(READ_ROWS):
            yield good_rows(pa.Table.from_batches([batch]))


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise ArtefactError("DATASET-LOG", str(path), f"cannot be read ({error}).") from None


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
