"""The FINN.no slates, what a marketplace showed its users step by step, as published.

What is read: of `data.npz` the integer arrays userId [users], click [users, steps], slate [users,
steps, places] and interaction_type [users, steps] (1 search, 2 recommendation, 0 unknown); of
`itemattr.npz` the array category [items]; and `ind2val.json`, where it is there, for the names of
the categories. Among items 0 pads, 1 stands for no click and 2 for an unknown item.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

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
from unclicked.sources.npz_arrays import read_arrays
from unclicked.sources.publish import new_folder

ORIGIN: Final = Origin(
    "FINN.no slates",
    "use with attribution",
    "FINN.no slates (Eide et al., RecSys 2021, github.com/finn-no/recsys_slates_dataset): its "
    "authors ask for attribution; see their repository for the terms that hold today.",
    "Simen Eide et al.: FINN.no Slates Dataset: A new Sequential Dataset Logging Interactions, "
    "all Viewed Items and Click Responses/No-Click for Recommender Systems Research. RecSys 2021.",
)
ARRAYS: Final = (("userId", 1), ("click", 2), ("interaction_type", 2), ("slate", 3))
UNKNOWN: Final = 2
FIRST_ITEM: Final = 3
USERS_AT_ONCE: Final = 4096
DAY_US: Final = 86_400_000_000
# Nobody can take the year 2000 for the real one: the log holds no dates.
END_US: Final = 949_104_000_000_000  # 2000-01-29 00:00 UTC


def import_finn(source: Path, out: Path, *, label: str | None = None) -> dict[str, Any]:
    """Turns the FINN.no slates into `impressions.parquet`, `items.parquet` and `users.parquet`.

    Beside them it writes `SOURCE.md`, `source.json` and `config.toml`. The steps of a user have an
    order but no times: times are made, one step a day, and all rows have `order_only` true.

    Args:
        source: Folder that holds `data.npz` and `itemattr.npz`, at most three folders down.
        out: Folder to be made; refused when it holds something.
        label: What counts as a click; the log knows `click` alone.

    Returns:
        What `source.json` holds, and `next`, the command that comes next.

    Raises:
        UserError: A file or array is missing or broken, or the label is unknown.
        ResourceError: The output cannot be written.
    """
    check_call(source, label, ("click",))
    data = find_file(source, "data.npz")
    attributes = find_file(data.parent, "itemattr.npz")
    names = data.parent / "ind2val.json"
    with new_folder(out) as made:
        more = {"interaction_type": pa.int8(), "order_only": pa.bool_()}
        tally = dict.fromkeys(("steps", "clicks_not_in_slate", "clicks_on_unknown", "unknown"), 0)
        with LogWriter(made / "impressions.parquet", pa.int64(), more) as log:
            seen: list[NDArray[np.int64]] = []
            for block in read_arrays(data, ARRAYS, USERS_AT_ONCE):
                seen.append(block["userId"])
                for name, count in _write_slates(log, data, block).items():
                    tally[name] += count
            users = np.concatenate([*seen, np.empty(0, np.int64)])
            if len(np.unique(users)) < len(users):
                message = "found a user twice, expected one row a user. Fetch the file again."
                raise UserError("IMPORT-VALUE", f"{data} array 'userId'", message)
            counts = {"label": "click", **log.counts(), **tally}
        files = [data.name, attributes.name, *([names.name] if names.is_file() else [])]
        return finish(
            made,
            out,
            ORIGIN,
            shown=log.items(),
            tables=SideTables(_read_items(attributes, names), pa.table({"user_id": log.users()})),
            counts={**counts, "files": files},
            changes=CHANGES,
            settings=SETTINGS,
        )


def _write_slates(
    log: LogWriter, path: Path, block: dict[str, NDArray[np.int64]]
) -> dict[str, int]:
    """Writes the slates of some users and counts what has no row of its own."""
    click, slate = block["click"], block["slate"]
    for name in ("click", "slate", "interaction_type"):
        if (block[name] < 0).any():
            row = int(np.argmax((block[name] < 0).reshape(len(click), -1).any(axis=1)))
            where = f"{path} array '{name}' user {block['userId'][row]}"
            raise UserError("IMPORT-VALUE", where, "found a negative number. Fetch the file again.")
    time_us = step_times((slate > 0).any(axis=2) | (click > 0))
    user, step, place = np.nonzero(slate >= FIRST_ITEM)
    items = slate[user, step, place]
    in_slate = (slate == click[:, :, None]).any(axis=2)
    alone = np.nonzero((click >= FIRST_ITEM) & ~in_slate)
    rows = (np.concatenate([user, alone[0]]), np.concatenate([step, alone[1]]))
    item = np.concatenate([items, click[alone]])
    columns = {
        "user_id": pa.array(block["userId"][rows[0]]),
        "item_id": pa.array(item),
        "timestamp": pa.array(time_us[rows]).cast(pa.timestamp("us", "UTC")),
        "clicked": pa.array(item == click[rows]),
        "interaction_type": pa.array(block["interaction_type"][rows]),
        "order_only": pa.array(np.ones(len(item), dtype=np.bool_)),
    }
    log.write(columns)
    return {
        "steps": int((time_us > 0).sum()),
        "clicks_not_in_slate": len(alone[0]),
        "clicks_on_unknown": int((click == UNKNOWN).sum()),
        "unknown": int((slate == UNKNOWN).sum()),
    }


def step_times(real: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Makes times for steps that have an order alone: one a day, the last one on the last day.

    Args:
        real: bool [users, steps], False where a step only pads.

    Returns:
        int64 [users, steps], microseconds since 1970, noon of the step's day; 0 where it pads. The
        last day is 28 January 2000 for every user.

    Example:
        >>> times = step_times(np.array([[True, True, False], [True, True, True]]))
        >>> ((END_US - times) / DAY_US).tolist()[1]
        [2.5, 1.5, 0.5]
        >>> ((END_US - times[0, :2]) / DAY_US).tolist(), int(times[0, 2])
        ([1.5, 0.5], 0)
    """
    left = real[:, ::-1].cumsum(axis=1)[:, ::-1]
    return np.where(real, END_US - left * DAY_US + DAY_US // 2, 0).astype(np.int64)


def _read_items(path: Path, names: Path) -> pa.Table:
    """Every item that has a category, which stands at the item's place."""
    blocks = [block["category"] for block in read_arrays(path, [("category", 1)], 1 << 20)]
    category = np.concatenate([*blocks, np.empty(0, np.int64)])[FIRST_ITEM:]
    items = pa.array(np.arange(FIRST_ITEM, FIRST_ITEM + len(category)))
    codes, place = np.unique(category, return_inverse=True)
    texts = _category_names(names)
    named = pa.array([texts.get(str(code), str(code)) for code in codes.tolist()], pa.string())
    return pa.table({"item_id": items, "category": named.take(pa.array(place))})


def _category_names(path: Path) -> dict[str, str]:
    """Names of the categories by number; none where there is no such file."""
    if not path.is_file():
        return {}
    try:
        texts = json.loads(path.read_text(encoding="utf-8"))["category"]
        if all(isinstance(text, str) for text in texts.values()):
            return dict(texts)
    except (ValueError, KeyError, TypeError, AttributeError, OSError):
        pass
    message = 'expected {"category": {"1": "a name", ...}}. Fetch it again, or take it away.'
    raise UserError("IMPORT-JSON", str(path), message)


CHANGES: Final = (
    "Each item of a slate is a row, clicked where it is the step's click. The places that stand "
    "for no click and those that pad are no rows; unknown items (2) are left out and counted.",
    "A click on an item that is not in its slate is an impression that was clicked.",
    "The steps have an order but no times, so all rows have `order_only` true. Their times are "
    "made: one step a day at noon, the last step of every user on 28 January 2000. Windows of "
    "days are therefore windows of steps.",
    "All items of a slate share its time; their order in the slate is not kept.",
    "`interaction_type` is 1 for search, 2 for recommendation, 0 where it is not known; preparing "
    "the log does not use it.",
    "`click_idx` and `slate_lengths` are not read: the slate and the click say the same.",
    "Users have no profile; an item has the category of its group and place, by name where "
    "`ind2val.json` is there.",
    "Rows that repeat another row are kept; preparing the log drops them.",
)
SETTINGS: Final[Settings] = {
    "data.unclicked": [
        (
            "A user has at most 20 steps, a made day apart: all of them are the window,",
            "window_days = 30",
        ),
        (
            "and one showing is enough, because slates hardly ever repeat an item.",
            "min_exposures = 1",
        ),
    ],
    "data.clicked": [
        (
            "Steps are a made day apart, so a visit cannot be told from the next:",
            "session_gap_minutes = 43200",
        ),
        ("all clicks of a user are one session, of one click or more.", "min_session_length = 1"),
        ("Earlier sessions do not exist; the whole log would count.", "long_window_days = 30"),
    ],
    "data.split": [
        (
            "Of the last four steps the first clicks are given and the others are to be found,",
            "test_days = 4",
        ),
        ("and the four steps before them choose the settings.", "validation_days = 4"),
    ],
}
