"""Items of a leaf are drawn by popularity, leaves by their weights, in bounded memory."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from unclicked.sources import simulate_catalogue
from unclicked.sources.simulate_catalogue import (
    Catalogue,
    draw_catalogue,
    draw_items,
    draw_leaves,
    try_items,
)
from unclicked.sources.simulate_presets import preset_knobs


def small_catalogue() -> Catalogue:
    """Leaf 0 holds items 0-3 of brands 0, 0, 1, 1 with weights 1, 2, 3, 4; leaf 1 holds item 4."""
    log_weights = np.log(np.array([[1.0, 2.0, 3.0, 4.0], [1.0, 1.0, 1.0, 1.0]]))
    log_weights[1, 1:] = -np.inf
    return Catalogue(
        leaf=np.array([0, 0, 0, 0, 1]),
        brand=np.array([0, 0, 1, 1, 0]),
        group=np.array([0, 0, 1, 1, 0]),
        shop=np.zeros(5, dtype=np.int64),
        leaf_items=np.array([[0, 1, 2, 3], [4, -1, -1, -1]]),
        log_popularity=log_weights,
        leaf_edges=np.array([1.0, 4.0]),
        sorted_items=np.arange(5),
        item_edges=np.array([0.0, 1.0, 3.0, 6.0, 10.0, 11.0]),
        leaf_begins=np.array([0, 4, 5]),
    )


Way = Callable[..., npt.NDArray[np.int64]]
WAYS = [draw_items, try_items]


def draw(
    leaf: int,
    brands: list[bool],
    banned: list[int],
    count: int,
    rows: int,
    way: Way = draw_items,
) -> list[list[int]]:
    """Draws for equal rows."""
    drawn = way(
        np.random.default_rng(0),
        small_catalogue(),
        np.full(rows, leaf),
        np.tile(np.array(brands), (rows, 1)),
        np.tile(np.array(banned), (rows, 1)),
        count,
    )
    result: list[list[int]] = drawn.tolist()
    return result


@pytest.mark.parametrize("way", WAYS)
def test_draws_follow_popularity(way: Way) -> None:
    drawn = np.array(draw(0, [True, True], [-1], 1, 20_000, way)).ravel()
    shares = np.bincount(drawn, minlength=5) / drawn.size
    np.testing.assert_allclose(shares, [0.1, 0.2, 0.3, 0.4, 0.0], atol=0.015)


@pytest.mark.parametrize("way", WAYS)
def test_the_second_draw_is_from_what_is_left(way: Way) -> None:
    drawn = np.array(draw(0, [True, True], [0], 2, 30_000, way))
    pairs = np.bincount(drawn[:, 0] * 4 + drawn[:, 1], minlength=16) / len(drawn)
    weight = {1: 2.0, 2: 3.0, 3: 4.0}
    for first, second in itertools.permutations(weight, 2):
        chance = weight[first] / 9 * weight[second] / (9 - weight[first])
        assert pairs[first * 4 + second] == pytest.approx(chance, abs=0.012)


@pytest.mark.parametrize("way", WAYS)
def test_draws_obey_brand_and_ban(way: Way) -> None:
    assert {tuple(sorted(row)) for row in draw(0, [True, False], [-1], 2, 50, way)} == {(0, 1)}
    assert set(map(tuple, draw(0, [False, True], [2, 0], 1, 50, way))) == {(3,)}


def test_few_tries_draw_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulate_catalogue, "MOST_TRIES", 1)
    drawn = np.array(draw(0, [True, False], [-1], 1, 20_000, try_items)).ravel()
    assert np.mean(drawn == 1) == pytest.approx(2 / 3, abs=0.015)
    assert set(drawn.tolist()) == {0, 1}


def test_tries_give_way_where_items_are_few() -> None:
    three = draw(0, [True, False], [-1], 3, 50, try_items)
    assert {tuple(sorted(row[:2])) for row in three} == {(0, 1)}
    assert {row[2] for row in three} == {2, 3}
    assert set(map(tuple, draw(0, [True, False], [0, 1], 1, 50, try_items))) == {(2,), (3,)}
    assert set(map(tuple, draw(1, [False, True], [4], 2, 5, try_items))) == {(4, 4)}


def test_draws_give_way_where_items_are_few() -> None:
    assert {tuple(sorted(row)) for row in draw(0, [True, False], [-1], 3, 50)} <= {
        (0, 0, 1),
        (0, 1, 1),
    }
    assert set(map(tuple, draw(0, [True, False], [0, 1], 1, 50))) == {(2,), (3,)}
    assert set(map(tuple, draw(1, [False, True], [4], 2, 5))) == {(4, 4)}


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = draw(0, [True, True], [1], 2, 100)
    # Four cells hold one row of the table.
    monkeypatch.setattr(simulate_catalogue, "CHUNK_CELLS", 12)
    assert draw(0, [True, True], [1], 2, 100) == whole


def test_leaves_are_distinct_and_follow_their_weights() -> None:
    weights = np.array([1.0, 2.0, 5.0])
    catalogue = dataclasses.replace(small_catalogue(), leaf_edges=np.cumsum(weights))
    drawn = draw_leaves(np.random.default_rng(1), catalogue, 20_000, 2)
    assert (drawn[:, 0] != drawn[:, 1]).all()
    first = np.bincount(drawn[:, 0], minlength=3) / len(drawn)
    np.testing.assert_allclose(first, weights / 8, atol=0.015)
    after = drawn[drawn[:, 0] == 2, 1]
    assert np.mean(after == 1) == pytest.approx(2 / 3, abs=0.02)
    every = draw_leaves(np.random.default_rng(1), catalogue, 50, 3)
    assert (np.sort(every, axis=1) == [0, 1, 2]).all()


def test_a_catalogue_with_groups_of_brands() -> None:
    knobs = preset_knobs("taobao", num_items=3000)
    catalogue = draw_catalogue(np.random.default_rng(0), knobs)
    assert (catalogue.group == catalogue.brand % 12).all()
    assert set(catalogue.leaf.tolist()) == set(range(30))
    assert catalogue.brand.max() < 150
    assert catalogue.shop.max() == 1
    steps = np.diff(catalogue.leaf_edges, prepend=0.0)
    assert (steps > 0).all()
    assert np.std(np.log(steps)) == pytest.approx(1.0, abs=0.4)
    table = catalogue.leaf_items
    assert sorted(table[table >= 0].tolist()) == list(range(3000))
    assert all((catalogue.leaf[row[row >= 0]] == leaf).all() for leaf, row in enumerate(table))
