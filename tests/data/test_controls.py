"""Controls change the unclicked lists and nothing else."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.test_rules import compiled_rules, row
from tests.model_twin import NUM_ITEMS, RULES, world
from unclicked.data.controls import another_users_sample, with_source
from unclicked.data.rules import Samples, held_out_samples

LISTS = {"row_start", "row_now", "row_items"}


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


@pytest.mark.parametrize("source", ["shuffled", "random"])
def test_only_the_lists_change(source: str) -> None:
    samples = world(2).samples
    after = with_source(samples, source, NUM_ITEMS, 1)
    found = changed(samples, after)
    assert found
    assert found <= LISTS
    again = with_source(samples, source, NUM_ITEMS, 1)
    assert changed(after, again) == set()
    assert changed(after, with_source(samples, source, NUM_ITEMS, 2))


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
