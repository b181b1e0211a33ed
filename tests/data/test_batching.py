"""Batches against the rules' twin in plain Python, item by item."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data import rules_twin as twin
from tests.data.test_rules import compiled_rules
from tests.model_twin import RULES, World, world
from unclicked.data.batching import Batch, bucketed_order, in_order
from unclicked.data.rules import held_out_samples

K, MAX_LONG = 3, 4


def twins(one: World) -> list[tuple[int, twin.TwinSample]]:
    return [
        (user, sample)
        for user, (shown, clicks) in enumerate(one.users)
        for sample in twin.twin_train(shown, clicks, 10**18, RULES)
    ]


def recent(clicks: list[int], values: Any) -> list[int]:
    found: list[int] = []
    for item in reversed(clicks):
        for value in reversed(values(item)):
            if value not in found and value != 0 and len(found) < MAX_LONG:
                found.append(value)
    return found[::-1]


def field_values(one: World, name: str, item: int) -> list[int]:
    codes = one.catalogue.fields[name]
    return codes.codes[codes.offsets[item] : codes.offsets[item + 1]].tolist()


def positions(sample: twin.TwinSample, rows: str) -> list[int]:
    every = [t for t in range(len(sample.short)) if sample.labels[t]]
    last = len(sample.short) - 1
    return {
        "all": every,
        "last": every[-1:],
        "final": [last] if last in every else [],
        "query": [last],
    }[rows]


def check_inputs(one: World, batch: Batch, expected: list[tuple[int, twin.TwinSample]]) -> None:
    assert batch.items[0] == 0
    assert (np.diff(batch.items) > 0).all()
    for place, (user, sample) in enumerate(expected):
        clicked = batch.items[batch.clicked[place]]
        assert clicked[batch.mask[place]].tolist() == sample.short
        assert not clicked[~batch.mask[place]].any()
        long_items = batch.items[batch.long_items[place]]
        assert long_items[long_items > 0].tolist() == recent(sample.long, lambda i: [i])
        assert set(batch.long_fields) == {"item_id", *one.catalogue.fields}
        for name in one.catalogue.fields:
            found = batch.long_fields[name][place]
            wanted = recent(sample.long, lambda i, name=name: field_values(one, name, i))
            assert found[found > 0].tolist() == wanted
        assert batch.user[place] == user + 1
        assert batch.profile[place].tolist() == one.profiles[user].tolist()


@pytest.mark.parametrize("rows", ["all", "last", "final", "query"])
@pytest.mark.parametrize("cut", ["now", "session_start"])
@pytest.mark.parametrize("seed", range(4))
def test_a_batch_against_its_twin(seed: int, cut: str, rows: str) -> None:
    one = world(seed)
    every = twins(one)
    builder = one.builder(cut=cut, rows=rows)
    chosen = np.random.default_rng(seed).permutation(len(every))[:9]
    batch = builder.build(chosen)
    expected = [every[number] for number in chosen]
    check_inputs(one, batch, expected)
    wanted = []
    for place, (_, sample) in enumerate(expected):
        at = positions(sample, rows)
        for t in at:
            labels = [] if rows == "query" else sample.labels[t][:K]
            shown = sample.unclicked_now[t] if cut == "now" else sample.unclicked_start
            wanted.append((place, t, t == at[-1], labels, shown))
    found = []
    for row in range(len(batch.row_sample)):
        labels = batch.labels[row]
        begin, end = batch.unclicked_offsets[batch.unclicked_list[row] :][:2]
        items = batch.items[batch.unclicked[begin:end]].tolist()
        counts = batch.unclicked_counts[begin:end].tolist()
        found.append(
            (
                int(batch.row_sample[row]),
                int(batch.row_position[row]),
                bool(batch.row_is_last[row]),
                labels[labels > 0].tolist(),
                list(zip(items, counts, strict=True)),
            )
        )
        assert (batch.items[batch.label_places()[row]] == labels).all()
    assert found == wanted
    lists = batch.unclicked_list
    assert sorted(set(lists.tolist())) == list(range(len(batch.unclicked_offsets) - 1))
    if cut == "session_start" and rows == "all":
        assert len(set(lists.tolist())) < len(lists)
    assert len(batch.row_is_last) == len(batch.row_sample)


def test_held_out_rows_have_the_list_of_their_moment_and_no_label() -> None:
    one = world(1, num_users=40)
    middle = int(np.median(one.lines.click_time_us))
    held = held_out_samples(one.lines, compiled_rules(RULES), begin_us=middle, end_us=10**18)
    batch = one.builder(samples=held, rows="query").build(np.arange(len(held)))
    expected = [twin.twin_held_out(*user, middle, 10**18, RULES) for user in one.users]
    for row, sample in enumerate([one for one in expected if one is not None]):
        begin, end = batch.unclicked_offsets[batch.unclicked_list[row] :][:2]
        items = batch.items[batch.unclicked[begin:end]].tolist()
        assert items == [item for item, _ in sample.unclicked_now[-1]]
        assert batch.row_position[row] == len(sample.short) - 1
    assert not batch.labels.any()
    truth = set(held.truth_items.tolist())
    assert truth


def test_a_batch_may_have_no_row() -> None:
    one = world(0)
    ends = np.flatnonzero(one.samples.end == one.samples.label_end)
    batch = one.builder(rows="final").build(ends[:2])
    assert len(batch.row_sample) == len(batch.row_is_last) == len(batch.labels) == 0
    assert batch.unclicked_offsets.tolist() == [0]


def test_lists_that_nothing_needs_are_not_looked_up() -> None:
    batch = world(0).builder(need_unclicked=False).build(np.arange(5))
    assert len(batch.unclicked) == 0
    assert not batch.unclicked_offsets.any()


@pytest.mark.parametrize("long", ["fields", "items", "none"])
def test_long_term_lists_that_nothing_needs_are_not_made(long: str) -> None:
    one = world(0)
    builder, chosen = one.builder(), np.arange(len(one.samples))
    both, fewer = builder.build(chosen), replace(builder, long=long).build(chosen)
    assert (list(fewer.long_fields) == list(both.long_fields)) == (long == "fields")
    assert (fewer.long_items.shape == both.long_items.shape) == (long == "items")
    for name, values in fewer.long_fields.items():
        assert (values == both.long_fields[name]).all()
    # All else names the same items, and no item is there that nothing names.
    for name in ("clicked", "unclicked", "long_items"):
        places = getattr(fewer, name)
        if places.size:
            assert (fewer.items[places] == both.items[getattr(both, name)]).all()
    assert (fewer.labels == both.labels).all()
    parts = [fewer.clicked, fewer.unclicked, fewer.long_items, fewer.label_places()]
    named = np.unique(np.concatenate([[0], *[part.ravel() for part in parts]]))
    assert (named == np.arange(len(fewer.items))).all()
    single = [np.array([sample]) for sample in chosen]
    saved = [
        len(builder.build(sample).items) - len(replace(builder, long=long).build(sample).items)
        for sample in single
    ]
    assert min(saved) == 0 and (max(saved) > 0) == (long != "items")


def test_new_users_are_nobody() -> None:
    one = world(0)
    batch = one.builder(new_users=True).build(np.arange(5))
    assert not batch.user.any()
    assert batch.profile.tolist() == one.profiles[one.samples.user[:5]].tolist()


@given(
    st.lists(st.integers(1, 50), min_size=1, max_size=200),
    st.integers(1, 20),
    st.integers(1, 40),
    st.integers(0, 3),
)
def test_an_epoch_visits_each_sample_once(
    lengths: list[int], num_buckets: int, batch_size: int, seed: int
) -> None:
    length = np.array(lengths)
    batches = bucketed_order(length, num_buckets, batch_size, seed)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(length)))
    assert max(map(len, batches)) <= batch_size
    width = (length.max() + num_buckets - 1) // num_buckets
    for batch in batches:
        buckets = {min(num_buckets, one // width) for one in length[batch].tolist()}
        assert len(buckets) == 1
    again = bucketed_order(length, num_buckets, batch_size, seed)
    assert [one.tolist() for one in again] == [one.tolist() for one in batches]


def test_epochs_differ() -> None:
    length = np.full(100, 3)
    first, second = (bucketed_order(length, 5, 10, seed)[0].tolist() for seed in (0, 1))
    assert first != second


@pytest.mark.parametrize(("count", "size"), [(0, 3), (1, 3), (3, 3), (7, 3)])
def test_judging_goes_in_order(count: int, size: int) -> None:
    parts = [part.tolist() for part in in_order(count, size)]
    assert [one for part in parts for one in part] == list(range(count))
    assert all(len(part) == size for part in parts[:-1])
