"""A small world for tests of the model: items with fields, users with profiles, real samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from tests.data import rules_twin as twin
from tests.data.test_rules import compiled_rules, random_user, timelines
from unclicked.config import ModelConfig
from unclicked.data.batching import BatchBuilder
from unclicked.data.catalogue import Catalogue, build_catalogue
from unclicked.data.rules import Samples, Timelines, train_samples
from unclicked.data.side_fields import SideField
from unclicked.data.side_tables import SideTable
from unclicked.model import UnclickedRecommender

NUM_ITEMS = 12
RULES = twin.TwinRules(
    gap=3 * twin.MINUTE, max_short=6, max_unclicked=5, window=twin.DAY, min_exposures=1
)


@dataclass
class World:
    """Everything a batch and a model are built from."""

    users: list[tuple[list[Any], list[Any]]]
    lines: Timelines
    catalogue: Catalogue
    samples: Samples
    profiles: np.ndarray
    profile_sizes: dict[str, int]

    def builder(self, **changes: Any) -> BatchBuilder:
        options: dict[str, Any] = {
            "samples": self.samples,
            "click_item": self.lines.click_item,
            "catalogue": self.catalogue,
            "profiles": self.profiles,
            "max_long": 4,
            "num_labels": 3,
            "cut": "now",
            "rows": "all",
        }
        return BatchBuilder(**(options | changes))

    def model(self, *, exposure_weights: bool = False, **settings: Any) -> UnclickedRecommender:
        given = {"dim": 16, "encoder_options": {"dropout": 0.0}} | settings
        torch.manual_seed(3)
        model = UnclickedRecommender(
            ModelConfig.model_validate(given),
            self.catalogue,
            self.profile_sizes,
            len(self.users),
            exposure_weights=exposure_weights,
        )
        return model.double()


def side_table(ids: list[Any], fields: dict[str, list[list[str]]]) -> SideTable:
    """A side table as the reader gives it, from plain lists."""
    return SideTable(
        pa.array(ids),
        {
            name: SideField(
                np.cumsum([0] + [len(one) for one in rows]).astype(np.int64),
                pa.array([value for one in rows for value in one], pa.string()),
            )
            for name, rows in fields.items()
        },
        0,
    )


def item_table() -> SideTable:
    """Twelve items: a brand each (one has none), and none to three tags."""
    ids = [f"i{number:02d}" for number in range(NUM_ITEMS)]
    brands = [["abc"[number % 3]] for number in range(NUM_ITEMS)]
    brands[7] = []
    tags = [[f"t{k}" for k in range(number % 4)] for number in range(NUM_ITEMS)]
    return side_table(ids, {"brand": brands, "tag": tags})


def world(seed: int = 0, num_users: int = 12) -> World:
    """A world that a seed fixes."""
    rng = np.random.default_rng(seed)
    users = [random_user(rng, NUM_ITEMS) for _ in range(num_users)]
    lines = timelines(users, NUM_ITEMS)
    clicks = np.bincount(lines.click_item, minlength=NUM_ITEMS + 1)[1:]
    table = item_table()
    # Items already carry their numbers in the timelines, so clicks only have to descend here.
    catalogue = build_catalogue(table.ids, np.sort(clicks)[::-1].astype(np.int64), table)
    profiles = rng.integers(0, 4, size=(num_users, 2)).astype(np.int32)
    return World(
        users,
        lines,
        catalogue,
        train_samples(lines, compiled_rules(RULES), end_us=10**18),
        profiles,
        {"age": 3, "sex": 2},
    )
