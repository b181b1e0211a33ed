"""An impression log of any size, drawn quickly: visits, showings again and clicks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

Ints = NDArray[np.int64]

FIRST_US = 1_711_929_600_000_000
HALF_DAY_US = 43_200_000_000


@dataclass(frozen=True)
class LogSize:
    """How large a log is drawn.

    Attributes:
        impressions: Rows, about.
        users: Users, each of whom is there.
        items: Items at most.
        files: Parquet files, of half a day each.
        pool: Items that one user is ever shown; the fewer, the more often each comes again.
        click_share: Share of the rows that are clicks.
    """

    impressions: int = 50_000_000
    users: int = 358_978
    items: int = 200_000
    files: int = 16
    pool: int = 60
    click_share: float = 0.12


SMALL = LogSize(impressions=40_000, users=300, items=500, files=16)


def write_log(size: LogSize, folder: Path) -> int:
    """Draw a log; the same size gives the same rows.

    Args:
        size: How large.
        folder: An existing folder.

    Returns:
        Rows written.
    """
    rng = np.random.default_rng(0)
    everybody = rng.permutation(size.users)
    a_file, total = size.impressions / size.files, 0
    for number in range(size.files):
        there = everybody[number :: size.files]
        count = max(round(a_file / 14.0) - len(there), 0)
        # Squared, so that some users come far more often than others.
        drawn = (rng.random(count) ** 2 * size.users).astype(np.int64)
        user = np.concatenate([there, drawn])
        rows = _half_day(rng, user, FIRST_US + number * HALF_DAY_US, size)
        pq.write_table(pa.table(rows), folder / f"part-{number:02}.parquet")
        total += len(rows["user_id"])
    return total


def _half_day(
    rng: np.random.Generator, user: Ints, begin_us: int, size: LogSize
) -> dict[str, NDArray[np.generic]]:
    """Visits of some users as rows in order of time."""
    shown = rng.integers(4, 25, len(user))
    begin = rng.integers(0, HALF_DAY_US - 3_600_000_000, len(user))
    visit = np.repeat(np.arange(len(user)), shown)
    within = np.arange(len(visit)) - np.repeat(np.cumsum(shown) - shown, shown)
    time = begin[visit] + within * 20_000_000 + rng.integers(0, 20_000_000, len(visit))
    order = np.argsort(time)
    person = user[visit[order]]
    # A place in the user's own pool, the first ones most often; then an item by a power law.
    place = (rng.random(len(order)) ** 2 * size.pool).astype(np.int64)
    item = np.floor(_mixed(person * size.pool + place) ** 3 * size.items).astype(np.int64)
    return {
        "user_id": person,
        "item_id": item,
        "timestamp": np.asarray(begin_us + time[order]).astype("datetime64[us]"),
        "clicked": rng.random(len(order)) < size.click_share,
    }


def _mixed(values: Ints) -> NDArray[np.float64]:
    """A number in [0, 1) for each value, the same one at every call."""
    bits = values.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    return np.asarray((bits ^ (bits >> np.uint64(32))) >> np.uint64(11)) / 2.0**53
