"""ZhihuRec as republished in 2022, as an impression log with click times.

Read are `inter_impression.csv` (user, answer, time shown, time clicked or 0; Unix seconds),
`info_answer.csv` (18 columns) and `info_user.csv` (27 columns), packed as `.gz` or not. None has a
header; empty fields are missing values, lists are parted by blanks. ZhihuRec-1M and -20M are the
first lines of these files, so they are read alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from unclicked.errors import UserError
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
from unclicked.sources.published_csv import read_published

LOG_FILE: Final = "inter_impression.csv"
ANSWER_FILE: Final = "info_answer.csv"
USER_FILE: Final = "info_user.csv"
LOG_COLUMNS: Final = ("user", "answer", "shown", "clicked")
ANSWER_COLUMNS: Final = (
    *("answer", "question_id", "is_anonymous", "author_id", "is_high_value", "by_editor"),
    *("created", "has_pictures", "has_videos", "thanks", "likes", "comments", "collections"),
    *("dislikes", "reports", "helpless", "tokens", "topic_ids"),
)
USER_COLUMNS: Final = (
    *("user", "registered", "gender", "login_frequency", "followers", "topics", "questions"),
    *("own_answers", "own_questions", "own_comments", "thanks", "comments", "likes", "dislikes"),
    *("register_type", "register_platform", "from_android", "from_iphone", "from_ipad"),
    *("from_pc", "from_mobile_web", "device_model", "device_brand", "platform", "province"),
    *("city", "topic_ids"),
)
# Counts and ratings were taken when the log was collected, after many of its impressions.
ANSWER_FIELDS: Final = ("question_id", "is_anonymous", "author_id", "has_pictures", "has_videos")
USER_FIELDS: Final = ("gender", *USER_COLUMNS[14:26])
ORIGIN: Final = Origin(
    source="ZhihuRec",
    licence="for research only",
    licence_line=(
        "ZhihuRec (Tsinghua University and Zhihu, github.com/THUIR/ZhihuRec-Dataset), for research "
        "only: cite the paper, and do not pass it on without asking its authors."
    ),
    citation=(
        "Bin Hao et al.: A Large-Scale Rich Context Query and Recommendation Dataset in Online "
        "Knowledge-Sharing. arXiv:2106.06467, 2021."
    ),
)
CHANGES: Final = (
    "`item_id` is the answer; `timestamp` is when it was shown, `clicked_at` when it was clicked; "
    "`clicked` says whether there is a time of a click.",
    "A click told as earlier than its showing stands at the showing (`clicks_moved` counts them).",
    "Lines that repeat another line are kept; preparing the log drops them.",
    "Of the answers only question, author, topics and what the text holds are kept; of the users "
    "only gender, the way of registering, devices and place. Counts (likes, followers), ratings, "
    "login frequency and followed topics are left out: they have no time and may know the future.",
    "Searches (`inter_query.csv`), tokens and the tables of questions, authors and topics are not "
    "read.",
)
SETTINGS: Final[Settings] = {
    "data": [
        (
            "Days are China time: a cut at midnight UTC would fall at eight in the morning there.",
            'timezone = "Asia/Shanghai"',
        ),
    ],
    "data.unclicked": [
        ("Answers hardly ever come back: one showing without a click counts.", "min_exposures = 1"),
    ],
    "data.split": [
        (
            "The log ends within its last day, with few impressions; two days hold a whole one.",
            "test_days = 2",
        ),
    ],
}


def import_zhihurec(source: Path, out: Path, *, label: str | None = None) -> dict[str, Any]:
    """Turns ZhihuRec into `impressions.parquet` and the tables beside it.

    The log is read some lines at a time.

    Args:
        source: Folder that holds the CSV files, at most three folders down.
        out: Folder to be made; refused when it holds something.
        label: What counts as a click: `click`, which None stands for too.

    Returns:
        What `source.json` holds, and `next`, the command that comes next.

    Raises:
        UserError: A file is missing or broken, or there is no such label.
        ResourceError: The output cannot be written.
    """
    chosen = check_call(source, label, ["click"])
    log, answers, profiles = (_find(source, name) for name in (LOG_FILE, ANSWER_FILE, USER_FILE))
    moved = 0
    with new_folder(out) as folder:
        more = {"clicked_at": pa.timestamp("us", "UTC")}
        with LogWriter(folder / "impressions.parquet", pa.int64(), more) as writer:
            for columns, count in _impressions(log):
                writer.write(columns)
                moved += count
        if not writer.rows:
            raise UserError("IMPORT-EMPTY", str(log), "found no line. Fetch the file again.")
        users = _users(profiles)
        known = pc.is_in(writer.users(), value_set=users["user_id"].combine_chunks())
        return finish(
            folder,
            out,
            ORIGIN,
            shown=writer.items(),
            tables=SideTables(_answers(answers), users),
            counts={
                "label": chosen,
                **writer.counts(),
                "clicks_moved": moved,
                "users_without_profile": len(known) - (pc.sum(known).as_py() or 0),
                "files": [path.name for path in (log, answers, profiles)],
            },
            changes=CHANGES,
            settings=SETTINGS,
        )


def _find(source: Path, name: str) -> Path:
    """A file as it is, or else packed."""
    packed = find_files(source, f"{name}.gz") and not find_files(source, name)
    return find_file(source, f"{name}.gz" if packed else name)


def _impressions(path: Path) -> Iterator[tuple[dict[str, pa.ChunkedArray], int]]:
    """The lines of the log, some at a time, and how many clicks were moved."""
    kinds = dict.fromkeys(LOG_COLUMNS, pa.int64())
    for batch in read_published(path, kinds, names=LOG_COLUMNS):
        batch.refuse_gaps(LOG_COLUMNS)
        clicked = pc.not_equal(batch.table["clicked"], 0)
        shown = batch.seconds("shown")
        click_time = batch.seconds("clicked", zero_is_null=True)
        early = pc.less(click_time, shown)
        columns = {
            "user_id": batch.table["user"],
            "item_id": batch.table["answer"],
            "timestamp": shown,
            "clicked": clicked,
            "clicked_at": pc.if_else(early, shown, click_time),
        }
        yield columns, pc.sum(early, min_count=0).as_py()


def _answers(path: Path) -> pa.Table:
    kinds = {"answer": pa.int64(), **dict.fromkeys(ANSWER_FIELDS, pa.int64())}
    fields = {**kinds, "topic_ids": pa.string()}
    parts = [pa.schema({**kinds, "topic_ids": pa.list_(pa.string())}).empty_table()]
    for batch in read_published(path, fields, names=ANSWER_COLUMNS):
        batch.refuse_gaps(["answer"])
        topics = pc.split_pattern(batch.table["topic_ids"], " ")
        place = batch.table.column_names.index("topic_ids")
        parts.append(batch.table.set_column(place, "topic_ids", topics))
    return pa.concat_tables(parts).rename_columns(["item_id", *ANSWER_FIELDS, "topic_ids"])


def _users(path: Path) -> pa.Table:
    kinds = dict.fromkeys(("user", *USER_FIELDS), pa.int64())
    parts = [pa.schema(kinds).empty_table()]
    for batch in read_published(path, kinds, names=USER_COLUMNS):
        batch.refuse_gaps(["user"])
        parts.append(batch.table)
    return pa.concat_tables(parts).rename_columns(["user_id", *USER_FIELDS])
