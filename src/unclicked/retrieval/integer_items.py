"""All items as whole numbers of one byte, tile by tile, made by several threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unclicked.retrieval.integer_tile_kernel import fill_integer_tile

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class IntegerItems:
    """All items in the order of places, rounded and measured.

    Attributes:
        numbers: int8 [V, D]; times the scale of their tile they are near the vectors less `mean`.
        mean: float32 [D].
        tile: Items of a tile; the last has the rest.
        scales: float64 [T], one for each tile.
        lengths: float64 [V], lengths of the vectors or of their rounded twins, the larger, or more.
        rests: float64 [V], what rounding took away, or more.
        largest: float64 [T, 2], the largest length and rest of each tile.
        longest: Length of the longest vector.
    """

    numbers: Tensor
    mean: NDArray[np.float32]
    tile: int
    scales: Floats
    lengths: Floats
    rests: Floats
    largest: Floats
    longest: float


def rounded_items(
    source: tuple[Tensor, NDArray[np.int64]],
    mean: Tensor,
    tile: int,
    limit: float,
    refuse: Callable[[int], None],
) -> IntegerItems:
    """Round and measure all items, with as many threads as torch may use.

    Args:
        source: Vectors float32 [V + 1, D], contiguous, and int64 [V], the item at each place; empty
            where that is the place plus one.
        mean: float32 [D], what is taken from each vector first.
        tile: Items of a tile.
        limit: Length of the longest user vector.
        refuse: Raises the error about the item at a place.

    Returns:
        The items.
    """
    vectors, order = source
    count, width = len(vectors) - 1, vectors.shape[1]
    numbers = torch.empty(count, width, dtype=torch.int8)
    rows, all_rows, middle = vectors.numpy(), numbers.numpy(), mean.numpy()
    starts = range(0, count, tile)
    lengths, rests, scales = np.empty(count), np.empty(count), np.empty(len(starts))
    largest = np.empty((len(starts), 2))
    longest, bad = np.zeros(len(starts)), np.full(len(starts), -1)
    threads = max(1, min(torch.get_num_threads(), len(starts)))

    def fill(first: int) -> None:
        bits = np.empty(width, dtype=np.int32)
        words = (bits, bits.view(np.float32))
        for number in range(first, len(starts), threads):
            start = starts[number]
            part = slice(start, start + tile)
            bad[number], longest[number], scales[number] = fill_integer_tile(
                rows, order, start, middle, limit, all_rows[part], words,
                lengths[part], rests[part],
            )  # fmt: skip
            largest[number] = lengths[part].max(), rests[part].max()

    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(fill, first) for first in range(threads)]:
            done.result()
    for place in bad[bad >= 0].tolist():
        refuse(place)
    return IntegerItems(
        numbers, middle, tile, scales, lengths, rests, largest, float(longest.max(initial=0.0))
    )
