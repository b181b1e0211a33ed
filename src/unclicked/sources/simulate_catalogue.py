"""The catalogue of the simulated log, and drawing items of a leaf by popularity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unclicked.sources.simulate_knobs import SimulationKnobs

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Catalogue:
    """Items with their fields, and the items of each leaf as one padded table.

    Args:
        leaf: Leaf of each item, int64 [num_items], 0..num_leaves-1.
        brand: Brand of each item, int64 [num_items], 0..num_brands-1.
        shop: Shop inside the brand, int64 [num_items], 0..shops_per_brand-1.
        leaf_items: Items of each leaf, int64 [num_leaves, width]; -1 pads.
        log_popularity: Log popularity beside `leaf_items`, float64; minus infinity pads.
    """

    leaf: IntArray
    brand: IntArray
    shop: IntArray
    leaf_items: IntArray
    log_popularity: FloatArray


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
    return Catalogue(leaf, brand, shop, leaf_items, table)


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
        brand_mask: Brands each row may draw, bool [rows, num_brands].
        banned: Items each row may not draw, int64 [rows, any]; -1 bans nothing.
        count: Items per row.

    Returns:
        Items, int64 [rows, count].
    """
    items = catalogue.leaf_items[leaf]
    weights = catalogue.log_popularity[leaf]
    real = items >= 0
    fresh = real.copy()
    for column in range(banned.shape[1]):
        fresh &= items != banned[:, column, None]
    right = fresh & np.take_along_axis(brand_mask, catalogue.brand[items], axis=1)
    for fallback in (fresh, real):
        empty = ~right.any(axis=1)
        right[empty] = fallback[empty]
    # Perturbed maxima: the largest keys are a popularity-weighted draw without replacement.
    keys = np.where(right, weights + rng.gumbel(size=items.shape), -np.inf)
    if count == 1:
        return np.take_along_axis(items, keys.argmax(axis=1)[:, None], axis=1)
    taken = np.minimum(count, items.shape[1])
    best = np.argsort(-keys, axis=1)[:, :taken]
    available = np.maximum(1, np.minimum(taken, right.sum(axis=1)))
    cycle = np.arange(count)[None, :] % available[:, None]
    return np.take_along_axis(items, np.take_along_axis(best, cycle, axis=1), axis=1)
