"""All items in the order of places, measured once for many searches in float32."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unclicked.retrieval.tile_kernel import fill_tile

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Ready:
    """All items in the order of places, measured once for many searches.

    Attributes:
        vectors: float32 [V, D], the item of each place.
        lengths: float64 [V], their lengths.
        rests: float64 [V], what the bounds must allow for rounding.
        longest: The largest length.
    """

    vectors: Tensor
    lengths: NDArray[np.float64]
    rests: NDArray[np.float64]
    longest: float


def make_ready(vectors: Tensor, order: Ints) -> Ready | None:
    """Measure all items once.

    Args:
        vectors: float32 [V + 1, D], contiguous, on the CPU.
        order: int64 [V], the item at each place; empty where that is the place plus one.

    Returns:
        What a search may use again and again; None where a vector is no number.
    """
    count, width = len(vectors) - 1, vectors.shape[1]
    copy = torch.empty(count, width)
    lengths, rests = np.empty(count), np.empty(count)
    words = np.empty(width, dtype=np.int32)
    work = (words, words.view(np.float32), np.empty(width, dtype=np.float32))
    mean = np.zeros(width, dtype=np.float32)
    bad, longest = fill_tile(
        vectors.numpy(), order, 0, mean, 1.0, copy.numpy(), work, lengths, rests
    )
    return Ready(copy, lengths, rests, float(longest)) if bad < 0 else None
