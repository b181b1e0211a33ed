"""EB-NeRD, the news log of Ekstra Bladet (RecSys Challenge 2024), as published.

What is read: `train` and `validation` folders with `behaviors.parquet` (user_id, impression_time,
article_ids_inview, article_ids_clicked, session_id, is_sso_user, gender, postcode, age) and
`history.parquet` (user_id, impression_time_fixed, article_id_fixed), and `articles.parquet` beside
the folders (article_id, title, category_str, subcategory, article_type, premium, topics,
sentiment_label). The test set has no clicks and is left out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from unclicked.errors import UserError
from unclicked.sources.ebnerd_tables import (
    BEHAVIORS,
    HISTORY,
    FirstProfiles,
    as_utc,
    first_time,
    read_articles,
)
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
from unclicked.sources.published_parquet import ParquetBatch, flatten, read_parquet

ORIGIN: Final = Origin(
    "EB-NeRD",
    "terms of JP/Politikens Media Group",
    "EB-NeRD (Kruse et al., RecSys Challenge 2024, recsys.eb.dk), under the terms of use that "
    "Ekstra Bladet shows before the download: read them before you use or share anything.",
    "Johannes Kruse et al.: EB-NeRD: A Large-Scale Dataset for News Recommendation. RecSys "
    "Challenge 2024.",
)
PARTS: Final = ("train", "validation")
TIMES: Final = pa.timestamp("us", "UTC")


def import_ebnerd(
    source: Path, out: Path, *, label: str | None = None, history: bool = True
) -> dict[str, Any]:
    """Turns EB-NeRD into `impressions.parquet`, `items.parquet` and `users.parquet`.

    Beside them it writes `SOURCE.md`, `source.json` and `config.toml`. Read times, scroll depths
    and everything about the next page are never read, nor are an article's totals of its first
    seven days and the subscription as it was when the data were made: they know the future.

    Args:
        source: Folder of one bundle (demo, small or large) with `train`, `validation` and
            `articles.parquet`, at most three folders down.
        out: Folder to be made; refused when it holds something.
        label: What counts as a click; EB-NeRD knows `click` alone.
        history: Whether the clicks of the weeks before, which have real times but no list of what
            else was shown, stand in front of the log as impressions that were clicked.

    Returns:
        What `source.json` holds, and `next`, the command that comes next.

    Raises:
        UserError: A file or column is missing or broken, or the label is unknown.
        ResourceError: The output cannot be written.
    """
    check_call(source, label, ("click",))
    parts = _find_parts(source)
    articles = find_file(_bundle(source, parts), "articles.parquet")
    pasts = [path.parent / "history.parquet" for path in parts.values()] if history else []
    for path in pasts:
        if not path.is_file():
            message = (
                "the file is missing beside behaviors.parquet. Fetch it from the same release."
            )
            raise UserError("IMPORT-SOURCE", str(path), message)
    with new_folder(out) as made:
        profiles = FirstProfiles()
        with LogWriter(
            made / "impressions.parquet", pa.int64(), {"session_id": pa.string()}
        ) as log:
            tally = {"clicks_not_in_view": 0}
            for part, path in parts.items():
                for batch in read_parquet(path, BEHAVIORS):
                    profiles.add(batch)
                    tally["clicks_not_in_view"] += _write_lists(log, part, batch)
            counts = {"label": "click", "log_rows": log.rows, **tally}
            counts |= _write_histories(log, pasts, list(parts.values()))
        counts |= log.counts()
        items, names = read_articles(articles)
        files = [*(f"{part}/behaviors.parquet" for part in parts), "articles.parquet"]
        files += [f"{path.parent.name}/history.parquet" for path in pasts]
        return finish(
            made,
            out,
            ORIGIN,
            shown=log.items(),
            tables=SideTables(items, profiles.table(log.users()), names),
            counts={**counts, "files": files},
            changes=_changes(history),
            settings=SETTINGS,
        )


def _find_parts(source: Path) -> dict[str, Path]:
    """The behaviours of each part; other folders, the test set's above all, are left out."""
    parts: dict[str, Path] = {}
    found = find_files(source, "behaviors.parquet")
    for path in found:
        name = path.parent.resolve().name.lower()
        if name not in PARTS:
            continue
        if name in parts:
            message = f"found several folders '{name}', expected one bundle. Name its folder."
            raise UserError("IMPORT-SOURCE", str(source), message)
        parts[name] = path
    if not parts:
        others = ", ".join(path.parent.name for path in found) or "nothing"
        message = f"found {others}, expected train/ or validation/ with behaviors.parquet up to "
        message += "three folders down. The test set has no clicks; name a bundle's folder."
        raise UserError("IMPORT-SOURCE", str(source), message)
    return {part: parts[part] for part in PARTS if part in parts}


def _bundle(source: Path, parts: dict[str, Path]) -> Path:
    """Where articles.parquet is looked for: beside the parts, or wherever the source says."""
    beside = next(iter(parts.values())).parent.parent
    return beside if (beside / "articles.parquet").is_file() else source


def _write_lists(log: LogWriter, part: str, batch: ParquetBatch) -> int:
    """Writes what was in view, and clicks that were not among it, whose number it returns."""
    batch.refuse_gaps(["user_id", "impression_time", "session_id", *LISTS])
    (shown_row, shown), (click_row, clicks) = (flatten(batch.column(name)) for name in LISTS)
    shown_key, click_key = _pair(shown_row, shown), _pair(click_row, clicks)
    outside = ~np.isin(click_key, shown_key)
    clicked = np.concatenate([np.isin(shown_key, click_key), np.ones(outside.sum(), np.bool_)])
    rows = pa.array(np.concatenate([shown_row, click_row[outside]]))
    items = [shown.cast(pa.int64()), clicks.filter(pa.array(outside)).cast(pa.int64())]
    session = pc.binary_join_element_wise(part, batch.column("session_id").cast(pa.string()), "-")
    columns = {
        "user_id": batch.column("user_id").cast(pa.int64()).take(rows),
        "item_id": pa.concat_arrays(items),
        "timestamp": as_utc(batch.column("impression_time")).take(rows),
        "clicked": pa.array(clicked),
        "session_id": session.take(rows),
    }
    log.write(columns)
    return int(outside.sum())


LISTS: Final = ("article_ids_inview", "article_ids_clicked")


def _pair(row: NDArray[np.int64], items: pa.Array) -> NDArray[np.int64]:
    """One number for a row of a batch and an article, whose ids have 31 bits."""
    return np.asarray((row << 32) + np.asarray(items).astype(np.int64), dtype=np.int64)


def _write_histories(log: LogWriter, pasts: list[Path], parts: list[Path]) -> dict[str, int]:
    """Writes clicks from before the first list; a user of an earlier history is taken from it."""
    before = log.rows
    late = 0
    known: list[pa.Array] = []
    first_us = min(first_time(path) for path in parts) if pasts else 0
    begin = pa.scalar(first_us, pa.int64()).cast(TIMES)
    for path in pasts:
        earlier = pa.concat_arrays(known) if known else pa.array([], pa.int64())
        for batch in read_parquet(path, HISTORY):
            batch.refuse_gaps(list(HISTORY))
            users = batch.column("user_id").cast(pa.int64())
            (row, items), (other, times) = (flatten(batch.column(name)) for name in PAST)
            if not np.array_equal(row, other):
                counts = [np.bincount(rows, minlength=len(users)) for rows in (row, other)]
                place = int(np.argmax(counts[0] != counts[1]))
                found = f"{counts[0][place]} articles and {counts[1][place]} times"
                batch.refuse(place, PAST[0], found, "as many of both")
            known.append(users)
            times = as_utc(times)
            fresh = pc.invert(pc.is_in(users, value_set=earlier)).take(pa.array(row))
            early = pc.less(times, begin)
            late += pc.sum(pc.and_(fresh, pc.invert(early)).cast(pa.int64()), min_count=0).as_py()
            keep = pc.and_(fresh, early)
            kept = {
                "user_id": users.take(pa.array(row)).filter(keep),
                "item_id": items.filter(keep).cast(pa.int64()),
                "timestamp": times.filter(keep),
            }
            number = len(kept["item_id"])
            more = {
                "clicked": pa.repeat(pa.scalar(True), number),
                "session_id": pa.nulls(number, pa.string()),
            }
            log.write(kept | more)
    return {"history_rows": log.rows - before, "history_rows_left_out": late}


PAST: Final = ("article_id_fixed", "impression_time_fixed")


def _changes(history: bool) -> list[str]:
    changes = [
        "Each article in view is a row, clicked where it is among the clicked ones of its list. "
        "All have the time of the list; their order was shuffled by the publisher and is not kept.",
        "A clicked article that was not in view is an impression that was clicked.",
        "The times have no zone and are taken as UTC. The publisher's weeks begin at 07:00 of "
        "that clock, and so do the days in `config.toml`.",
        "`session_id` is the site's own, with the name of the part before it.",
        "The page on which a list was shown, read times, scroll depths, the device and all "
        "columns about the next page are not read. `is_subscriber` is not read either: it was set "
        "when the data were made. Age, gender, postcode and login are those of a user's first "
        "list in the log.",
        "Of the articles, category, subcategories, type, premium, topics and the label of the "
        "sentiment are kept; titles are in the column `name`. The totals of views, clicks and read "
        "time are never read: they count the seven days after publication and know the future.",
        "The test set has no clicks and is left out.",
        "Rows that repeat another row are kept; preparing the log drops them.",
    ]
    if history:
        changes.append(
            "The clicks of `history.parquet` from before the log's first list are impressions that "
            "were clicked, with their own times and without `session_id`; what else was shown is "
            "not known. Later ones are left out: the lists hold them. A user of several histories "
            "is taken from the first."
        )
    return changes


SETTINGS: Final[Settings] = {
    "data": [
        (
            "The publisher's days begin at 07:00; in this zone that is midnight.",
            'timezone = "Etc/GMT+7"',
        )
    ],
    "data.unclicked": [
        (
            "News is shown a few times and is old the next day, so one showing is enough.",
            "min_exposures = 1",
        ),
    ],
    "data.clicked": [
        ("The clicks of the weeks before the log count as long-term too.", "long_window_days = 28"),
        (
            "Many visits hold one click; with 2, few would be left to train on.",
            "min_session_length = 1",
        ),
    ],
    "data.split": [
        (
            "The last day is the test; 7 days would be the published validation set,",
            "test_days = 1",
        ),
        ("and the day before it chooses the settings.", "validation_days = 1"),
    ],
}
