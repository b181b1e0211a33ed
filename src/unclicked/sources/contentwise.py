"""ContentWise Impressions, the log of a service for films and series, as published.

What is read: the folders (or single files of the same name) `interactions` and
`impressions-direct-link` of CW10M, as CSV, plain or .gz, or as Parquet. Of the interactions:
utc_ts_milliseconds, user_id, series_id, series_length, item_type, recommendation_id and
interaction_type; of the lists: recommendation_id, recommendation_list_length and
recommended_series_list, in CSV written as `[1 2 3]` or `[1, 2, 3]`. Lists are of series, so an
item of the log is a series. `impressions-non-direct-link` has no times and is not read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from unclicked.sources.contentwise_files import Interactions, Lists, read_interactions, read_lists
from unclicked.sources.imported import Origin, Settings, SideTables, check_call, finish
from unclicked.sources.imported_log import LogWriter
from unclicked.sources.publish import new_folder

Ints = NDArray[np.int64]

ORIGIN: Final = Origin(
    "ContentWise Impressions",
    "CC BY-NC-SA 4.0",
    "ContentWise Impressions (Pérez Maurera et al., CIKM 2020, "
    "github.com/ContentWise/contentwise-impressions), licence CC BY-NC-SA 4.0: name the authors, "
    "say what was changed, no commercial use, share adaptations alike.",
    "Fernando B. Pérez Maurera et al.: ContentWise Impressions: An Industrial Dataset with "
    "Impressions Included. CIKM 2020.",
)
LABELS: Final = {"any": (0, 1, 2, 3), "view": (0,), "details": (1,), "purchase": (3,)}
ITEM_TYPES: Final = ("film", "film or clip of a series", "television film or show", "episode")


def import_contentwise(source: Path, out: Path, *, label: str | None = None) -> dict[str, Any]:
    """Turns ContentWise Impressions into `impressions`, `items` and `users.parquet`.

    Beside them it writes `SOURCE.md`, `source.json` and `config.toml`. Items are series.

    Args:
        source: Folder that holds `interactions` and `impressions-direct-link`, at most three
            folders down.
        out: Folder to be made; refused when it holds something.
        label: Interaction that counts as a click: `any`, `view`, `details` or `purchase`; None
            takes `any`.

    Returns:
        What `source.json` holds, and `next`, the command that comes next.

    Raises:
        UserError: A file or column is missing or broken, or the label is unknown.
        ResourceError: The output cannot be written.
    """
    chosen = check_call(source, label, tuple(LABELS))
    events, event_files = read_interactions(source)
    lists, list_files = read_lists(source)
    with new_folder(out) as made:
        with LogWriter(made / "impressions.parquet", pa.int64(), {"clicked_at": MS}) as log:
            tally = _write_log(log, events, lists, LABELS[chosen])
            counts = {"label": chosen, **log.counts(), **tally}
        items = _read_items(events, np.asarray(log.items()))
        return finish(
            made,
            out,
            ORIGIN,
            shown=log.items(),
            tables=SideTables(items, pa.table({"user_id": log.users()})),
            counts={**counts, "files": [*event_files, *list_files]},
            changes=CHANGES,
            settings=SETTINGS,
        )


MS: Final = pa.timestamp("ms", "UTC")


def _write_log(
    log: LogWriter, events: Interactions, lists: Lists, types: tuple[int, ...]
) -> dict[str, int]:
    """Writes the lists that were acted on, then the interactions that stand alone."""
    wanted = np.isin(events.kind, types)
    place = lists.find(events.recommendation)
    linked = np.flatnonzero(place >= 0)
    # A list belongs to a user and a recommendation and was on the screen at the first interaction.
    pair = np.full(len(place), -1, dtype=np.int64)
    shown = np.empty(0, dtype=np.int64)
    if len(linked):
        both = events.user[linked] * len(lists.recommendation) + place[linked]
        _, first, pair[linked] = np.unique(both, return_index=True, return_inverse=True)
        shown = linked[first]
    key, owner = _list_keys(lists, place[shown])
    clicked_ms, alone = _click_times(events, pair, wanted, key, lists.span)
    clicked = clicked_ms >= 0
    times = {"timestamp": events.time_ms[shown[owner]], "clicked_at": clicked_ms}
    columns = {
        name: pa.array(values, mask=~clicked if name == "clicked_at" else None).cast(MS)
        for name, values in times.items()
    }
    columns |= {
        "user_id": pa.array(events.user[shown[owner]]),
        "item_id": pa.array(key % lists.span),
        "clicked": pa.array(clicked),
    }
    log.write(columns)
    own = {
        "user_id": pa.array(events.user[alone]),
        "item_id": pa.array(events.series[alone]),
        "timestamp": pa.array(events.time_ms[alone]).cast(MS),
        "clicked_at": pa.nulls(len(alone), MS),
        "clicked": pa.array(np.ones(len(alone), dtype=np.bool_)),
    }
    log.write(own)
    return {
        "interactions": len(events.user),
        "lists": len(shown),
        "clicks_in_lists": int(clicked.sum()),
        "clicks_alone": len(alone),
    }


def _list_keys(lists: Lists, place: Ints) -> tuple[Ints, Ints]:
    """The series of each list as numbers `owner * span + series`, sorted, and their owners."""
    length = lists.offsets[place + 1] - lists.offsets[place]
    owner = np.repeat(np.arange(len(place), dtype=np.int64), length)
    start = lists.offsets[place] - (np.cumsum(length) - length)
    series = lists.series[np.arange(length.sum()) + np.repeat(start, length)]
    key = np.unique(owner * lists.span + series)
    return key, key // lists.span


def _click_times(
    events: Interactions, pair: Ints, wanted: NDArray[np.bool_], key: Ints, span: int
) -> tuple[Ints, Ints]:
    """First click of each row of a list, milliseconds or -1; and the interactions left over."""
    clicked_ms = np.full(len(key), -1, dtype=np.int64)
    rows = np.flatnonzero(wanted)
    mine = pair[rows] * span + events.series[rows]
    at = np.searchsorted(key, mine)
    inside = (pair[rows] >= 0) & (events.series[rows] < span) & (at < len(key))
    inside[inside] = key[at[inside]] == mine[inside]
    # Interactions are in order of time, so the first one of a row is the earliest.
    hits, first = np.unique(at[inside], return_index=True)
    taken = rows[inside][first]
    clicked_ms[hits] = events.time_ms[taken]
    left = np.ones(len(events.user), dtype=np.bool_)
    left[taken] = False
    return clicked_ms, np.flatnonzero(left & wanted)


def _read_items(events: Interactions, shown: Ints) -> pa.Table:
    """Types and number of episodes of every series; one that nobody acted on has none."""
    pairs = np.unique(events.series * len(ITEM_TYPES) + events.item_type)
    series, types = pairs // len(ITEM_TYPES), pairs % len(ITEM_TYPES)
    items = np.union1d(shown, series)
    offsets = np.append(np.searchsorted(series, items), len(series))
    names = pa.array(ITEM_TYPES).take(pa.array(types))
    longest = np.full(len(items), -1, dtype=np.int64)
    np.maximum.at(longest, np.searchsorted(items, events.series), events.series_length)
    columns = {
        "item_id": pa.array(items),
        "item_type": pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), names),
        "num_episodes": pa.array(
            [episodes_bin(number) for number in longest.tolist()], pa.string()
        ),
    }
    return pa.table(columns)


def episodes_bin(number: int) -> str | None:
    """Names the bin of a number of episodes; bins double in size, so no other series moves them.

    Args:
        number: Episodes of a series; below 1 where it is not known.

    Returns:
        Such as `4-7`, the first and the last number of the bin; None for no number.

    Example:
        >>> episodes_bin(1), episodes_bin(5), episodes_bin(8), episodes_bin(0)
        ('1', '4-7', '8-15', None)
    """
    if number < 1:
        return None
    low = 1 << (number.bit_length() - 1)
    return "1" if low == 1 else f"{low}-{2 * low - 1}"


CHANGES: Final = (
    "Lists are of series, so `item_id` is `series_id`; all films and episodes of a series are one "
    "item.",
    "Each series of a list is a row at the time of the first interaction that names the list, "
    "because the time of showing itself is not in the log. It is clicked where an interaction of "
    "the chosen kind names both; `clicked_at` is the first such interaction.",
    "All other interactions of the chosen kind are impressions of their own that were clicked: "
    "those without a list, those on a series that is not in the list, and further ones on the "
    "same series of the same list.",
    "With `any`, a click is a view, a look at the details, a rating or a purchase; other labels "
    "name one of them.",
    "Lists without a link to an interaction (`impressions-non-direct-link`) have no times and are "
    "left out: no times were made up. Lists on which nobody acted are therefore not in the log.",
    "Items have the types of their films and episodes and the number of episodes in bins that "
    "double; users have no profile. Ratings and the share that was watched are not read.",
    "Rows that repeat another row are kept; preparing the log drops them.",
)
SETTINGS: Final[Settings] = {
    "data.unclicked": [
        (
            "Lists are known only where somebody acted on one, so one showing is enough,",
            "min_exposures = 1",
        ),
        ("and two weeks of them are the window.", "window_days = 14"),
    ],
    "data.clicked": [
        (
            "Films take hours: a visit ends after an hour without an interaction.",
            "session_gap_minutes = 60",
        ),
        (
            "Many visits hold one click; with 2, few would be left to train on.",
            "min_session_length = 1",
        ),
        ("Series are followed for weeks.", "long_window_days = 30"),
    ],
    "data.split": [
        ("The log is four months long: its last week is the test,", "test_days = 7"),
        ("and the week before it chooses the settings.", "validation_days = 7"),
    ],
}
