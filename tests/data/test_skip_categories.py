"""Items sorted into categories by their fields or by the clicks of others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from unclicked.data.catalogue import Catalogue, FieldCodes
from unclicked.data.dataset import PreparedDataset
from unclicked.data.skip_categories import (
    MOST_VALUES,
    click_grouping,
    communities,
    field_groupings,
)
from unclicked.data.vocabulary import Vocabulary


def catalogue(values: list[list[int]], num_values: int, clicks: list[int]) -> Catalogue:
    """Items with one field, given as value numbers from 1."""
    lists = [[0], *values, [num_values + 1]]
    offsets = np.cumsum([0, *(len(one) for one in lists)])
    codes = np.array([value for one in lists for value in one], dtype=np.int32)
    vocabulary = Vocabulary(pa.array([f"v{number:05d}" for number in range(num_values)]))
    field = FieldCodes(vocabulary, offsets, codes)
    ids = Vocabulary(pa.array(range(len(values))))
    return Catalogue(ids, np.array(clicks), np.arange(len(values) + 1), {"tag": field})


def test_first_value_and_none() -> None:
    # The item table lacks the third item, and the fourth has no value.
    (found,) = field_groupings(catalogue([[2, 1], [1], [3], []], 2, [5, 9, 1, 1]))
    assert found.name == "tag"
    # The most clicked value comes first: v00000 (9 clicks), then v00001 (5).
    assert found.value_of[0].tolist() == [-1, 1, 0, -1, -1, -1]


def test_a_field_of_one_value_says_nothing() -> None:
    assert field_groupings(catalogue([[1], [1], [2]], 1, [1, 1, 1])) == []


def test_rare_values_are_joined() -> None:
    count = MOST_VALUES + 50
    (found,) = field_groupings(
        catalogue([[k + 1] for k in range(count)], count, list(range(count, 0, -1)))
    )
    wanted = np.minimum(np.arange(count), MOST_VALUES - 1)
    assert found.value_of[0][1:-1].tolist() == wanted.tolist()


def test_planted_communities_are_found() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 6, 120)
    inside = rng.integers(0, 120, (6000, 2))
    inside = inside[truth[inside[:, 0]] == truth[inside[:, 1]]]
    pairs = np.concatenate([inside, rng.integers(0, 120, (150, 2))])
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    found = communities(pairs, 121)
    assert found[120] == -1
    together = found[:120, None] == found[None, :120]
    assert (together == (truth[:, None] == truth[None, :])).mean() > 0.99


def test_nobody_is_judged_on_groups_of_his_own_clicks(tiny_data: PreparedDataset) -> None:
    samples = tiny_data.splits["train"]
    fold = samples.user % 5
    clicks = np.array(tiny_data.click_item)
    before = click_grouping(samples, clicks, tiny_data.num_items, fold, 5)
    assert before is not None
    for sample in np.flatnonzero(fold == 2):
        span = slice(samples.long_start[sample], samples.end[sample])
        clicks[span] = 1
    after = click_grouping(samples, clicks, tiny_data.num_items, fold, 5)
    assert after is not None
    assert (before.value_of[2] == after.value_of[2]).all()
    assert (before.value_of[1] != after.value_of[1]).any()


def test_no_groups_without_clicks_that_follow(tiny_data: PreparedDataset) -> None:
    samples = tiny_data.splits["train"]
    alone = replace(samples, end=samples.start, long_start=samples.start)
    fold = samples.user % 5
    assert click_grouping(alone, tiny_data.click_item, tiny_data.num_items, fold, 5) is None


@pytest.mark.parametrize("pairs", [np.zeros((0, 2), dtype=np.int64), np.array([[0, 1]])])
def test_few_links(pairs: np.ndarray) -> None:
    assert communities(pairs, 3)[2] == -1
