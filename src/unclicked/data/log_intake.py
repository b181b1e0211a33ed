"""Take the good rows of a log in as numbers, and part them by users."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from unclicked import disk
from unclicked.data import merging_kernel as kernel
from unclicked.data.checks import GoodRows
from unclicked.data.id_codes import IdCodes
from unclicked.data.log_columns import ColumnPlan
from unclicked.data.row_blocks import NO_CLICK_TIME, Columns, Layout, RowBlocks
from unclicked.data.user_parts import Ranks, UserParts

Ints = NDArray[np.int64]


class LogIntake:
    """Rows as they are read.

    Args:
        plans: Columns of all files.
        earlier: Columns of rows that were read before and come in too.
        folder: Where to keep rows; memory without.
        part_rows: Rows of a range of users, about.
        num_bytes: Bytes that the files in the folder may take, for the message of a full disk.
    """

    def __init__(
        self,
        plans: Sequence[ColumnPlan],
        earlier: Sequence[str],
        folder: Path | None,
        part_rows: int,
        num_bytes: int,
    ) -> None:
        used = set(earlier).union(*(plan.used for plan in plans))
        self.layout = Layout.of_log(
            click_times=bool(used & {"clicked_at", "clicked_at_us"}), sessions="session_id" in used
        )
        self._folder, self._part_rows, self._num_bytes = folder, part_rows, num_bytes
        self._blocks = RowBlocks(self.layout, None if folder is None else folder / "blocks")
        self._users: IdCodes | None = None
        self._items: IdCodes | None = None
        self._sessions = IdCodes(pa.string())
        self._parts: UserParts | None = None
        self._counts = np.zeros(1 << 12, dtype=np.int64)
        self.first_us, self.last_us = NO_CLICK_TIME, 0
        self.num_clicked = 0

    @property
    def num_rows(self) -> int:
        """Rows taken in."""
        return self._blocks.num_rows

    def take(self, rows: GoodRows) -> None:
        """Take rows in.

        Args:
            rows: Good rows, ids of the same kind in all calls.

        Raises:
            ResourceError: If the disk refuses.
        """
        if self._users is None or self._items is None:
            self._users, self._items = IdCodes(rows.user_id.type), IdCodes(rows.item_id.type)
        count = len(rows.clicked)
        if not count:
            return
        columns: Columns = {
            "user": self._users.encode(rows.user_id),
            "item": self._items.encode(rows.item_id),
            "time": rows.timestamp_us,
            "clicked": rows.clicked,
        }
        if "click_time" in self.layout.types:
            at = rows.clicked_at_us
            columns["click_time"] = np.full(count, NO_CLICK_TIME) if at is None else _filled(at)
        if "session" in self.layout.types:
            names = rows.session_id
            none = np.full(count, -1, dtype=np.int32)
            columns["session"] = none if names is None else self._sessions.encode(names)
        self._count(columns["user"], len(self._users))
        self.first_us = min(self.first_us, int(rows.timestamp_us.min()))
        self.last_us = max(self.last_us, int(rows.timestamp_us.max()))
        self.num_clicked += int(np.count_nonzero(rows.clicked))
        with disk.told(self._folder or Path(), self._num_bytes):
            self._blocks.append(columns)

    def _count(self, user: NDArray[np.int32], users: int) -> None:
        if users > len(self._counts):
            larger = np.zeros(2 * users, dtype=np.int64)
            larger[: len(self._counts)] = self._counts
            self._counts = larger
        kernel.count_codes(user, self._counts)

    def ids(self) -> tuple[pa.Array, pa.Array, pa.Array]:
        """Distinct ids, ascending.

        Returns:
            Those of users, of items, and the names of sessions.
        """
        tables = (self._users, self._items, self._sessions)
        sorted_ids = [one.in_order() for one in tables if one is not None]
        self._ranks = Ranks(*(one.rank for one in sorted_ids))
        users, items, sessions = (one.ids for one in sorted_ids)
        return users, items, sessions

    def parted(self) -> UserParts:
        """All rows by ranges of users; they leave this place. `ids` comes first.

        Returns:
            The ranges.

        Raises:
            ResourceError: If the disk refuses.
        """
        ranks = self._ranks
        counts = np.zeros(len(ranks.user), dtype=np.int64)
        counts[ranks.user] = self._counts[: len(counts)]
        path = None if self._folder is None else self._folder / "parts"
        with disk.told(self._folder or Path(), self._num_bytes):
            self._parts = UserParts(self.layout, counts, ranks, self._part_rows, path)
            for block in self._blocks.drain():
                self._parts.put(block)
        return self._parts

    def close(self) -> None:
        """Forget all rows, and close the files that hold them."""
        self._blocks.close()
        if self._parts is not None:
            self._parts.close()


def _filled(times: pa.Array) -> Ints:
    return np.asarray(times.fill_null(NO_CLICK_TIME).to_numpy())
