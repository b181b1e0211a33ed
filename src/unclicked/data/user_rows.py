"""Rows of users who follow each other: sorted, merged, and as timelines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unclicked.data import merging_kernel as kernel
from unclicked.data.row_blocks import NO_CLICK_TIME, Columns
from unclicked.data.rules import Timelines

Ints = NDArray[np.int64]
Codes = NDArray[np.int32]

ROW_COLUMNS = ("item", "time", "clicked", "click_time", "session")
NO_SESSION = np.iinfo(np.int32).max
_NO_INTS, _NO_CODES = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int32)


@dataclass(frozen=True)
class UserRows:
    """Rows of some users who follow each other, sorted by user, time and item.

    Attributes:
        first: Rank of the first of them.
        offsets: int64 [users + 1], where each one's rows begin.
        item: int32 [n], rank of each row's item.
        time: int64 [n], when it was shown, microseconds since 1970.
        clicked: bool [n].
        click_time: int64 [n], the largest number where it is not known; [0] in a log without.
        session: int32 [n], rank of the session, the largest number where there is none; [0] in a
            log without.
        has_click_times: Whether the log has click times.
        has_sessions: Whether the log has sessions.
    """

    first: int
    offsets: Ints
    item: Codes
    time: Ints
    clicked: NDArray[np.bool_]
    click_time: Ints
    session: Codes
    has_click_times: bool
    has_sessions: bool

    def clicked_at(self) -> Ints:
        """When each row was clicked, or shown where that is not known."""
        if not self.has_click_times:
            return self.time
        return np.where(self.click_time == NO_CLICK_TIME, self.time, self.click_time)


def sort_and_merge(rows: Columns, first: int, users: int) -> tuple[UserRows, int]:
    """Sort the rows of some users and keep one row per user, item and time.

    Args:
        rows: Columns in any order, users and items as ranks.
        first: Rank of the first user.
        users: Number of users.

    Returns:
        The rows, and how many keys were there both clicked and unclicked.
    """
    offsets, place = np.zeros(users + 1, dtype=np.int64), np.empty(len(rows["user"]), np.int64)
    kernel.place_by_user(rows["user"], first, offsets, place)
    placed: dict[str, NDArray[Any]] = {"click_time": _NO_INTS, "session": _NO_CODES}
    for name, column in rows.items():
        if name != "user":
            placed[name] = np.empty_like(column)
            kernel.put(column, place, placed[name])
    columns = [placed[name] for name in ROW_COLUMNS]
    kernel.sort_users(offsets, *columns)
    conflicts = int(kernel.merge_equal(offsets, *columns))
    kept = {name: placed[name][: int(offsets[-1])] for name in ROW_COLUMNS}
    has = {"has_click_times": "click_time" in rows, "has_sessions": "session" in rows}
    return user_rows(first, offsets, kept, **has), conflicts


def user_rows(
    first: int, offsets: Ints, columns: Columns, *, has_click_times: bool, has_sessions: bool
) -> UserRows:
    """Rows from their columns by name.

    Args:
        first: Rank of the first user.
        offsets: int64 [users + 1], where each one's rows begin.
        columns: Those of `ROW_COLUMNS`; the optional ones may lack.
        has_click_times: Whether the log has click times.
        has_sessions: Whether the log has sessions.

    Returns:
        The rows.
    """
    return UserRows(
        first=first,
        offsets=offsets,
        item=columns["item"],
        time=columns["time"],
        clicked=columns["clicked"],
        click_time=columns.get("click_time", _NO_INTS),
        session=columns.get("session", _NO_CODES),
        has_click_times=has_click_times,
        has_sessions=has_sessions,
    )


def timelines_of(rows: UserRows, index_of: Codes, num_items: int) -> Timelines:
    """Timelines of some users.

    Args:
        rows: Their rows.
        index_of: int32, item index (1..V) of each rank.
        num_items: V.

    Returns:
        What they were shown and clicked; users count from the first of them.
    """
    at = rows.clicked_at()
    found = np.empty(int(np.count_nonzero(rows.clicked)), dtype=np.int64)
    offsets = np.zeros(len(rows.offsets), dtype=np.int64)
    kernel.clicks_in_order(rows.offsets, rows.item, rows.clicked, at, found, offsets)
    item = index_of[rows.item]
    session = np.full(len(found), -1, dtype=np.int64)
    if rows.has_sessions:
        codes = rows.session[found]
        session = np.where(codes == NO_SESSION, -1, codes).astype(np.int64)
    return Timelines(
        impression_offsets=rows.offsets,
        impression_time_us=rows.time,
        impression_item=item,
        click_offsets=offsets,
        click_time_us=at[found],
        click_item=item[found],
        click_session=session,
        num_items=num_items,
    )
