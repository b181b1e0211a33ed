"""The log and the two side tables of KuaiRand-Pure, read column by column."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv

from unclicked.errors import UserError

LOG_FILE: Final = "log_standard_4_22_to_5_08_pure.csv"
ITEM_FILE: Final = "video_features_basic_pure.csv"
USER_FILE: Final = "user_features_pure.csv"
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
_TEXT_FIELDS: Final = {name for name in USER_FIELDS if name.endswith(("_range", "_degree"))}


def read_log(path: Path, label: str) -> pa.Table:
    """Reads the standard log, every line of it.

    Args:
        path: The log as the authors publish it.
        label: Column that counts as a click, `is_click` or `long_view`.

    Returns:
        Columns user_id, item_id (int64), timestamp (milliseconds, UTC) and clicked (bool).

    Raises:
        UserError: A column is missing, or a value is not what it should be.
    """
    kinds = {name: pa.int64() for name in ("user_id", "video_id", "time_ms", label)}
    table = _read_csv(path, kinds)
    for name in table.column_names:
        if table[name].null_count:
            row = table[name].combine_chunks().is_valid().index(pa.scalar(False)).as_py() + 2
            message = "found nothing, expected an integer. Fetch the file again."
            raise UserError("IMPORT-VALUE", f"{path}:{row} column '{name}'", message)
    wrong = pc.invert(pc.is_in(table[label], pa.array([0, 1])))
    if pc.any(wrong).as_py():
        row = pc.index(wrong, True).as_py()
        message = f"found {table[label][row].as_py()}, expected 0 or 1. Fetch the file again."
        raise UserError("IMPORT-VALUE", f"{path}:{row + 2} column '{label}'", message)
    columns = {
        "user_id": table["user_id"],
        "item_id": table["video_id"],
        "timestamp": table["time_ms"].cast(pa.timestamp("ms", "UTC")),
        "clicked": table[label].cast(pa.bool_()),
    }
    return pa.table(columns)


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


def read_items(path: Path) -> pa.Table:
    """Reads the basic table of the videos.

    Args:
        path: `video_features_basic_pure.csv`.

    Returns:
        Columns item_id, author_id, music_id (int64), video_type, upload_type (text), tag (list of
        text) and duration_bin (text, null where the length is unknown).

    Raises:
        UserError: A column is missing, or a value is not what it should be.
    """
    integers = dict.fromkeys(("video_id", "author_id", "music_id"), pa.int64())
    texts = dict.fromkeys(("video_type", "upload_type", "tag"), pa.string())
    table = _read_csv(path, {**integers, **texts, "video_duration": pa.float64()})
    tags = [[tag for tag in (text or "").split(",") if tag] for text in table["tag"].to_pylist()]
    names = ("author_id", "music_id", "video_type", "upload_type")
    columns = {"item_id": table["video_id"], **{name: table[name] for name in names}}
    columns["tag"] = pa.chunked_array([pa.array(tags, pa.list_(pa.string()))])
    bins = [duration_bin(length) for length in table["video_duration"].to_pylist()]
    columns["duration_bin"] = pa.chunked_array([pa.array(bins, pa.string())])
    return pa.table(columns)


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
        path: `user_features_pure.csv`.

    Returns:
        Column user_id (int64) and the columns `USER_FIELDS`: text for ranges, int64 for codes.

    Raises:
        UserError: A column is missing, or a value is not what it should be.
    """
    kinds = {name: pa.string() if name in _TEXT_FIELDS else pa.float64() for name in USER_FIELDS}
    table = _read_csv(path, {"user_id": pa.int64(), **kinds})
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


def _read_csv(path: Path, kinds: dict[str, pa.DataType]) -> pa.Table:
    """The named columns of a CSV file with the types they must have."""
    try:
        with csv.open_csv(path) as reader:
            found = reader.schema.names
        missing = [name for name in kinds if name not in found]
        if missing:
            message = f"the column is missing, expected {', '.join(kinds)}. Fetch the file again."
            raise UserError("IMPORT-COLUMN", f"{path} column '{missing[0]}'", message)
        convert = csv.ConvertOptions(column_types=kinds, include_columns=list(kinds))
        return csv.read_csv(path, convert_options=convert)
    except pa.ArrowInvalid as error:
        message = f"cannot be read as the published CSV ({error}). Fetch the file again."
        raise UserError("IMPORT-CSV", str(path), message) from error
