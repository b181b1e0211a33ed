"""The catalogue of the simulated log, and drawing items of a leaf by popularity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from unclicked.sources.simulate_knobs import SimulationKnobs

# Cells of the leaf table that are looked at in one go.
CHUNK_CELLS: Final = 1 << 20
# Tries after which every item of the leaf is weighed, which gives what more tries would give.
MOST_TRIES: Final = 12

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Catalogue:
    """Items with their fields, and the items of each leaf as one padded table.

    Args:
        leaf: Leaf of each item, int64 [num_items], 0..num_leaves-1.
        brand: Brand of each item, int64 [num_items], 0..num_brands-1.
        group: Brand or group of brands, the one thing users accept or not, int64 [num_items].
        shop: Shop inside the brand, int64 [num_items], 0..shops_per_brand-1.
        leaf_items: Items of each leaf, int64 [num_leaves, width]; -1 pads.
        log_popularity: Log popularity beside `leaf_items`, float64; minus infinity pads.
        leaf_edges: Cumulative weights of the leaves as interests, float64 [num_leaves].
        sorted_items: Items leaf by leaf, int64 [num_items].
        item_edges: Cumulative popularity of `sorted_items` with a zero before, float64
            [num_items + 1].
        leaf_begins: Where each leaf begins in `sorted_items`, int64 [num_leaves + 1].
    """

    leaf: IntArray
    brand: IntArray
    group: IntArray
    shop: IntArray
    leaf_items: IntArray
    log_popularity: FloatArray
    leaf_edges: FloatArray
    sorted_items: IntArray
    item_edges: FloatArray
    leaf_begins: IntArray


def draw_catalogue(rng: np.random.Generator, knobs: SimulationKnobs) -> Catalogue:
    """Draws a catalogue in which every leaf has at least one item.

    Args:
        rng: Source of randomness.
        knobs: Sizes; `num_items >= num_leaves`.

    Returns:
        The catalogue.
    """
    num_items, num_leaves = knobs.num_items, knobs.num_leaves
    uniform = rng.integers(0, num_leaves, num_items - num_leaves)
    leaf = rng.permutation(np.concatenate([np.arange(num_leaves), uniform]))
    brand = rng.integers(0, knobs.num_brands, num_items)
    shop = rng.integers(0, knobs.shops_per_brand, num_items)
    log_popularity = knobs.popularity_sigma * rng.standard_normal(num_items)
    order = np.argsort(leaf, kind="stable")
    counts = np.bincount(leaf, minlength=num_leaves)
    column = np.arange(num_items) - np.repeat(np.cumsum(counts) - counts, counts)
    leaf_items = np.full((num_leaves, counts.max()), -1)
    leaf_items[leaf[order], column] = order
    table = np.full(leaf_items.shape, -np.inf)
    table[leaf[order], column] = log_popularity[order]
    weights = np.ones(num_leaves)
    if knobs.leaf_sigma > 0:
        weights = np.exp(knobs.leaf_sigma * rng.standard_normal(num_leaves))
    return Catalogue(
        leaf=leaf,
        brand=brand,
        group=brand % knobs.brands_to_accept,
        shop=shop,
        leaf_items=leaf_items,
        log_popularity=table,
        leaf_edges=np.cumsum(weights),
        sorted_items=order,
        item_edges=np.concatenate([[0.0], np.cumsum(np.exp(log_popularity[order]))]),
        leaf_begins=np.concatenate([[0], np.cumsum(counts)]),
    )


def draw_leaves(
    rng: np.random.Generator, catalogue: Catalogue, num_rows: int, count: int
) -> IntArray:
    """Draws distinct leaves per row, one after the other by their weights.

    Its memory does not grow with the number of leaves.

    Args:
        rng: Source of randomness.
        catalogue: The items; only its `leaf_edges` count.
        num_rows: Rows.
        count: Leaves per row, at most as many as there are.

    Returns:
        Leaves, int64 [num_rows, count].
    """
    edges = catalogue.leaf_edges
    leaves = np.empty((num_rows, count), dtype=np.int64)
    for column in range(count):
        again = np.arange(num_rows)
        while again.size:
            drawn = np.searchsorted(edges, rng.random(again.size) * edges[-1], side="right")
            # The product may round up to the last edge.
            leaves[again, column] = np.minimum(drawn, edges.size - 1)
            taken = leaves[again, :column] == leaves[again, column, None]
            again = again[taken.any(axis=1)]
    return leaves


def draw_items(
    rng: np.random.Generator,
    catalogue: Catalogue,
    leaf: IntArray,
    brand_mask: BoolArray,
    banned: IntArray,
    count: int,
) -> IntArray:
    """Draws distinct items of one leaf per row, with chances proportional to popularity.

    Where the leaf holds too few items the rules give way in this order: items repeat, the brand
    is any, a banned item may come back.

    Args:
        rng: Source of randomness.
        catalogue: The items.
        leaf: Leaf of each row, int64 [rows].
        brand_mask: Brands, or groups of brands, each row may draw, bool [rows, any].
        banned: Items each row may not draw, int64 [rows, any]; -1 bans nothing.
        count: Items per row.

    Returns:
        Items, int64 [rows, count].
    """
    # Rows are drawn one after the other, so the cut into chunks changes nothing but memory.
    step = max(1, CHUNK_CELLS // catalogue.leaf_items.shape[1])
    drawn = np.empty((leaf.size, count), dtype=np.int64)
    for first in range(0, leaf.size, step):
        part = slice(first, first + step)
        drawn[part] = _draw_chunk(rng, catalogue, leaf[part], brand_mask[part], banned[part], count)
    return drawn


def _draw_chunk(
    rng: np.random.Generator,
    catalogue: Catalogue,
    leaf: IntArray,
    brand_mask: BoolArray,
    banned: IntArray,
    count: int,
) -> IntArray:
    items = catalogue.leaf_items[leaf]
    weights = catalogue.log_popularity[leaf]
    real = items >= 0
    fresh = real.copy()
    for column in range(banned.shape[1]):
        fresh &= items != banned[:, column, None]
    right = fresh & np.take_along_axis(brand_mask, catalogue.group[items], axis=1)
    for fallback in (fresh, real):
        empty = ~right.any(axis=1)
        right[empty] = fallback[empty]
    # Perturbed maxima: the largest keys are a popularity-weighted draw without replacement.
    keys = np.where(right, weights + rng.gumbel(size=items.shape), -np.inf)
    if count == 1:
        return np.take_along_axis(items, keys.argmax(axis=1)[:, None], axis=1)
    taken = min(count, items.shape[1])
    best = np.argpartition(-keys, taken - 1, axis=1)[:, :taken]
    order = np.argsort(-np.take_along_axis(keys, best, axis=1), axis=1)
    best = np.take_along_axis(best, order, axis=1)
    available = np.maximum(1, np.minimum(taken, right.sum(axis=1)))
    cycle = np.arange(count)[None, :] % available[:, None]
    return np.take_along_axis(items, np.take_along_axis(best, cycle, axis=1), axis=1)


def try_items(
    rng: np.random.Generator,
    catalogue: Catalogue,
    leaf: IntArray,
    brand_mask: BoolArray,
    banned: IntArray,
    count: int,
) -> IntArray:
    """Draws as `draw_items`, by trying popular items until one fits, however large the leaf.

    Where no item fits the brand is any, then a banned or earlier item may come back.

    Args:
        rng: Source of randomness.
        catalogue: The items.
        leaf: Leaf of each row, int64 [rows].
        brand_mask: Brands, or groups of brands, each row may draw, bool [rows, any].
        banned: Items each row may not draw, int64 [rows, any]; -1 bans nothing.
        count: Items per row.

    Returns:
        Items, int64 [rows, count].
    """
    drawn = np.full((leaf.size, count), -1)
    for column in range(count):
        rows = np.arange(leaf.size)
        for _ in range(MOST_TRIES):
            if not rows.size:
                break
            item = _popular_item(rng, catalogue, leaf[rows])
            fits = brand_mask[rows, catalogue.group[item]]
            fits &= (banned[rows] != item[:, None]).all(axis=1)
            fits &= (drawn[rows, :column] != item[:, None]).all(axis=1)
            drawn[rows[fits], column] = item[fits]
            rows = rows[~fits]
        if rows.size:
            out = np.concatenate([banned[rows], drawn[rows, :column]], axis=1)
            found = draw_items(rng, catalogue, leaf[rows], brand_mask[rows], out, 1)
            drawn[rows, column] = found[:, 0]
    return drawn


def _popular_item(rng: np.random.Generator, catalogue: Catalogue, leaf: IntArray) -> IntArray:
    """One item of each leaf, with chances proportional to popularity."""
    begin, end = catalogue.leaf_begins[leaf], catalogue.leaf_begins[leaf + 1]
    low, high = catalogue.item_edges[begin], catalogue.item_edges[end]
    point = low + rng.random(leaf.size) * (high - low)
    place = np.searchsorted(catalogue.item_edges, point, side="right") - 1
    # Rounding may put a point on an edge of the leaf.
    return catalogue.sorted_items[np.clip(place, begin, end - 1)]
