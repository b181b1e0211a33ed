"""The preset `taobao` has the shape of the paper's Table 1, at any size."""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from unclicked.config import DataConfig
from unclicked.data.dataset import PreparedDataset
from unclicked.data.prepare import prepare
from unclicked.sources import simulate
from unclicked.sources.simulate_presets import preset_knobs

USERS = 300
LAST_DAY = 7
Row = dict[str, Any]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small log of the preset."""
    out = tmp_path_factory.mktemp("taobao") / "log"
    simulate(out, preset="taobao", num_users=USERS, num_items=3000, seed=5)
    return out


@pytest.fixture(scope="module")
def dataset(log: Path) -> PreparedDataset:
    """The log, prepared with the paper's rules."""
    config = DataConfig.model_validate({"unclicked": {"cut": "session_start"}})
    items, users = log / "items.parquet", log / "users.parquet"
    rows = [log / "impressions.parquet"]
    return prepare(rows, log.parent / "data", items=items, users=users, config=config)


def visits(log: Path) -> dict[tuple[str, int], list[Row]]:
    """Rows of each user and day, in order of time."""
    found: dict[tuple[str, int], list[Row]] = defaultdict(list)
    begin = datetime(2024, 1, 1, tzinfo=UTC)
    for row in pq.read_table(log / "impressions.parquet").to_pylist():
        found[row["user_id"], (row["timestamp"] - begin).days].append(row)
    return found


def test_lengths_of_table_one(dataset: PreparedDataset) -> None:
    rules = dataset.config
    assert (rules.unclicked.window_days, rules.unclicked.min_exposures) == (3, 2)
    assert (rules.unclicked.max_length, rules.clicked.max_long) == (100, 50)
    assert (rules.clicked.session_gap_minutes, rules.clicked.long_window_days) == (10, 7)
    lengths = dataset.card["mean_length"]
    assert lengths["short"] == pytest.approx(13.49, rel=0.1)
    assert lengths["long"] == pytest.approx(20.87, rel=0.1)
    assert lengths["unclicked_at_session_start"] == pytest.approx(71.32, rel=0.1)
    assert dataset.card["users"] == USERS
    assert dataset.card["samples"]["train"] / USERS == pytest.approx(2.9, rel=0.1)
    assert len(dataset.card["days"]) == 8
    fields = {name: len(field.vocabulary) for name, field in dataset.catalogue.fields.items()}
    assert fields == {"leaf_category": 30, "category": 5, "brand": 150, "shop": 300}


def test_skips_tell_the_category(dataset: PreparedDataset) -> None:
    signal = dataset.card["skip_signal"]
    assert signal["field"] == "leaf_category"
    assert signal["sign"] == "attracts"
    assert signal["ci95"][0] > 0.2
    assert abs(signal["control_nats"]) < 0.05


def test_every_day_is_two_looks_at_one_feed_and_one_visit_to_the_shop(log: Path) -> None:
    days = visits(log)
    assert {user for user, _ in days} == {f"u{number:05d}" for number in range(USERS)}
    again = 0
    for rows in days.values():
        assert len(rows) == 2 * 44 + 5 * 7
        assert all(8 <= row["timestamp"].hour < 15 for row in rows[:88])
        assert all(row["timestamp"].hour >= 17 for row in rows[88:])
        first, second = rows[:44], rows[44:88]
        left = [a["item_id"] for a in first if not a["clicked"]]
        again += sum(a["item_id"] == b["item_id"] for a, b in zip(first, second, strict=True))
        # An interest of more than 12 places begins again.
        assert max(Counter(left).values()) <= 4
    # Only what was clicked gives way to another item.
    assert again / (44 * len(days)) > 0.98


def test_who_comes_when(log: Path) -> None:
    days = visits(log)
    came = np.array([[(f"u{u:05d}", day) in days for day in range(8)] for u in range(USERS)])
    assert came[:, :LAST_DAY].mean() == pytest.approx(0.468, abs=0.04)
    never = ~came[:, :LAST_DAY].any(axis=1)
    assert 0 < never.sum() < 0.1 * USERS
    assert came[never, LAST_DAY].all()
    assert came[~never, LAST_DAY].mean() == pytest.approx(0.5, abs=0.09)


def test_same_seed_same_log(log: Path, tmp_path: Path) -> None:
    simulate(tmp_path / "again", preset="taobao", num_users=USERS, num_items=3000, seed=5)
    for name in ("impressions.parquet", "items.parquet", "users.parquet", "truth.json"):
        assert (tmp_path / "again" / name).read_bytes() == (log / name).read_bytes()


def test_blocks_do_not_depend_on_those_after_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The package has a function of the module's name.
    monkeypatch.setattr(sys.modules["unclicked.sources.simulate"], "BLOCK_USERS", 20)
    logs, needs = [], []
    for users in (20, 50):
        out = tmp_path / str(users)
        simulate(out, preset="taobao", num_users=users, num_items=500, seed=1)
        logs.append(pq.read_table(out / "impressions.parquet"))
        needs.append(json.loads((out / "truth.json").read_text())["needs"])
    assert logs[1].slice(0, len(logs[0])).equals(logs[0])
    assert len(logs[1]) > 2 * len(logs[0])
    assert needs[1][:20] == needs[0]
    assert len(needs[1]) == 50


def test_truth_holds_the_sizes(log: Path) -> None:
    truth = json.loads((log / "truth.json").read_text())
    knobs = preset_knobs("taobao", num_users=USERS, num_items=3000)
    assert all(truth["knobs"][name] == getattr(knobs, name) for name in truth["knobs"])
    assert np.array(truth["needs"]).shape == (USERS, 8, 4)
    rows = pq.read_metadata(log / "impressions.parquet").num_rows
    assert truth["realised"]["rows"] == rows
