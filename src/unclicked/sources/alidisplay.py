"""Display ads on Taobao (Tianchi data set 56) as published, as an impression log.

Read are `raw_sample.csv` (user, time_stamp in Unix seconds, adgroup_id, pid, nonclk, clk),
`ad_feature.csv` (adgroup_id, cate_id, campaign_id, customer, brand, price) and
`user_profile.csv` (userid, cms_segid, cms_group_id, final_gender_code, age_level, pvalue_level,
shopping_level, occupation, new_user_class_level, the last with a blank behind it in the published
header). Empty fields and `NULL` are missing values.
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
    finish,
)
from unclicked.sources.imported_log import LogWriter
from unclicked.sources.publish import new_folder
from unclicked.sources.published_csv import read_published

LOG_FILE: Final = "raw_sample.csv"
AD_FILE: Final = "ad_feature.csv"
USER_FILE: Final = "user_profile.csv"
AD_FIELDS: Final = ("cate_id", "campaign_id", "customer", "brand")
USER_FIELDS: Final = (
    "cms_segid",
    "cms_group_id",
    "final_gender_code",
    "age_level",
    "pvalue_level",
    "shopping_level",
    "occupation",
    "new_user_class_level",
)
ORIGIN: Final = Origin(
    source="Ad Display/Click Data on Taobao.com",
    licence="as stated on its Tianchi page (data set 56)",
    licence_line=(
        "Ad Display/Click Data on Taobao.com (Alibaba, Tianchi data set 56): the terms are those "
        "of its page, tianchi.aliyun.com/dataset/56. Read them before you pass anything on."
    ),
    citation=(
        "Ali_Display_Ad_Click: Ad Display/Click Data on Taobao.com. Tianchi, 2018. "
        "https://tianchi.aliyun.com/dataset/56"
    ),
)
CHANGES: Final = (
    "`clicked` is `clk`; `item_id` is `adgroup_id`; `timestamp` is `time_stamp`, Unix seconds.",
    "The place of the ad on the page (`pid`) is left out: no field of an item or a user.",
    "Lines that repeat another line are kept; preparing the log drops them.",
    "Prices are numbers in the item table; `config.toml` names the edges that bin them.",
    "`behavior_log.csv` is left out: it holds visits, carts and purchases by category and brand, "
    "not impressions.",
)
SETTINGS: Final[Settings] = {
    "data": [
        (
            "Days are China time: a cut at midnight UTC would fall at eight in the morning there.",
            'timezone = "Asia/Shanghai"',
        ),
    ],
    "data.item_bins": [
        (
            "Prices in yuan, cut in steps of 1, 2 and 5.",
            "price = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000]",
        ),
    ],
    "data.unclicked": [
        ("Users see some 20 ads in all, so the eight days of the log", "window_days = 8"),
        ("and one showing without a click are enough.", "min_exposures = 1"),
    ],
    "data.clicked": [
        (
            "About one ad in twenty is clicked: most sessions hold one click.",
            "min_session_length = 1",
        ),
        ("All earlier clicks count as long-term.", "long_window_days = 8"),
    ],
}


def import_alidisplay(source: Path, out: Path, *, label: str | None = None) -> dict[str, Any]:
    """Turns the display ads of Taobao into `impressions.parquet` and the tables beside it.

    The log is read some lines at a time.

    Args:
        source: Folder that holds the unpacked CSV files, at most three folders down.
        out: Folder to be made; refused when it holds something.
        label: What counts as a click: `clk`, which None stands for too.

    Returns:
        What `source.json` holds, and `next`, the command that comes next.

    Raises:
        UserError: A file or column is missing or broken, or there is no such label.
        ResourceError: The output cannot be written.
    """
    chosen = check_call(source, label, ["clk"])
    log, ads, profiles = (find_file(source, name) for name in (LOG_FILE, AD_FILE, USER_FILE))
    with new_folder(out) as folder:
        with LogWriter(folder / "impressions.parquet", pa.int64()) as writer:
            for columns in _impressions(log):
                writer.write(columns)
        if not writer.rows:
            raise UserError("IMPORT-EMPTY", str(log), "found no line. Fetch the file again.")
        users = _table(profiles, "userid", "user_id", dict.fromkeys(USER_FIELDS, pa.int64()))
        fields = dict.fromkeys(AD_FIELDS, pa.int64()) | {"price": pa.float64()}
        known = pc.is_in(writer.users(), value_set=users["user_id"].combine_chunks())
        return finish(
            folder,
            out,
            ORIGIN,
            shown=writer.items(),
            tables=SideTables(_table(ads, "adgroup_id", "item_id", fields), users),
            counts={
                "label": chosen,
                **writer.counts(),
                "users_without_profile": len(known) - (pc.sum(known).as_py() or 0),
                "files": [path.name for path in (log, ads, profiles)],
            },
            changes=CHANGES,
            settings=SETTINGS,
        )


def _impressions(path: Path) -> Iterator[dict[str, pa.ChunkedArray]]:
    """The lines of the log, some at a time."""
    names = ("user", "time_stamp", "adgroup_id", "nonclk", "clk")
    for batch in read_published(path, dict.fromkeys(names, pa.int64())):
        batch.refuse_gaps(names)
        batch.refuse_labels("clk")
        same = pc.equal(batch.table["clk"], batch.table["nonclk"])
        batch.refuse(same, "clk", "the opposite of nonclk")
        yield {
            "user_id": batch.table["user"],
            "item_id": batch.table["adgroup_id"],
            "timestamp": batch.seconds("time_stamp"),
            "clicked": batch.table["clk"].cast(pa.bool_()),
        }


def _table(path: Path, key: str, name: str, fields: dict[str, pa.DataType]) -> pa.Table:
    """A side table with its id under our name."""
    kinds = {key: pa.int64(), **fields}
    parts = [pa.schema(kinds).empty_table()]
    for batch in read_published(path, kinds):
        batch.refuse_gaps([key])
        parts.append(batch.table)
    return pa.concat_tables(parts).rename_columns([name, *fields])
