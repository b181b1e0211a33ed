"""MIND, the news log of Microsoft, as published: folders with behaviors.tsv and news.tsv.

What is read: `behaviors.tsv` (impression id, user, time, history, impressions) and `news.tsv`
(id, category, subcategory, title, abstract, url and two columns of entities) of MIND-small or
MIND-large, from folders whose names end with train, dev or valid. A folder whose name ends with
test has no labels and is left out. The vectors of entities are not read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from unclicked.errors import UserError
from unclicked.sources.imported import (
    Origin,
    Settings,
    SideTables,
    check_call,
    find_files,
    finish,
)
from unclicked.sources.imported_log import LogWriter
from unclicked.sources.mind_files import Behaviors, read_behaviors, read_news
from unclicked.sources.publish import new_folder
from unclicked.sources.published_parquet import flatten

ORIGIN: Final = Origin(
    "MIND",
    "Microsoft Research License Terms",
    "MIND (Wu et al., ACL 2020, msnews.github.io), Microsoft Research License Terms: free of "
    "charge for non-commercial research only; read them before you use or share anything.",
    "Fangzhao Wu et al.: MIND: A Large-scale Dataset for News Recommendation. ACL 2020.",
)
PARTS: Final = {"train": "train", "dev": "dev", "valid": "dev"}
HISTORY_DAYS: Final = 28
DAY_US: Final = 86_400_000_000
USERS_AT_ONCE: Final = 50_000
PARTS_HELD: Final = 32
_FILES: Final = ("behaviors.tsv", "news.tsv")


def import_mind(
    source: Path, out: Path, *, label: str | None = None, history: bool = False
) -> dict[str, Any]:
    """Turns MIND into `impressions.parquet`, `items.parquet` and `users.parquet`.

    Beside them it writes `SOURCE.md`, `source.json` and `config.toml`. The test folder has no
    labels and is left out.

    Args:
        source: Folder that holds the published folders, at most three folders down, or one of
            them.
        out: Folder to be made; refused when it holds something.
        label: What counts as a click; MIND knows `click` alone.
        history: Whether the clicks of the weeks before, which have an order but no times, stand in
            front of the log with times that are made; such rows have `order_only` true.

    Returns:
        What `source.json` holds, and `next`, the command that comes next.

    Raises:
        UserError: A file is missing or broken, or the label is unknown.
        ResourceError: The output cannot be written.
    """
    check_call(source, label, ("click",))
    folders, left_out = _find_parts(source)
    for folder in folders.values():
        if not (folder / "news.tsv").is_file():
            message = "the file is missing beside behaviors.tsv. Fetch it from the same release."
            raise UserError("IMPORT-SOURCE", str(folder / "news.tsv"), message)
    with new_folder(out) as made:
        more = {"order_only": pa.bool_()} if history else {}
        with LogWriter(made / "impressions.parquet", pa.string(), more) as log:
            pasts, first_us = _write_log(log, list(folders.values()), history)
            log_rows = log.rows
            if history and log_rows:
                _write_history(log, pasts, first_us)
        items, names, conflicts = read_news([folder / "news.tsv" for folder in folders.values()])
        counts = {
            "label": "click",
            "log_rows": log_rows,
            "history_rows": log.rows - log_rows,
            **log.counts(),
            "news_that_differ": conflicts,
            "files": [f"{part}/{name}" for part in folders for name in _FILES],
            "left_out": left_out,
        }
        tables = SideTables(items, pa.table({"user_id": log.users()}), names)
        return finish(
            made,
            out,
            ORIGIN,
            shown=log.items(),
            tables=tables,
            counts=counts,
            changes=_changes(history),
            settings=_settings(history),
        )


def _find_parts(source: Path) -> tuple[dict[str, Path], list[str]]:
    """Folders with labels by part, training first, and the names of those without."""
    parts: dict[str, Path] = {}
    left_out = []
    for path in find_files(source, "behaviors.tsv"):
        name = path.parent.resolve().name.lower()
        if name.endswith("test"):
            left_out.append(path.parent.name)
            continue
        part = next((part for end, part in PARTS.items() if name.endswith(end)), "log")
        if part in parts:
            message = (
                f"found '{parts[part].name}' and '{path.parent.name}', expected one folder of a "
                "kind: small and large hold the same rows. Name the folder of one release."
            )
            raise UserError("IMPORT-SOURCE", str(source), message)
        parts[part] = path.parent
    if not parts:
        there = f"only '{left_out[0]}', whose lists have no labels" if left_out else "none"
        message = f"searched three folders down for a behaviors.tsv with labels and found {there}. "
        raise UserError("IMPORT-SOURCE", str(source), message + "Name the folder that holds one.")
    return {part: parts[part] for part in ("train", "log", "dev") if part in parts}, left_out


def _write_log(log: LogWriter, folders: list[Path], history: bool) -> tuple[list[pa.Table], int]:
    """Writes all lists shown; users' histories where asked for, and the first time."""
    pasts: list[pa.Table] = []
    first_us = np.iinfo(np.int64).max
    for folder in folders:
        for lines in read_behaviors(folder / "behaviors.tsv"):
            first_us = min(first_us, int(lines.time_us.min(initial=first_us)))
            _write_lists(log, lines)
            if history:
                table = pa.table({"user": lines.user, "history": lines.history})
                pasts.append(_first_of_each(table))
                if len(pasts) > PARTS_HELD:
                    pasts = [_first_of_each(pa.concat_tables(pasts))]
    return pasts, first_us


def _write_lists(log: LogWriter, lines: Behaviors) -> None:
    columns = {
        "user_id": lines.user.take(pa.array(lines.line)),
        "item_id": lines.item,
        "timestamp": pa.array(lines.time_us[lines.line]).cast(pa.timestamp("us", "UTC")),
        "clicked": lines.clicked,
        "order_only": pa.repeat(pa.scalar(False), len(lines.item)),
    }
    log.write(columns)


def _first_of_each(table: pa.Table) -> pa.Table:
    """The first line of each user that has a history."""
    table = table.filter(pc.greater(pc.binary_length(pc.utf8_trim_whitespace(table["history"])), 0))
    once = table.group_by("user", use_threads=False).aggregate([("history", "first")])
    return pa.table({"user": once["user"], "history": once["history_first"]})


def _write_history(log: LogWriter, pasts: list[pa.Table], first_us: int) -> None:
    """Writes each user's clicks before the log, spread evenly over the four weeks before it."""
    past = _first_of_each(pa.concat_tables(pasts))
    for begin in range(0, past.num_rows, USERS_AT_ONCE):
        some = past.slice(begin, USERS_AT_ONCE).combine_chunks()
        trimmed = pc.utf8_trim_whitespace(some["history"].combine_chunks())
        user, items = flatten(pc.ascii_split_whitespace(trimmed))
        times = spread_history(np.bincount(user, minlength=some.num_rows), first_us)
        columns = {
            "user_id": some["user"].take(pa.array(user)),
            "item_id": items,
            "timestamp": pa.array(times).cast(pa.timestamp("us", "UTC")),
            "clicked": pa.repeat(pa.scalar(True), len(items)),
            "order_only": pa.repeat(pa.scalar(True), len(items)),
        }
        log.write(columns)


def spread_history(counts: NDArray[np.int64], first_us: int) -> NDArray[np.int64]:
    """Makes times for clicks that have an order alone.

    Args:
        counts: int64 [users], clicks of each user before the log.
        first_us: First time of the log, microseconds since 1970.

    Returns:
        int64 [sum of counts], microseconds: each user's clicks evenly inside the 28 days that end
        with the midnight before the log.

    Example:
        >>> day = 86_400_000_000
        >>> [time / day for time in spread_history(np.array([1, 3]), 40 * day + 5).tolist()]
        [26.0, 19.0, 26.0, 33.0]
    """
    end = first_us // DAY_US * DAY_US
    before = np.cumsum(counts) - counts
    place = np.arange(counts.sum()) - np.repeat(before, counts) + 1
    step = HISTORY_DAYS * DAY_US // (np.repeat(counts, counts) + 1)
    return np.asarray(end - HISTORY_DAYS * DAY_US + place * step, dtype=np.int64)


def _changes(history: bool) -> list[str]:
    changes = [
        "Each entry of a list of impressions is a row; `clicked` is its label. All entries of a "
        "list have the time of the list; their order was shuffled by the publisher and is not "
        "kept, nor is the order of several clicks in one list known.",
        "The times have no zone. They are taken as UTC, so that days are the days written in the "
        "file; times of the day may be those of another zone.",
        "The test folder has no labels and is left out.",
        "An impression is one list and not a visit, so there is no `session_id`.",
        "Items have category and subcategory; titles are in the column `name`; abstracts, links, "
        "entities and their vectors are not read. Users have no profile.",
        "Rows that repeat another row are kept; preparing the log drops them.",
    ]
    if history:
        changes.append(
            "Rows with `order_only` true are clicks of the weeks before the log. They have an "
            "order but no times: each user's are spread evenly over the 28 days that end with "
            "the midnight before the log's first list. Where lines of a user give different "
            "histories, the first one counts."
        )
    else:
        changes.append(
            "The history of a line has an order but no times, so it gives no rows: no times were "
            "made up. `import_mind(..., history=True)` places it, marked `order_only`."
        )
    return changes


def _settings(history: bool) -> Settings:
    long_days = "35" if history else "7"
    return {
        "data.unclicked": [
            (
                "News is shown once and is old the next day, so one showing is enough,",
                "min_exposures = 1",
            ),
            ("and the whole week of lists is the window.", "window_days = 7"),
        ],
        "data.clicked": [
            (
                "All earlier clicks of the log count as long-term.",
                f"long_window_days = {long_days}",
            ),
            (
                "Most visits hold one click; with 2, few would be left to train on.",
                "min_session_length = 1",
            ),
        ],
        "data.split": [
            ("The last day is the published dev set,", "test_days = 1"),
            ("and the last day of the training set chooses the settings.", "validation_days = 1"),
        ],
    }
