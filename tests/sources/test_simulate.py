"""The simulated log holds what its truth says, and nothing that it should not."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unclicked.errors import ResourceError, UserError
from unclicked.sources import knob_meanings, simulate
from unclicked.sources.simulate_catalogue import draw_catalogue
from unclicked.sources.simulate_knobs import SimulationKnobs
from unclicked.sources.simulate_presets import preset_knobs
from unclicked.sources.simulate_users import UserBlock

MIDNIGHT = datetime(2024, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
Row = dict[str, Any]


def rows_of(folder: Path, name: str) -> list[Row]:
    """A table of the log as plain rows."""
    rows: list[Row] = pq.read_table(folder / f"{name}.parquet").to_pylist()
    return rows


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One small log of each preset."""
    base = tmp_path_factory.mktemp("logs")
    for preset in ("planted", "rejected", "noise"):
        simulate(base / preset, preset=preset, num_users=60, seed=3)
    simulate(base / "tiny", preset="tiny")
    return base


@pytest.mark.parametrize("preset", ["planted", "rejected", "noise", "tiny"])
def test_tables_fit_together(logs: Path, preset: str) -> None:
    folder = logs / preset
    schema = pq.read_schema(folder / "impressions.parquet")
    assert schema.names == ["user_id", "item_id", "timestamp", "clicked"]
    assert schema.field("timestamp").type == pa.timestamp("us", "UTC")
    rows = rows_of(folder, "impressions")
    items = {row["item_id"]: row for row in rows_of(folder, "items")}
    users = {row["user_id"] for row in rows_of(folder, "users")}
    knobs = json.loads((folder / "truth.json").read_text())["knobs"]
    assert len(items) == knobs["num_items"]
    assert len(users) == knobs["num_users"]
    assert {row["user_id"] for row in rows} == users
    assert {row["item_id"] for row in rows} <= set(items)
    assert all(MIDNIGHT <= row["timestamp"] < MIDNIGHT + 8 * DAY for row in rows)
    times = [row["timestamp"] for row in rows]
    assert times == sorted(times)
    keys = {(row["user_id"], row["timestamp"]) for row in rows}
    assert len(keys) == len(rows)
    leaves = {row["leaf_category"]: row["category"] for row in items.values()}
    assert len(leaves) == knobs["num_leaves"]
    for leaf, category in leaves.items():
        assert category == f"category{int(leaf.removeprefix('leaf')) % 6}"
    assert all(row["shop"][4:6] == row["brand"][5:7] for row in items.values())


@pytest.mark.parametrize("preset", ["planted", "rejected", "noise", "tiny"])
def test_truth_counts_what_is_there(logs: Path, preset: str) -> None:
    truth = json.loads((logs / preset / "truth.json").read_text())
    leaf = {row["item_id"]: row["leaf_category"] for row in rows_of(logs / preset, "items")}
    shown: dict[bool, list[bool]] = {True: [], False: []}
    for row in rows_of(logs / preset, "impressions"):
        day = (row["timestamp"] - MIDNIGHT) // DAY
        needs = truth["needs"][int(row["user_id"][1:])][day]
        shown[row["clicked"]].append(leaf[row["item_id"]] in {f"leaf{need:02d}" for need in needs})
    realised = truth["realised"]
    assert realised["rows"] == len(shown[True]) + len(shown[False])
    assert realised["clicks"] == len(shown[True])
    assert realised["clicked_on_need"] == pytest.approx(np.mean(shown[True]))
    assert realised["unclicked_on_need"] == pytest.approx(np.mean(shown[False]))


def test_same_seed_same_log(logs: Path, tmp_path: Path) -> None:
    simulate(tmp_path / "again", preset="tiny")
    simulate(tmp_path / "other", preset="tiny", seed=1)
    first = pq.read_table(logs / "tiny" / "impressions.parquet")
    assert first.equals(pq.read_table(tmp_path / "again" / "impressions.parquet"))
    assert not first.equals(pq.read_table(tmp_path / "other" / "impressions.parquet"))
    truths = [(base / "truth.json").read_text() for base in (logs / "tiny", tmp_path / "again")]
    assert truths[0] == truths[1]


def test_noise_keeps_clicks_and_hides_skips(logs: Path) -> None:
    planted, noise = (rows_of(logs / name, "impressions") for name in ("planted", "noise"))
    assert len(planted) == len(noise)
    pairs = list(zip(planted, noise, strict=True))
    assert all(a == b for a, b in pairs if a["clicked"])
    assert all(a["timestamp"] == b["timestamp"] for a, b in pairs)
    same = np.mean([a["item_id"] == b["item_id"] for a, b in pairs if not a["clicked"]])
    assert same < 0.01
    realised = [
        json.loads((logs / name / "truth.json").read_text())["realised"]
        for name in ("planted", "noise")
    ]
    # 4 of 30 leaves are needed: that is what random items hit.
    assert realised[1]["unclicked_on_need"] == pytest.approx(4 / 30, abs=0.02)
    assert realised[0]["unclicked_on_need"] > 0.6
    assert realised[1]["replaced_rows"] == realised[1]["rows"] - realised[1]["clicks"]


def skipped_need_share(folder: Path) -> float:
    """Share of the items skipped before the last day's shopping whose leaf is needed then."""
    truth = json.loads((folder / "truth.json").read_text())
    leaf = {row["item_id"]: int(row["leaf_category"][4:]) for row in rows_of(folder, "items")}
    cut = MIDNIGHT + 7 * DAY + timedelta(hours=17)
    shown: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for row in rows_of(folder, "impressions"):
        if cut - 3 * DAY <= row["timestamp"] < cut:
            shown[row["user_id"], row["item_id"]].append(row["clicked"])
    hits = [
        leaf[item] in truth["needs"][int(user[1:])][7]
        for (user, item), clicks in shown.items()
        if len(clicks) >= 2 and not any(clicks)
    ]
    assert len(hits) > 20 * 60
    return float(np.mean(hits))


def test_skips_attract_or_repel_or_say_nothing(logs: Path) -> None:
    # Chance levels: 4 needs of 30 leaves, 9 of 30 in the preset `rejected`.
    assert skipped_need_share(logs / "planted") > 2 * 4 / 30
    assert skipped_need_share(logs / "rejected") < 0.5 * 9 / 30
    assert skipped_need_share(logs / "noise") == pytest.approx(4 / 30, abs=0.03)


def test_clicks_follow_their_chances(logs: Path) -> None:
    rows = rows_of(logs / "planted", "impressions")
    feed = [row["clicked"] for row in rows if row["timestamp"].hour < 15]
    assert len(feed) == 60 * 8 * 2 * 40
    assert np.mean(feed) == pytest.approx(0.01, abs=0.002)
    last = MIDNIGHT + 7 * DAY + timedelta(hours=17)
    shoppers = {row["user_id"] for row in rows if row["timestamp"] >= last}
    assert len(shoppers) == 60


def test_other_folders_stay_untouched(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("mine")
    with pytest.raises(UserError, match="OUT-EXISTS.*not empty"):
        simulate(tmp_path, preset="tiny")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    (tmp_path / "empty").mkdir()
    simulate(tmp_path / "empty", preset="tiny", num_users=1)
    assert (tmp_path / "empty" / "truth.json").is_file()


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", fail)
    with pytest.raises(ResourceError, match="No space left"):
        simulate(tmp_path / "out", preset="tiny", num_users=2)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"preset": "plantd"}, "expected one of planted, rejected, lagging, taobao, noise, tiny"),
        ({"etta": 0.5}, "Did you mean 'eta'"),
        ({"eta": 1.01}, "between 0 and 1"),
        ({"eta": float("nan")}, "between 0 and 1"),
        ({"gap_seconds": float("inf")}, "finite"),
        ({"num_users": 0}, "at least 1"),
        (
            {"num_items": 29},
            "num_leaves: found 30 with num_items = 29, expected .* --items 30 is enough",
        ),
        ({"num_days": 2.5}, "type int"),
        ({"feed": "all"}, "'needs' or 'abandoned'"),
        ({"shop_other_pages": 11}, "interests_per_user"),
        ({"feed_days": "some"}, "'every' or 'shopping'"),
        ({"leaf_sigma": 3.5}, "at most 3"),
        ({"shop_spread": 0.41}, "at most 0.4, so that"),
        ({"brand_groups": 13}, "brand_groups: found 13 with num_brands = 12"),
        ({"brand_groups": 6}, "accepted_brands: found 7, expected at most the 6"),
        ({"seed": -1}, "at least 0"),
    ],
)
def test_wrong_knobs_are_named(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        simulate(tmp_path / "out", **options)
    assert list(tmp_path.iterdir()) == []


def test_every_knob_says_its_unit() -> None:
    meanings = knob_meanings()
    assert set(meanings) == set(SimulationKnobs.__dataclass_fields__)
    assert all(text.endswith(").") and "(" in text for text in meanings.values())


@pytest.mark.parametrize("preset", ["planted", "rejected"])
def test_needs_and_feed(preset: str) -> None:
    knobs = preset_knobs(preset, num_users=200)
    rng = np.random.default_rng(5)
    block = UserBlock(rng, draw_catalogue(rng, knobs), knobs, 200)
    for day in range(4):
        before = block.is_need.copy()
        block.advance(day)
        assert (block.is_need.sum(axis=1) == knobs.needs_per_user).all()
        ended = before & ~block.is_need
        assert (block.abandoned_day[ended] == day).all()
        assert not (block.abandoned(day) & block.is_need).any()
        assert block.abandoned(day)[ended].all()
        chances = block.feed_chances(day)
        np.testing.assert_allclose(chances.sum(axis=1), 1.0)
        aimed = block.is_need if knobs.feed == "needs" else block.abandoned(day)
        share = (chances * aimed).sum(axis=1) / np.where(aimed.any(axis=1), 1, np.inf)
        floor = knobs.eta * aimed.any(axis=1)
        assert (share >= floor - 1e-12).all()
    assert (
        np.sort(block.interests, axis=1)[:, 1:] > np.sort(block.interests, axis=1)[:, :-1]
    ).all()
