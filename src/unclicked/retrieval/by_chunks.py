"""Search on any device: scores of a chunk of items at a time, and the best of each merged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

from unclicked.retrieval.exclusions import Exclusions

NO_SCORE: Final = float("-inf")


def search(
    users: Tensor,
    top_k: int,
    chunk: Callable[[int, int], Tensor],
    sizes: tuple[int, int, int],
    excluded: Exclusions | None,
) -> tuple[Tensor, Tensor]:
    """The best places of each user.

    Args:
        users: float32 [U, D].
        top_k: K, at most V.
        chunk: Called with two places, returns the vectors of the items between them.
        sizes: V, items of a chunk, users of a block.
        excluded: What users must not get.

    Returns:
        Scores float32 [U, K], best first, minus infinity where there is no item; and places int64
        [U, K].
    """
    num_items, chunk_items, block_users = sizes
    scores = users.new_full((len(users), top_k), NO_SCORE)
    places = torch.full_like(scores, -1, dtype=torch.int64)
    for start in range(0, num_items, chunk_items):
        vectors = chunk(start, min(start + chunk_items, num_items))
        for first in range(0, len(users), block_users):
            rows = slice(first, min(first + block_users, len(users)))
            block = users[rows] @ vectors.T
            if excluded is not None:
                excluded.erase(block, rows, start, NO_SCORE)
            best, column = _best_of_chunk(block, top_k)
            _merge(scores[rows], places[rows], best, column + start)
    return scores, places


def _best_of_chunk(scores: Tensor, top_k: int) -> tuple[Tensor, Tensor]:
    """Scores and columns [B, k] of the best of each row, columns ascending; ties to the left."""
    num_columns = scores.shape[1]
    if num_columns <= top_k:
        return scores, torch.arange(num_columns, device=scores.device).expand_as(scores)
    values, columns = scores.topk(top_k + 1, dim=1)
    columns = columns[:, :top_k]
    # Only where the best one left out equals the worst one kept was the choice arbitrary.
    arbitrary = torch.nonzero(values[:, top_k] == values[:, top_k - 1]).squeeze(1)
    if len(arbitrary):
        columns[arbitrary] = _leftmost(scores[arbitrary], values[arbitrary, top_k - 1], top_k)
    columns = columns.sort(dim=1).values
    return scores.gather(1, columns), columns


def _leftmost(scores: Tensor, threshold: Tensor, top_k: int) -> Tensor:
    """Columns [B, k] of all scores above the threshold and the leftmost of those equal to it."""
    above = scores > threshold[:, None]
    equal = scores == threshold[:, None]
    wanted = top_k - above.sum(dim=1, keepdim=True)
    chosen = above | (equal & (equal.cumsum(dim=1, dtype=torch.int32) <= wanted))
    return torch.nonzero(chosen)[:, 1].view(len(scores), top_k)


def _merge(scores: Tensor, places: Tensor, best: Tensor, best_places: Tensor) -> None:
    """Merge a chunk's best into the running best, in place."""
    # Every earlier place is smaller, so a stable sort leaves ties in the order of the places.
    both = torch.cat([scores, best], dim=1)
    both_places = torch.cat([places, best_places], dim=1)
    both, order = both.sort(dim=1, descending=True, stable=True)
    scores.copy_(both[:, : scores.shape[1]])
    places.copy_(both_places.gather(1, order[:, : scores.shape[1]]))
