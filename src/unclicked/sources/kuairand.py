"""KuaiRand as published, Pure with its history where there is one, as an impression log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from unclicked.errors import UserError, command
from unclicked.sources.kuairand_history import HISTORY_FILE, read_history
from unclicked.sources.kuairand_long import write_long
from unclicked.sources.kuairand_notes import (
    CITATION,
    LICENCE,
    config_text,
    licence_line,
    source_text,
)
from unclicked.sources.kuairand_releases import PURE, Release, find_file, find_release, missing_file
from unclicked.sources.kuairand_tables import (
    ITEM_SCHEMA,
    LABELS,
    LOG_SCHEMA,
    USER_FIELDS,
    count_repeats,
    read_items,
    read_log,
    read_users,
)
from unclicked.sources.publish import new_folder

EARLY_LOG: Final = PURE.logs[0]


def import_kuairand(
    source: Path,
    out: Path,
    *,
    history: bool | Literal["auto"] = "auto",
    label: Literal["is_click", "long_view"] | None = None,
) -> dict[str, Any]:
    """Turns KuaiRand into `impressions.parquet`, `items.parquet` and `users.parquet`.

    Beside them it writes `SOURCE.md` and `source.json` (origin, licence, changes, counts) and
    `config.toml` (the settings with which this log should be prepared). Which release it is,
    Pure, 1K or 27K, is seen from the names of its files; all its standard logs are read, 1K and
    27K some lines at a time. Never read are the logs of randomly shown videos, which the site did
    not choose for the user, and the tables of video statistics, which count the whole month and
    so know the future.

    Args:
        source: Folder that holds the published `data` folder, the folder of the history
            (`user_sequences.parquet`), or both, at most three folders down.
        out: Folder to be made; refused when it holds something.
        history: Whether the untimed history of 8 to 24 April stands in front of the log of
            KuaiRand-Pure; `"auto"` takes it where it is found, the label allows it and the timed
            log of those days is not there.
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
    release, logs = find_release(source) or (PURE, [])
    history_path = find_file(source, HISTORY_FILE)
    history_path = _choose_history(source, history_path, history, label, logs)
    if not logs and history_path is None:
        message = f"found neither {PURE.main} nor {HISTORY_FILE} up to three folders down, "
        message += (
            "expected KuaiRand-Pure, -1K or -27K as published. Name the folder that holds it."
        )
        raise UserError("IMPORT-SOURCE", str(source), message)
    chosen = _choose_label(label, history_path is not None)
    with new_folder(out) as folder:
        if release is PURE:
            facts = _write_pure(folder, source, logs, history_path, chosen)
        else:
            facts = _origin(release, chosen) | write_long(folder, release, logs, chosen)
        document = json.dumps(facts, indent=2) + "\n"
        (folder / "source.json").write_text(document, encoding="utf-8")
        with_history = history_path is not None
        text = source_text(chosen, with_history, release.name, [path.name for path in logs])
        (folder / "SOURCE.md").write_text(text, encoding="utf-8")
        config = config_text(with_history, release.name, facts["items_without_fields"] > 0)
        (folder / "config.toml").write_text(config, encoding="utf-8")
    return facts | {"next": command("prepare", *_prepare_options(out, facts))}


def _choose_history(
    source: Path, found: Path | None, wanted: bool | str, label: str | None, logs: list[Path]
) -> Path | None:
    """The history to be read, if any."""
    timed = [path.name for path in logs if path.name == EARLY_LOG or path.name not in PURE.logs]
    if wanted is True and timed:
        message = (
            f"found {timed[0]}, which holds those days with their times; expected the history "
        )
        message += "beside the second log of KuaiRand-Pure alone. Import without the history."
        raise UserError("IMPORT-HISTORY", str(source), message)
    if wanted is True and found is None:
        message = f"found no {HISTORY_FILE} up to three folders down, expected it for history. "
        message += "Name a folder that holds both, or import without the history."
        raise UserError("IMPORT-SOURCE", str(source), message)
    if wanted is False or timed or (wanted == "auto" and logs and label == "is_click"):
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


def _write_pure(
    folder: Path, source: Path, logs: list[Path], history_path: Path | None, label: str
) -> dict[str, Any]:
    """Writes the tables of KuaiRand-Pure that can be had, in the order of time."""
    parts: list[pa.Table] = []
    counts = {"log_rows": 0, "history_rows": 0}
    repeats: tuple[int, int] = (0, 0)
    for path in (history_path, *logs):
        if path is None:
            continue
        is_log = path != history_path
        log = [LOG_SCHEMA.empty_table(), *read_log(path, label)] if is_log else [read_history(path)]
        part = pa.concat_tables(log)
        again = count_repeats(part)
        repeats = (repeats[0] + again[0], repeats[1] + again[1])
        counts["log_rows" if is_log else "history_rows"] += part.num_rows
        if history_path is not None:
            mark = pa.repeat(pa.scalar(not is_log), part.num_rows)
            part = part.append_column("order_only", mark)
        parts.append(part)
    impressions = pa.concat_tables(parts)
    order = pc.sort_indices(impressions, sort_keys=[("timestamp", "ascending")])
    impressions = impressions.take(order)
    pq.write_table(impressions, folder / "impressions.parquet")
    files = [path.name for path in (*reversed(logs), history_path) if path is not None]
    facts = _origin(PURE, label) | {
        "rows": impressions.num_rows,
        **counts,
        "repeated_lines": repeats[0],
        "exact_copies": repeats[1],
        "users": len(pc.unique(impressions["user_id"])),
        "items": len(pc.unique(impressions["item_id"])),
        "clicked_share": pc.mean(impressions["clicked"].cast(pa.int8())).as_py(),
    }
    base = logs[0].parent if logs else source
    return facts | _write_side_tables(folder, base, bool(logs), impressions, files)


def _write_side_tables(
    folder: Path, base: Path, has_log: bool, impressions: pa.Table, files: list[str]
) -> dict[str, Any]:
    """Writes items and users; without the log's folder only what the impressions name."""
    item_path, user_path = (find_file(base, name) for name in PURE.tables)
    for path, name in zip((item_path, user_path), PURE.tables, strict=True):
        if path is None and has_log:
            raise missing_file(base / name, PURE)
    shown = pc.unique(impressions["item_id"])
    if item_path is None:
        items = pa.table({"item_id": shown})
    else:
        items = pa.concat_tables([ITEM_SCHEMA.empty_table(), *read_items(item_path)])
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


def _origin(release: Release, label: str) -> dict[str, Any]:
    return {
        "source": release.name,
        "citation": CITATION,
        "licence": LICENCE,
        "licence_line": licence_line(release.name),
        "label": label,
    }


def _prepare_options(out: Path, facts: dict[str, Any]) -> list[object]:
    """Arguments of the command that comes next."""
    words: list[object] = [out / "impressions.parquet", "--items", out / "items.parquet"]
    words += ["--users", out / "users.parquet", "--config", out / "config.toml"]
    if facts["items_without_fields"]:
        words += ["--set", "data.missing_item=unknown"]
    return [*words, "--out", f"{out.name}-dataset"]
