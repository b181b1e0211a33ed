"""From a checked log to users' timelines: users and items as numbers, clicks apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from unclicked.data.rules import Timelines

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class CodedLog:
    """A log with users and items as numbers, still in id order.

    Attributes:
        users: Distinct user ids, ascending.
        items: Distinct item ids of the log, ascending.
        user: int64 [n], place of each row's user, from 0.
        item: int64 [n], place of each row's item, from 0.
        time: int64 [n], when it was shown, microseconds since 1970.
        clicked: bool [n].
        click_time: int64 [n], when it was clicked, or shown where that is not known.
        session: int64 [n], code of the site's own session; -1 where there is none.
    """

    users: pa.Array
    items: pa.Array
    user: Ints
    item: Ints
    time: Ints
    clicked: NDArray[np.bool_]
    click_time: Ints
    session: Ints


def code_log(table: pa.Table) -> CodedLog:
    """Number the users and items of a log.

    Args:
        table: The checked log, sorted by user, time and item.

    Returns:
        The log in numbers.
    """
    users, user = _numbers(table["user_id"])
    items, item = _numbers(table["item_id"])
    time = table["timestamp_us"].to_numpy()
    clicked = table["clicked"].to_numpy()
    click_time = time
    if "clicked_at_us" in table.column_names:
        click_time = pc.coalesce(table["clicked_at_us"], table["timestamp_us"]).to_numpy()
    session = np.full(len(time), -1, dtype=np.int64)
    if "session_id" in table.column_names:
        codes = table["session_id"].combine_chunks().dictionary_encode().indices
        session = pc.fill_null(codes.cast(pa.int64()), -1).to_numpy(zero_copy_only=False)
    return CodedLog(users, items, user, item, time, clicked, click_time, session)


def build_timelines(coded: CodedLog, index_of: NDArray[np.int32], num_items: int) -> Timelines:
    """Timelines of all users.

    Args:
        coded: The log in numbers.
        index_of: int32, item index (1..V) of each of the log's items.
        num_items: V.

    Returns:
        What every user was shown and clicked, in order of time.
    """
    rows = np.flatnonzero(coded.clicked)
    # Ties of time are broken by id, so that the order of files and rows changes nothing.
    order = np.lexsort((coded.item[rows], coded.click_time[rows], coded.user[rows]))
    rows = rows[order]
    users = len(coded.users)
    return Timelines(
        impression_offsets=_offsets(coded.user, users),
        impression_time_us=coded.time,
        impression_item=index_of[coded.item],
        click_offsets=_offsets(coded.user[rows], users),
        click_time_us=coded.click_time[rows],
        click_item=index_of[coded.item[rows]],
        click_session=coded.session[rows],
        num_items=num_items,
    )


def _numbers(column: pa.ChunkedArray) -> tuple[pa.Array, Ints]:
    """Distinct ids in id order, and each row's place among them from 0."""
    ids = column.unique()
    ids = ids.take(pc.sort_indices(ids))
    codes = pc.index_in(column, value_set=ids)
    return ids, codes.to_numpy().astype(np.int64)


def _offsets(user: Ints, users: int) -> Ints:
    result = np.zeros(users + 1, dtype=np.int64)
    np.cumsum(np.bincount(user, minlength=users), out=result[1:])
    return result
