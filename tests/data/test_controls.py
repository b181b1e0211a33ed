"""Controls change the unclicked lists and nothing else."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.test_rules import compiled_rules, row
from tests.model_twin import NUM_ITEMS, RULES, world
from unclicked.data import controls
from unclicked.data.controls import another_users_sample, needed_exposures, with_source
from unclicked.data.dataset import PreparedDataset
from unclicked.data.rules import Samples, held_out_samples
from unclicked.data.stored_log import LOG_FILE, LogFile, load_log
from unclicked.errors import ArtefactError, UserError

LISTS = {"row_start", "row_now", "row_items"}
EXPOSURES = np.arange(NUM_ITEMS, dtype=np.int64) ** 2


def changed(before: Samples, after: Samples) -> set[str]:
    names = [field.name for field in fields(Samples) if field.name != "counts"]
    return {
        name for name in names if not np.array_equal(getattr(before, name), getattr(after, name))
    }


@given(st.lists(st.integers(0, 6), min_size=1, max_size=40), st.integers(0, 5))
def test_nobody_gets_a_list_of_his_own(users: list[int], seed: int) -> None:
    user = np.array(users)
    other = another_users_sample(user, seed)
    assert sorted(other.tolist()) == list(range(len(user)))
    own = int((user[other] == user).sum())
    # A user with more than half of all samples meets himself as seldom as arithmetic allows.
    most = int(np.bincount(user).max())
    assert own == max(2 * most - len(user), 0)


def test_own_lists_are_left_alone() -> None:
    samples = world(2).samples
    assert with_source(samples, "own", NUM_ITEMS, 1) is samples


@pytest.mark.parametrize("source", ["shuffled", "random", "matched"])
def test_only_the_lists_change(source: str) -> None:
    samples = world(2).samples
    after = with_source(samples, source, NUM_ITEMS, 1, exposures=EXPOSURES)
    found = changed(samples, after)
    assert found
    assert found <= LISTS
    again = with_source(samples, source, NUM_ITEMS, 1, exposures=EXPOSURES)
    assert changed(after, again) == set()
    assert changed(after, with_source(samples, source, NUM_ITEMS, 2, exposures=EXPOSURES))


def test_shuffled_lists_are_another_users() -> None:
    samples = world(2).samples
    after = with_source(samples, "shuffled", NUM_ITEMS, 1)
    other = another_users_sample(samples.user, 1)
    first = samples.position_offsets
    for s in range(len(samples)):
        theirs = samples.row_now[first[other[s]] : first[other[s] + 1]].tolist()
        assert after.row_start[s] == samples.row_start[other[s]]
        mine = after.row_now[first[s] : first[s + 1]].tolist()
        assert set(mine) <= set(theirs)
        assert mine[-1] == theirs[-1]


def test_shuffled_held_out_lists_keep_their_last_list() -> None:
    one = world(4, num_users=40)
    middle = int(np.median(one.lines.click_time_us))
    held = held_out_samples(one.lines, compiled_rules(RULES), begin_us=middle, end_us=10**18)
    after = with_source(held, "shuffled", NUM_ITEMS, 1)
    last = held.position_offsets[1:] - 1
    # The last lists are dealt out anew: the same ones, to others.
    assert sorted(after.row_now[last].tolist()) == sorted(held.row_now[last].tolist())
    assert after.truth_items is held.truth_items


def test_random_lists_keep_their_lengths_and_cover_the_catalogue() -> None:
    samples = world(2, num_users=60).samples
    after = with_source(samples, "random", NUM_ITEMS, 1)
    lengths = [len(row(one, k)) for one in (samples, after) for k in range(10)]
    assert lengths[:10] == lengths[10:]
    assert set(after.row_items.tolist()) == set(range(1, NUM_ITEMS + 1))


def test_matched_lists_keep_their_lengths_and_hold_other_items() -> None:
    samples = world(2, num_users=60).samples
    after = with_source(samples, "matched", NUM_ITEMS, 1, exposures=EXPOSURES)
    assert changed(samples, after) == {"row_items"}
    for k in range(len(samples.row_offsets) - 1):
        before, now = row(samples, k), row(after, k)
        assert len(before) == len(now)
        assert all(one != other for one, other in zip(before, now, strict=True))


def test_matched_lists_need_showings_and_a_second_item() -> None:
    samples = world(2).samples
    with pytest.raises(UserError, match=r"\[CONTROL\] data\.unclicked\.source.*number of showings"):
        with_source(samples, "matched", NUM_ITEMS, 1)
    with pytest.raises(UserError, match="of which the catalogue has 1"):
        controls.shown_as_often(np.array([1], dtype=np.int32), np.array([3]), 0)


def naive_neighbours(item: int, order: list[int]) -> list[int]:
    """Ten items on either side; where one side is shorter, more of the other."""
    own = order.index(item)
    below, above = order[:own][::-1], order[own + 1 :]
    want = min(20, len(order) - 1)
    low = min(want // 2, len(below))
    high = min(want - low, len(above))
    low = want - high
    return below[:low][::-1] + above[:high]


@given(
    st.lists(st.integers(0, 4), min_size=2, max_size=60), st.integers(0, 5), st.integers(0, 2**20)
)
def test_a_matched_item_is_drawn_as_a_loop_would_draw_it(
    shown: list[int], seed: int, numbers: int
) -> None:
    exposures = np.array(shown)
    items = np.random.default_rng(numbers).integers(1, len(shown) + 1, 30).astype(np.int32)
    rng = np.random.default_rng(seed)
    tie = rng.random(len(shown))
    order = sorted(range(1, len(shown) + 1), key=lambda item: (shown[item - 1], tie[item - 1]))
    draw = rng.integers(0, min(20, len(shown) - 1), size=30)
    wanted = [naive_neighbours(item, order)[k] for item, k in zip(items, draw, strict=True)]
    assert controls.shown_as_often(items, exposures, seed).tolist() == wanted


@given(st.lists(st.integers(0, 30), min_size=2, max_size=80), st.integers(0, 5))
def test_matched_items_are_near_by_number_of_showings(shown: list[int], seed: int) -> None:
    exposures = np.array(shown)
    items = np.arange(1, len(shown) + 1, dtype=np.int32)
    drawn = controls.shown_as_often(items, exposures, seed)
    assert (drawn != items).all()
    for before, after in zip(exposures, exposures[drawn - 1], strict=True):
        # Whatever the order of equals, as few items lie between the two.
        low, high = sorted((before, after))
        assert ((exposures > low) & (exposures < high)).sum() < 20


def test_all_neighbours_are_as_likely() -> None:
    exposures = np.arange(100)
    items = np.full(20_000, 50, dtype=np.int32)
    found = Counter(controls.shown_as_often(items, exposures, 1).tolist())
    assert sorted(found) == [*range(40, 50), *range(51, 61)]
    # 1,000 of each are expected, with a standard deviation of 31.
    assert max(abs(count - 1000) for count in found.values()) < 160


def test_items_shown_equally_often_have_no_order_of_their_own() -> None:
    exposures = np.zeros(100, dtype=np.int64)
    items = np.full(200, 50, dtype=np.int32)
    found = {one for seed in range(60) for one in controls.shown_as_often(items, exposures, seed)}
    assert found == set(range(1, 101)) - {50}


def test_showings_are_counted_as_a_loop_counts_them(
    tiny_log: Path, tiny_data: PreparedDataset
) -> None:
    until = tiny_data.card["boundaries"]["validation_us"]
    rows = pq.read_table(tiny_log / "impressions.parquet")
    rows = rows.set_column(
        rows.column_names.index("timestamp"),
        "timestamp",
        rows["timestamp"].cast(pa.timestamp("us", "UTC")).cast(pa.int64()),
    )
    count: Counter[str] = Counter(
        line["item_id"] for line in rows.to_pylist() if line["timestamp"] < until
    )
    found = needed_exposures(tiny_data, "matched")
    assert found is not None
    assert found.tolist() == [count[one] for one in tiny_data.catalogue.items.values.to_pylist()]
    assert (found >= np.asarray(tiny_data.catalogue.clicks)).all()
    assert 0 < found.sum() < len(rows)


def test_later_days_change_nothing(tiny_data: PreparedDataset, tmp_path: Path) -> None:
    log = load_log(tiny_data)
    until = tiny_data.card["boundaries"]["validation_us"]
    early = log.filter(pa.compute.less(log["timestamp_us"], until))
    late = log.filter(pa.compute.greater_equal(log["timestamp_us"], until))
    same = pa.array([tiny_data.catalogue.items.values[7].as_py()] * len(late))
    late = late.set_column(late.column_names.index("item_id"), "item_id", same)
    assert len(late)
    wanted = needed_exposures(tiny_data, "matched")
    for name, table in {"cut": early, "changed": pa.concat_tables([early, late])}.items():
        (tmp_path / name).mkdir()
        save_log(table, tmp_path / name / LOG_FILE)
        other = replace(tiny_data, path=tmp_path / name)
        assert np.array_equal(needed_exposures(other, "matched"), wanted)


def save_log(table: pa.Table, path: Path) -> None:
    with LogFile(path, table.schema) as file:
        file.append(table)


@pytest.mark.parametrize("source", ["own", "shuffled", "random"])
def test_other_controls_read_no_log(
    tiny_data: PreparedDataset, tmp_path: Path, source: str
) -> None:
    assert needed_exposures(replace(tiny_data, path=tmp_path), source) is None


def test_a_data_set_without_a_log_cannot_be_matched(
    tiny_data: PreparedDataset, tmp_path: Path
) -> None:
    assert LOG_FILE in json.loads((tiny_data.path / "manifest.json").read_text())["files"]
    with pytest.raises(UserError, match=r"log\.parquet.*keeps no log\. Prepare it anew"):
        needed_exposures(replace(tiny_data, path=tmp_path), "matched")


def test_a_log_of_other_items_is_refused(tiny_data: PreparedDataset, tmp_path: Path) -> None:
    log = load_log(tiny_data)
    names = pa.array(["nobody knows"] * len(log))
    save_log(
        log.set_column(log.column_names.index("item_id"), "item_id", names), tmp_path / LOG_FILE
    )
    with pytest.raises(ArtefactError, match=r"DATASET-LOG.*other items"):
        needed_exposures(replace(tiny_data, path=tmp_path), "matched")
