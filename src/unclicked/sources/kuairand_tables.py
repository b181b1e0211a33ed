"""The logs and the two side tables of KuaiRand, read some lines at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from unclicked.errors import UserError
from unclicked.sources.published_csv import read_published

LABELS: Final = ("is_click", "long_view")

# Categories and ranges as the authors publish them; the plain counts beside the ranges are left.
USER_FIELDS: Final = (
    "user_active_degree",
    "is_live_streamer",
    "is_video_author",
    "follow_user_num_range",
    "fans_user_num_range",
    "friend_user_num_range",
    "register_days_range",
    *(f"onehot_feat{number}" for number in range(18)),
)
LOG_SCHEMA: Final = pa.schema(
    {
        "user_id": pa.int64(),
        "item_id": pa.int64(),
        "timestamp": pa.timestamp("ms", "UTC"),
        "clicked": pa.bool_(),
    }
)
ITEM_SCHEMA: Final = pa.schema(
    {
        "item_id": pa.int64(),
        "author_id": pa.int64(),
        "music_id": pa.int64(),
        "video_type": pa.string(),
        "upload_type": pa.string(),
        "tag": pa.list_(pa.string()),
        "duration_bin": pa.string(),
    }
)
_TEXT_FIELDS: Final = {name for name in USER_FIELDS if name.endswith(("_range", "_degree"))}


def read_log(path: Path, label: str) -> Iterator[pa.Table]:
    """Reads a standard log, every line of it.

    Args:
        path: The log as the authors publish it.
        label: Column that counts as a click, `is_click` or `long_view`.

    Yields:
        Tables of the columns of `LOG_SCHEMA`, in the order of the lines.

    Raises:
        UserError: A column is missing, or a value is not what it should be.
    """
    names = ("user_id", "video_id", "time_ms", label)
    for batch in read_published(path, dict.fromkeys(names, pa.int64())):
        batch.refuse_gaps(names)
        batch.refuse_labels(label)
        columns = {
            "user_id": batch.table["user_id"],
            "item_id": batch.table["video_id"],
            "timestamp": batch.table["time_ms"].cast(pa.timestamp("ms", "UTC")),
            "clicked": batch.table[label].cast(pa.bool_()),
        }
        yield pa.table(columns)


def count_repeats(log: pa.Table) -> tuple[int, int]:
    """Counts lines that repeat another one.

    Args:
        log: Columns user_id, item_id, timestamp and clicked.

    Returns:
        Lines whose user, item and time another line holds already, and those of them that also
        agree in the label.

    Example:
        >>> rows = {"user_id": [1, 1, 1], "item_id": [5, 5, 5], "timestamp": [9, 9, 9]}
        >>> count_repeats(pa.table({**rows, "clicked": [True, True, False]}))
        (2, 1)
    """
    counts = []
    for names in (["user_id", "item_id", "timestamp"], log.column_names[:4]):
        distinct = log.group_by(names).aggregate([]).num_rows
        counts.append(log.num_rows - distinct)
    return counts[0], counts[1]


def read_items(path: Path) -> Iterator[pa.Table]:
    """Reads the basic table of the videos.

    Args:
        path: The table as the authors publish it.

    Yields:
        Tables of the columns of `ITEM_SCHEMA`; `duration_bin` is null where the length is unknown.

    Raises:
        UserError: A column is missing, or a value is not what it should be.
    """
    integers = dict.fromkeys(("video_id", "author_id", "music_id"), pa.int64())
    texts = dict.fromkeys(("video_type", "upload_type", "tag"), pa.string())
    for batch in read_published(path, {**integers, **texts, "video_duration": pa.float64()}):
        batch.refuse_gaps(["video_id"])
        columns = {name: batch.table[name] for name in ITEM_SCHEMA.names if name in texts}
        columns |= {name: batch.table[name] for name in ("author_id", "music_id")}
        columns["item_id"] = batch.table["video_id"]
        texts_of_tags = batch.table["tag"].to_pylist()
        tags = [[tag for tag in (text or "").split(",") if tag] for text in texts_of_tags]
        columns["tag"] = pa.array(tags, pa.list_(pa.string()))
        bins = [duration_bin(length) for length in batch.table["video_duration"].to_pylist()]
        columns["duration_bin"] = pa.array(bins, pa.string())
        yield pa.table({name: columns[name] for name in ITEM_SCHEMA.names})


def duration_bin(duration_ms: float | None) -> str | None:
    """Names the bin of a video's length; bins double in length, so no other video moves them.

    Args:
        duration_ms: Length in milliseconds, at least 0, or None.

    Returns:
        Seconds from the bin's first to before its last, such as `8-16s`; None for no length.

    Example:
        >>> duration_bin(9_233.0), duration_bin(400.0), duration_bin(16_000.0)
        ('8-16s', '0-1s', '16-32s')
    """
    if duration_ms is None or not 0 <= duration_ms < float("inf"):
        return None
    if duration_ms < 1_000:
        return "0-1s"
    power = int(np.floor(np.log2(duration_ms / 1_000)))
    return f"{2**power}-{2 ** (power + 1)}s"


def read_users(path: Path) -> pa.Table:
    """Reads the categorical part of the user table.

    Args:
        path: The table as the authors publish it.

    Returns:
        Column user_id (int64) and the columns `USER_FIELDS`: text for ranges, int64 for codes.

    Raises:
        UserError: A column is missing, or a value is not what it should be.
    """
    kinds = {name: pa.string() if name in _TEXT_FIELDS else pa.float64() for name in USER_FIELDS}
    kinds = {"user_id": pa.int64(), **kinds}
    empty = pa.schema(kinds).empty_table()
    table = pa.concat_tables([empty, *(batch.table for batch in read_published(path, kinds))])
    columns = {"user_id": table["user_id"]}
    for name in USER_FIELDS:
        # Some codes are written 1.0 because others of the column are missing.
        is_text = name in _TEXT_FIELDS
        columns[name] = table[name] if is_text else _whole(path, name, table[name])
    return pa.table(columns)


def _whole(path: Path, name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    try:
        return column.cast(pa.int64())
    except pa.ArrowInvalid as error:
        message = f"expected whole numbers ({error}). Fetch the file again."
        raise UserError("IMPORT-VALUE", f"{path} column '{name}'", message) from error
