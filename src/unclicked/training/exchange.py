"""What ranks give each other in a step, as functions of tensors: parts, packing, sums in order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Rows = tuple[Tensor, Tensor]


def part_of(chosen: NDArray[np.int64], number: int, count: int) -> tuple[NDArray[np.int64], bool]:
    """The samples of a batch that a rank computes.

    Args:
        chosen: int64 [B], samples of the whole batch, B at least 1.
        number: The rank.
        count: Number of ranks.

    Returns:
        A contiguous part, as long as the others' or one shorter; and whether the rank is idle: it
        then computes the first sample, which belongs to another rank and must not count.

    Example:
        >>> part_of(np.array([7, 8, 9]), 0, 2), part_of(np.array([7]), 1, 2)
        ((array([7, 8]), False), (array([7]), True))
    """
    part = np.array_split(chosen, count)[number]
    return (part, False) if len(part) else (chosen[:1], True)


def packed(pieces: Sequence[Tensor]) -> Tensor:
    """Tensors one after the other.

    Args:
        pieces: Of one type, any shapes.

    Returns:
        One dimension.
    """
    return torch.cat([piece.reshape(-1) for piece in pieces])


def unpacked(flat: Tensor, lengths: Sequence[int], like: Sequence[Tensor]) -> list[Tensor]:
    """Undo `packed`; what stands behind the last piece is left out.

    Args:
        flat: One dimension.
        lengths: Length of each piece.
        like: Tensors whose other dimensions the pieces have.

    Returns:
        The pieces.

    Example:
        >>> flat = packed([torch.ones(2, 2), torch.zeros(1, 2)])
        >>> [one.tolist() for one in unpacked(flat, [2, 1], [torch.ones(9, 2)] * 2)]
        [[[1.0, 1.0], [1.0, 1.0]], [[0.0, 0.0]]]
    """
    pieces, begin = [], 0
    for length, one in zip(lengths, like, strict=True):
        shape = (length, *one.shape[1:])
        end = begin + torch.Size(shape).numel()
        pieces.append(flat[begin:end].reshape(shape))
        begin = end
    return pieces


def summed_rows(given: Sequence[Rows]) -> Rows:
    """Rows of a table from several ranks, each once.

    The ranks are added in their order and each names an id once, so that the sums have the same
    bits on all ranks and in every run, on a GPU too.

    Args:
        given: Distinct ids int64 [n_r] and gradients float [n_r, d] of each rank.

    Returns:
        Distinct ids, ascending, and the sums of their gradients.

    Example:
        >>> one = (torch.tensor([4, 2]), torch.tensor([[1.0], [2.0]]))
        >>> ids, sums = summed_rows([one, (torch.tensor([2]), torch.tensor([[5.0]]))])
        >>> ids.tolist(), sums.tolist()
        ([2, 4], [[7.0], [1.0]])
    """
    ids, places = torch.unique(torch.cat([one for one, _ in given]), return_inverse=True)
    total = given[0][1].new_zeros(len(ids), given[0][1].shape[1])
    parts = places.split([len(one) for one, _ in given])
    for (_, gradient), part in zip(given, parts, strict=True):
        total.index_add_(0, part, gradient)
    return ids, total
