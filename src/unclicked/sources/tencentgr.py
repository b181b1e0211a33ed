"""TencentGR, the ads of Tencent's algorithm competition of 2025, as an impression log.

Two layouts are read. As the competition gave it out: `seq.jsonl`, each line the list of one user's
records `[user_id, item_id, user_feature, item_feature, action_type, timestamp]`, and
`item_feat_dict.json`, item -> feature -> number. As republished: folders `seq`, `user_feat` and
`item_feat` of Parquet files. Pickles (`indexer.pkl`, `seq_offsets.pkl`) are never read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from unclicked.errors import UserError
from unclicked.sources import tencentgr_json, tencentgr_parquet
from unclicked.sources.imported import (
    Origin,
    Settings,
    SideTables,
    check_call,
    find_file,
    find_files,
    finish,
)
from unclicked.sources.imported_log import LogWriter
from unclicked.sources.publish import new_folder
from unclicked.sources.tencentgr_events import ITEM_FEATURES, USER_FEATURES, USER_LISTS, Events

LINES: Final = "seq.jsonl"
ITEMS: Final = "item_feat_dict.json"
FOLDERS: Final = ("seq", "user_feat", "item_feat")
ORIGIN: Final = Origin(
    source="TencentGR",
    licence="CC BY 4.0 (TencentGR-1M as republished; see the card of your copy)",
    licence_line=(
        "TencentGR (Tencent Advertising Algorithm Challenge 2025, algo.qq.com), republished as "
        "TencentGR-1M under CC BY 4.0: name the authors, say what was changed. For another copy "
        "the terms beside it hold."
    ),
    citation=(
        "Junwei Pan et al.: Tencent Advertising Algorithm Challenge 2025: All-Modality Generative "
        "Recommendation. arXiv:2604.04976, 2026."
    ),
)
CHANGES: Final = (
    "`clicked` is `action_type` 1 (clicked) or 2 (converted, in TencentGR-10M); 0 is shown without "
    "a click. Records of an item without an action are left out (`unknown_actions` counts them).",
    "`timestamp` is in Unix seconds; numbers of users and items are those of the release.",
    "Records that repeat another one are kept; preparing the log drops them.",
    "Feature `N` is the column `feature_N`. User features 106, 107, 108 and 110 hold several "
    "values and are left out: a profile field holds one.",
    "Vectors of texts and pictures, candidates and pickles are not read.",
)
SETTINGS: Final[Settings] = {
    "data": [
        (
            "Days are China time: a cut at midnight UTC would fall at eight in the morning there.",
            'timezone = "Asia/Shanghai"',
        ),
    ],
    "data.unclicked": [
        ("A user has some hundred records over months: a month is the window,", "window_days = 30"),
        ("and one showing without a click is enough.", "min_exposures = 1"),
    ],
    "data.clicked": [
        ("Users leave few clicks, days apart: most sessions hold one,", "min_session_length = 1"),
        ("and those of a season count as long-term.", "long_window_days = 90"),
    ],
}


def import_tencentgr(source: Path, out: Path, *, label: str | None = None) -> dict[str, Any]:
    """Turns TencentGR into `impressions.parquet` and the tables beside it.

    The sequences are read some users at a time.

    Args:
        source: Folder that holds the files of one of the two layouts, at most three folders down.
        out: Folder to be made; refused when it holds something.
        label: What counts as a click: `click`, which None stands for too.

    Returns:
        What `source.json` holds, and `next`, the command that comes next.

    Raises:
        UserError: A file or column is missing or broken, or there is no such label.
        ResourceError: The output cannot be written.
    """
    chosen = check_call(source, label, ["click"])
    files = _find(source)
    with new_folder(out) as folder:
        with LogWriter(folder / "impressions.parquet", pa.int64()) as writer:
            events = Events(writer)
            tables = _read(files, events)
        if not writer.rows:
            message = "found no event with an action, expected some. Fetch the files again."
            raise UserError("IMPORT-EMPTY", str(source), message)
        known = pc.is_in(writer.users(), value_set=tables.users["user_id"].combine_chunks())
        return finish(
            folder,
            out,
            ORIGIN,
            shown=writer.items(),
            tables=tables,
            counts={
                "label": chosen,
                **writer.counts(),
                "conversions": events.conversions,
                "unknown_actions": events.unknown_actions,
                "users_without_profile": len(known) - (pc.sum(known).as_py() or 0),
                "files": [f"{path.parent.name}/{path.name}" for path in sum(files.values(), [])],
            },
            changes=CHANGES,
            settings=SETTINGS,
        )


def _find(source: Path) -> dict[str, list[Path]]:
    """The files of the layout that is there, by their part in it."""
    lines = find_files(source, LINES)
    parts = {name: find_files(source, f"{name}/*.parquet") for name in FOLDERS}
    if lines and parts["seq"]:
        message = f"found {LINES} and a folder seq of Parquet files, expected one. Name its folder."
        raise UserError("IMPORT-SOURCE", str(source), message)
    if lines:
        return {name: [find_file(source, name)] for name in (LINES, ITEMS)}
    for name, paths in parts.items():
        if not paths:
            message = f"found neither {LINES} nor Parquet files in a folder {name} up to three "
            message += "folders down. Name the folder that holds them."
            raise UserError("IMPORT-SOURCE", str(source), message)
        if len({path.parent for path in paths}) > 1:
            message = f"found several folders {name}, expected one. Name the folder above one."
            raise UserError("IMPORT-SOURCE", str(source), message)
    return parts


def _read(files: dict[str, list[Path]], events: Events) -> SideTables:
    """Hands over the events; returns items and users."""
    if LINES in files:
        users = tencentgr_json.read_sequences(files[LINES][0], events)
        return SideTables(tencentgr_json.read_item_features(files[ITEMS][0]), users)
    tencentgr_parquet.read_sequences(files["seq"], events)
    read = tencentgr_parquet.read_features
    items = read(files["item_feat"], "item_id", ITEM_FEATURES, ())
    return SideTables(items, read(files["user_feat"], "user_id", USER_FEATURES, USER_LISTS))
