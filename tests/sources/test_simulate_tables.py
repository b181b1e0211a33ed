"""Tables and truth written in pieces are what they would be in one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from unclicked.sources import simulate_tables
from unclicked.sources.simulate_catalogue import draw_catalogue
from unclicked.sources.simulate_presets import preset_knobs
from unclicked.sources.simulate_tables import TruthFile, text_ids, write_items, write_users


def test_ids_sort_like_numbers() -> None:
    names = text_ids("i", np.array([2, 10, 123456]), 200_000).to_pylist()
    assert names == ["i000002", "i000010", "i123456"]


def test_pieces_make_the_whole_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    knobs = preset_knobs("planted", num_users=7, num_items=200)
    catalogue = draw_catalogue(np.random.default_rng(2), knobs)
    monkeypatch.setattr(simulate_tables, "ROWS_AT_ONCE", 3)
    write_items(tmp_path / "items.parquet", catalogue, knobs)
    write_users(tmp_path / "users.parquet", knobs, np.random.default_rng(4))
    items = pq.read_table(tmp_path / "items.parquet").to_pylist()
    assert items == [
        {
            "item_id": f"i{item:05d}",
            "leaf_category": f"leaf{leaf:02d}",
            "category": f"category{leaf % 6}",
            "brand": f"brand{brand:02d}",
            "shop": f"shop{brand:02d}-{shop}",
        }
        for item, (leaf, brand, shop) in enumerate(
            zip(catalogue.leaf, catalogue.brand, catalogue.shop, strict=True)
        )
    ]
    ages, regions = np.random.default_rng(4).integers(0, 8, (2, 7))
    assert pq.read_table(tmp_path / "users.parquet").to_pylist() == [
        {"user_id": f"u{user:05d}", "age_band": f"age{age}", "region": f"region{region}"}
        for user, (age, region) in enumerate(zip(ages, regions, strict=True))
    ]


def test_truth_in_blocks(tmp_path: Path) -> None:
    needs = np.arange(5 * 2 * 3).reshape(5, 2, 3)
    with TruthFile(tmp_path / "truth.json") as truth:
        truth.add_needs(needs[:2])
        truth.add_needs(needs[2:])
        truth.finish({"seed": 4})
    assert json.loads((tmp_path / "truth.json").read_text()) == {"needs": needs.tolist(), "seed": 4}
