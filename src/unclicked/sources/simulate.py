"""A simulated impression log in which it is known what the unclicked items say."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from unclicked.errors import UserError
from unclicked.sources.publish import new_folder
from unclicked.sources.simulate_catalogue import BoolArray, Catalogue, IntArray, draw_catalogue
from unclicked.sources.simulate_knobs import SimulationKnobs
from unclicked.sources.simulate_presets import preset_knobs
from unclicked.sources.simulate_tables import TruthFile, text_ids, write_items, write_users
from unclicked.sources.simulate_users import UserBlock
from unclicked.sources.simulate_visits import DAY_US, Showings, simulate_day

FIRST_DAY: Final = datetime(2024, 1, 1, tzinfo=UTC)
FIRST_DAY_US: Final = int(FIRST_DAY.timestamp()) * 1_000_000
BLOCK_USERS: Final = 4096
SCHEMA: Final = pa.schema(
    {
        "user_id": pa.string(),
        "item_id": pa.string(),
        "timestamp": pa.timestamp("us", "UTC"),
        "clicked": pa.bool_(),
    }
)
# Streams of random numbers, so that changing one part leaves the others as they were.
_CATALOGUE, _USERS, _REPLACED, _PROFILES = range(4)


@dataclass
class Tally:
    """What the log turned out to hold, counted while it is written."""

    rows: int = 0
    clicks: int = 0
    clicks_on_need: int = 0
    unclicked_on_need: int = 0
    replaced: int = 0

    def add(self, clicked: BoolArray, on_need: BoolArray, replaced: int) -> None:
        """Counts the rows of one block of users."""
        self.rows += clicked.size
        self.clicks += int(np.count_nonzero(clicked))
        self.clicks_on_need += int(np.count_nonzero(clicked & on_need))
        self.unclicked_on_need += int(np.count_nonzero(~clicked & on_need))
        self.replaced += replaced

    def shares(self) -> dict[str, int | float]:
        """Rows, click rate and the share of leaves that were needed when they were shown."""
        unclicked = self.rows - self.clicks
        return {
            "rows": self.rows,
            "clicks": self.clicks,
            "click_rate": self.clicks / self.rows,
            "replaced_rows": self.replaced,
            "clicked_on_need": self.clicks_on_need / max(1, self.clicks),
            "unclicked_on_need": self.unclicked_on_need / max(1, unclicked),
        }


def simulate(
    out: Path,
    *,
    preset: str = "planted",
    num_users: int | None = None,
    num_items: int | None = None,
    seed: int = 0,
    **knobs: int | float | str,
) -> dict[str, Any]:
    """Writes a simulated log with its item and user tables and what was planted in it.

    Args:
        out: Folder to be made, with `impressions.parquet` (sorted by time within each block of
            4,096 users), `items.parquet`, `users.parquet` and `truth.json`; refused when it holds
            something.
        preset: `planted` (a skip attracts its category), `rejected` (a skip repels it), `lagging`
            (the same, where clicks alone can be learned from too), `noise` (the clicks of
            `planted`, skips without information), `tiny` (`planted`, small) or `taobao` (as
            `planted`, with the list lengths of the paper's Table 1; leaves, brands and shops grow
            with the items).
        num_users: Users; None takes the preset's.
        num_items: Items; None takes the preset's. Memory grows with the catalogue (about 100 bytes
            an item) and barely with the users.
        seed: Seed of everything, at least 0.
        **knobs: Other fields of `SimulationKnobs`.

    Returns:
        What `truth.json` holds, without the long list of needs: `preset`, `seed`, `knobs`,
        `first_day` and `realised` (rows, clicks, click_rate, replaced_rows, and the shares of
        clicked and of unclicked rows whose leaf was a need of that day).

    Raises:
        UserError: A knob or the preset is unknown or out of range, or `out` is not empty.
        ResourceError: `out` cannot be written.
    """
    changes = {"num_users": num_users, "num_items": num_items, **knobs}
    chosen = preset_knobs(preset, **changes)
    if seed < 0:
        message = f"found {seed}, expected at least 0. Choose another seed."
        raise UserError("SIMULATE-SEED", "seed", message)
    catalogue = draw_catalogue(np.random.default_rng([seed, _CATALOGUE]), chosen)
    tally = Tally()
    with new_folder(Path(out)) as folder, TruthFile(folder / "truth.json") as truth_file:
        with pq.ParquetWriter(folder / "impressions.parquet", SCHEMA) as writer:
            for table, needs in _blocks(catalogue, chosen, seed, tally):
                writer.write_table(table)
                truth_file.add_needs(needs)
        write_items(folder / "items.parquet", catalogue, chosen)
        profiles = np.random.default_rng([seed, _PROFILES])
        write_users(folder / "users.parquet", chosen, profiles)
        truth = {
            "preset": preset,
            "seed": seed,
            "knobs": dataclasses.asdict(chosen),
            "first_day": FIRST_DAY.date().isoformat(),
            "realised": tally.shares(),
        }
        truth_file.finish(truth)
    return truth


def _blocks(
    catalogue: Catalogue, knobs: SimulationKnobs, seed: int, tally: Tally
) -> Iterator[tuple[pa.Table, IntArray]]:
    """Each block's impressions, sorted by time, and its needs [users, days, needs]."""
    # Numbers become text once; a row then takes the text of its number.
    item_ids = text_ids("i", np.arange(knobs.num_items), knobs.num_items)
    for number, first in enumerate(range(0, knobs.num_users, BLOCK_USERS)):
        count = min(BLOCK_USERS, knobs.num_users - first)
        block = UserBlock(np.random.default_rng([seed, _USERS, number]), catalogue, knobs, count)
        visits: list[Showings] = []
        days: list[IntArray] = []
        for day in range(knobs.num_days):
            visits += simulate_day(block, day)
            days.append(_need_leaves(block))
        needs = np.stack(days, axis=1)
        user = np.concatenate([visit.user for visit in visits])
        time_us = np.concatenate([visit.time_us for visit in visits])
        item = np.concatenate([visit.item for visit in visits])
        clicked = np.concatenate([visit.clicked for visit in visits])
        replaced = _replace(np.random.default_rng([seed, _REPLACED, number]), item, clicked, knobs)
        day_of = np.minimum(time_us // DAY_US, knobs.num_days - 1)
        on_need = (needs[user, day_of] == catalogue.leaf[item][:, None]).any(axis=1)
        tally.add(clicked, on_need, replaced)
        order = np.lexsort((user, time_us))
        user_ids = text_ids("u", np.arange(first, first + count), knobs.num_users)
        ids, items = user_ids.take(pa.array(user[order])), item_ids.take(pa.array(item[order]))
        times = pa.array(FIRST_DAY_US + time_us[order]).cast(SCHEMA.field("timestamp").type)
        yield pa.table([ids, items, times, pa.array(clicked[order])], schema=SCHEMA), needs


def _need_leaves(block: UserBlock) -> IntArray:
    """Leaves that are needed now, ascending [users, needs]."""
    leaves = block.interests[block.is_need].reshape(block.num_users, -1)
    return np.sort(leaves, axis=1)


def _replace(
    rng: np.random.Generator, item: IntArray, clicked: BoolArray, knobs: SimulationKnobs
) -> int:
    """Puts random items in place of a share of the unclicked ones and counts them."""
    chosen = ~clicked & (rng.random(item.size) < knobs.replaced_share)
    count = int(np.count_nonzero(chosen))
    item[chosen] = rng.integers(0, knobs.num_items, count)
    return count
