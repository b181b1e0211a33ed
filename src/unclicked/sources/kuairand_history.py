"""What the users of KuaiRand-Pure were shown before its log: in order, without times."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from unclicked.errors import UserError

HISTORY_FILE: Final = "user_sequences.parquet"
START_MS: Final = 1_649_347_200_000  # 2022-04-08 00:00 China time
END_MS: Final = 1_650_816_000_000  # 2022-04-25 00:00 China time
_COLUMNS: Final = {
    "user_id": pa.int64(),
    "history_len": pa.int64(),
    "last_time_ms": pa.int64(),
    "watch_seq": pa.list_(pa.int64()),
    "long_watch_seq": pa.list_(pa.int64()),
}


def label_history(shown: list[int], viewed: list[int]) -> list[bool]:
    """Finds which of the videos shown were long views, walking both lists from their ends.

    Args:
        shown: Last videos shown, oldest first.
        viewed: Last long views, oldest first; it may reach further back than `shown`.

    Returns:
        One label for each video shown. A video shown twice and viewed once gets its view at the
        later showing.

    Example:
        >>> label_history([7, 8, 7, 9], [3, 7])
        [False, False, True, False]
    """
    labels = [False] * len(shown)
    rest = len(viewed) - 1
    for place in range(len(shown) - 1, -1, -1):
        if rest >= 0 and shown[place] == viewed[rest]:
            labels[place] = True
            rest -= 1
    return labels


def spread_times(shown: list[int], history_len: int, last_ms: int) -> list[int]:
    """Spreads the last videos shown evenly over the days of the history.

    Args:
        shown: Last videos shown, oldest first, at least one.
        history_len: Videos shown in the whole history; the first ones may be missing in `shown`.
        last_ms: Known time of the last one, milliseconds since 1970.

    Returns:
        Milliseconds since 1970 of each video. Neighbours that show the same video share a time:
        they are a repeated line of the original log and not a second showing.

    Example:
        >>> day = 86_400_000
        >>> times = spread_times([4, 4, 6], 3, START_MS + day)
        >>> [(time - START_MS) / day for time in times]
        [0.5, 0.5, 1.0]
    """
    new = [place == 0 or shown[place] != shown[place - 1] for place in range(len(shown))]
    steps = np.cumsum(new)
    missing_share = 1.0 - len(shown) / history_len
    begin = START_MS + (last_ms - START_MS) * missing_share
    times = begin + (last_ms - begin) * steps / steps[-1]
    return [int(time) for time in np.rint(times)]


def read_history(path: Path) -> pa.Table:
    """Reads the history as impressions labelled by long view.

    Args:
        path: `user_sequences.parquet`, one row a user.

    Returns:
        Columns user_id, item_id (int64), timestamp (milliseconds, UTC, made), clicked (bool).

    Raises:
        UserError: A column is missing or of another type, or a row contradicts itself.
    """
    table = _read_columns(path)
    rows = zip(*(table[name].to_pylist() for name in _COLUMNS), strict=True)
    users: list[int] = []
    items: list[int] = []
    times: list[int] = []
    labels: list[bool] = []
    for number, (user, history_len, last_ms, shown, viewed) in enumerate(rows):
        values = (user, history_len, last_ms, shown, viewed)
        known = all(value is not None for value in values) and None not in [*shown, *viewed]
        if not known or len(shown) > history_len or not START_MS < last_ms < END_MS:
            message = (
                "expected no gaps, at most history_len videos in watch_seq and last_time_ms "
                "between 8 and 24 April 2022, China time. Fetch the file again."
            )
            raise UserError("IMPORT-VALUE", f"{path} row {number} (user {user})", message)
        if not shown:
            continue
        users += [user] * len(shown)
        items += shown
        times += spread_times(shown, history_len, last_ms)
        labels += label_history(shown, viewed)
    columns = {
        "user_id": pa.array(users, pa.int64()),
        "item_id": pa.array(items, pa.int64()),
        "timestamp": pa.array(times, pa.timestamp("ms", "UTC")),
        "clicked": pa.array(labels, pa.bool_()),
    }
    return pa.table(columns)


def _read_columns(path: Path) -> pa.Table:
    try:
        schema = pq.read_schema(path)
        for name, kind in _COLUMNS.items():
            position = schema.get_field_index(name)
            found = schema.field(position).type if position >= 0 else None
            if found is None or not _same_kind(found, kind):
                message = f"found {found or 'no such column'}, expected {kind}. Fetch it again."
                raise UserError("IMPORT-COLUMN", f"{path} column '{name}'", message)
        return pq.read_table(path, columns=list(_COLUMNS))
    except (pa.ArrowInvalid, OSError) as error:
        message = f"cannot be read as Parquet ({error}). Fetch the file again."
        raise UserError("IMPORT-PARQUET", str(path), message) from error


def _same_kind(found: pa.DataType, expected: pa.DataType) -> bool:
    """Whether two types agree but for the name of a list's element."""
    if pa.types.is_list(found) and pa.types.is_list(expected):
        return bool(found.value_type == expected.value_type)
    return bool(found == expected)
