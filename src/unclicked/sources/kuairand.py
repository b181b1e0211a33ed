"""KuaiRand-Pure as published, with its history where there is one, as an impression log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from unclicked.errors import UserError
from unclicked.sources.kuairand_history import HISTORY_FILE, read_history
from unclicked.sources.kuairand_notes import (
    CITATION,
    LICENCE,
    LICENCE_LINE,
    config_text,
    source_text,
)
from unclicked.sources.kuairand_tables import (
    ITEM_FILE,
    LABELS,
    LOG_FILE,
    USER_FIELDS,
    USER_FILE,
    count_repeats,
    read_items,
    read_log,
    read_users,
)
from unclicked.sources.publish import new_folder

SEARCH_DEPTH: Final = 3


def import_kuairand(
    source: Path,
    out: Path,
    *,
    history: bool | Literal["auto"] = "auto",
    label: Literal["is_click", "long_view"] | None = None,
) -> dict[str, Any]:
    """Turns KuaiRand-Pure into `impressions.parquet`, `items.parquet` and `users.parquet`.

    Beside them it writes `SOURCE.md` and `source.json` (origin, licence, changes, counts) and
    `config.toml` (the settings with which this log should be prepared). The table of video
    statistics is never read: it counts the whole month, so it knows the future.

    Args:
        source: Folder that holds the published `data` folder, the folder of the history
            (`user_sequences.parquet`), or both, at most three folders down.
        out: Folder to be made; refused when it holds something.
        history: Whether the untimed history of 8 to 24 April stands in front of the log; `"auto"`
            takes it where it is found and the label allows it.
        label: Column that counts as a click: `is_click` or `long_view`; None takes `is_click` for
            the log alone and `long_view`, the only label it has, with the history.

    Returns:
        What `source.json` holds (`rows`, `log_rows`, `history_rows`, `repeated_lines`,
        `exact_copies`, `users`, `items`, `items_without_fields`, `clicked_share`, `label`,
        `source`, `licence`, `licence_line`, `citation`, `files`, `user_fields`), and `next`, the
        command that comes next.

    Raises:
        UserError: A file or column is missing or broken, or the label and the history exclude
            each other.
        ResourceError: The output cannot be written.
    """
    if not source.is_dir():
        raise UserError("IMPORT-SOURCE", str(source), "no such folder. Name the data's folder.")
    if history not in (True, False, "auto"):
        message = f"found {history!r}, expected true, false or 'auto'. Choose one."
        raise UserError("IMPORT-HISTORY", "history", message)
    log_path, history_path = _find(source, LOG_FILE), _find(source, HISTORY_FILE)
    history_path = _choose_history(source, history_path, history, label, log_path is not None)
    if log_path is None and history_path is None:
        message = f"found neither {LOG_FILE} nor {HISTORY_FILE} up to three folders down, expected "
        message += "KuaiRand-Pure as published. Name the folder that holds it."
        raise UserError("IMPORT-SOURCE", str(source), message)
    chosen = _choose_label(label, history_path is not None)
    with new_folder(out) as folder:
        facts = _write_tables(folder, source, log_path, history_path, chosen)
        document = json.dumps(facts, indent=2) + "\n"
        (folder / "source.json").write_text(document, encoding="utf-8")
        with_history = history_path is not None
        (folder / "SOURCE.md").write_text(source_text(chosen, with_history), encoding="utf-8")
        (folder / "config.toml").write_text(config_text(with_history), encoding="utf-8")
    return facts | {"next": f"unclicked prepare {_prepare_options(out, facts)}"}


def _find(source: Path, name: str) -> Path | None:
    """The file of that name nearest to the source, by depth and then by path."""
    for depth in range(SEARCH_DEPTH + 1):
        found = sorted(source.glob("*/" * depth + name))
        if len(found) > 1:
            message = f"found {len(found)} files named {name}, expected one. Name one's folder."
            raise UserError("IMPORT-SOURCE", str(source), message)
        if found:
            return found[0]
    return None


def _choose_history(
    source: Path, found: Path | None, wanted: bool | str, label: str | None, has_log: bool
) -> Path | None:
    """The history to be read, if any."""
    if wanted is True and found is None:
        message = f"found no {HISTORY_FILE} up to three folders down, expected it for history. "
        message += "Name a folder that holds both, or import without the history."
        raise UserError("IMPORT-SOURCE", str(source), message)
    if wanted is False or (wanted == "auto" and has_log and label == "is_click"):
        return None
    return found


def _choose_label(label: str | None, with_history: bool) -> str:
    """The column that counts as a click."""
    if label is not None and label not in LABELS:
        message = f"found '{label}', expected is_click or long_view. Choose one."
        raise UserError("IMPORT-LABEL", "label", message)
    if with_history and label == "is_click":
        message = "found is_click, expected long_view: the history knows no other label. "
        message += "Ask for long_view, or import the log without the history."
        raise UserError("IMPORT-LABEL", "label", message)
    return label or ("long_view" if with_history else "is_click")


def _write_tables(
    folder: Path, source: Path, log_path: Path | None, history_path: Path | None, label: str
) -> dict[str, Any]:
    """Writes the tables that can be had and counts what is in them."""
    parts: list[pa.Table] = []
    counts = {"log_rows": 0, "history_rows": 0}
    repeats: tuple[int, int] = (0, 0)
    for path in (history_path, log_path):
        if path is None:
            continue
        is_log = path == log_path
        part = read_log(path, label) if is_log else read_history(path)
        again = count_repeats(part)
        repeats = (repeats[0] + again[0], repeats[1] + again[1])
        counts["log_rows" if is_log else "history_rows"] = part.num_rows
        if history_path is not None:
            mark = pa.repeat(pa.scalar(not is_log), part.num_rows)
            part = part.append_column("order_only", mark)
        parts.append(part)
    impressions = pa.concat_tables(parts)
    order = pc.sort_indices(impressions, sort_keys=[("timestamp", "ascending")])
    impressions = impressions.take(order)
    pq.write_table(impressions, folder / "impressions.parquet")
    files = [path.name for path in (log_path, history_path) if path is not None]
    facts = {
        "source": "KuaiRand-Pure",
        "citation": CITATION,
        "licence": LICENCE,
        "licence_line": LICENCE_LINE,
        "label": label,
        "rows": impressions.num_rows,
        **counts,
        "repeated_lines": repeats[0],
        "exact_copies": repeats[1],
        "users": len(pc.unique(impressions["user_id"])),
        "items": len(pc.unique(impressions["item_id"])),
        "clicked_share": pc.mean(impressions["clicked"].cast(pa.int8())).as_py(),
    }
    facts |= _write_side_tables(folder, source, log_path, impressions, files)
    return facts


def _write_side_tables(
    folder: Path, source: Path, log_path: Path | None, impressions: pa.Table, files: list[str]
) -> dict[str, Any]:
    """Writes items and users; without the log's folder only what the impressions name."""
    base = source if log_path is None else log_path.parent
    item_path, user_path = _find(base, ITEM_FILE), _find(base, USER_FILE)
    for path, name in ((item_path, ITEM_FILE), (user_path, USER_FILE)):
        if path is None and log_path is not None:
            message = f"the file is missing beside {LOG_FILE}. Fetch it from the same release."
            raise UserError("IMPORT-SOURCE", str(base / name), message)
    shown = pc.unique(impressions["item_id"])
    if item_path is None:
        items = pa.table({"item_id": shown})
    else:
        items = read_items(item_path)
    if user_path is None:
        users = pa.table({"user_id": pc.unique(impressions["user_id"])})
    else:
        users = read_users(user_path)
    pq.write_table(items, folder / "items.parquet")
    pq.write_table(users, folder / "users.parquet")
    known = pc.is_in(shown, items["item_id"].combine_chunks())
    missing = len(shown) - pc.sum(known).as_py()
    files += [path.name for path in (item_path, user_path) if path is not None]
    fields = [name for name in USER_FIELDS if name in users.column_names]
    return {"items_without_fields": missing, "user_fields": fields, "files": files}


def _prepare_options(out: Path, facts: dict[str, Any]) -> str:
    """Arguments of the command that comes next."""
    unknown = " --set data.missing_item=unknown" if facts["items_without_fields"] else ""
    return (
        f"{out / 'impressions.parquet'} --items {out / 'items.parquet'} "
        f"--users {out / 'users.parquet'} --config {out / 'config.toml'}{unknown} "
        f"--out {out.name}-dataset"
    )
