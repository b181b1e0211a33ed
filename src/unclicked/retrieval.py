"""Exact retrieval of the best items of the whole catalogue, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unclicked.errors import NumericError, UserError

Integers: TypeAlias = Tensor | NDArray[np.integer]
# What an empty place of a list holds: no item, and a score below every real one.
NO_ITEM = 0
NO_SCORE = float("-inf")


class ExactIndex:
    """All items of a catalogue, searched by inner product without approximation.

    Scores are computed in float32; equal scores are ordered by `tie_rank`. The vectors are read,
    not copied, where they are float32 already.

    Args:
        item_vectors: [V + 1, D] float; row 0 is padding and is never returned.
        chunk_items: How many items are scored at a time, at least 1.
        tie_rank: [V + 1] integers, distinct in rows 1..V: of items with equal scores the one with
            the smaller value comes first. Left out: the smaller row number.
        block_users: How many users are scored at a time, at least 1. A search needs about
            `block_users * chunk_items * 8` bytes next to its inputs and results, three times that
            where very many scores are equal.

    Raises:
        UserError: A shape or a size does not fit.

    Example:
        >>> index = ExactIndex(torch.tensor([[9.0, 9.0], [1.0, 0.0], [0.0, 2.0], [1.0, 1.0]]))
        >>> scores, items = index.search(torch.tensor([[1.0, 1.0]]), top_k=2)
        >>> scores.tolist(), items.tolist()
        ([[2.0, 2.0]], [[2, 3]])
    """

    def __init__(
        self,
        item_vectors: Tensor,
        chunk_items: int = 65536,
        *,
        tie_rank: Integers | None = None,
        block_users: int = 512,
    ) -> None:
        if item_vectors.ndim != 2 or len(item_vectors) < 2:
            raise _misfit("item_vectors", list(item_vectors.shape), "[items + 1, dim], one item")
        if chunk_items < 1 or block_users < 1:
            raise _misfit("chunk_items, block_users", (chunk_items, block_users), "1 or more")
        self._vectors = item_vectors.detach().float()
        self._chunk_items = chunk_items
        self._block_users = block_users
        # Place p of the tie order holds item `_order[p]`; None where that is simply p + 1.
        self._order: Tensor | None = None
        self._place: Tensor | None = None
        if tie_rank is not None:
            self._set_tie_order(torch.as_tensor(tie_rank, device=item_vectors.device))

    @property
    def num_items(self) -> int:
        """Number of items V, padding not counted."""
        return len(self._vectors) - 1

    @torch.no_grad()
    def search(
        self, users: Tensor, top_k: int, exclude: tuple[Integers, Integers] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Find each user's items with the largest inner products.

        Args:
            users: [U, D] float.
            top_k: Length of the lists, at least 1.
            exclude: Items that a user must not get, as a pair of integers
                `(offsets [U + 1], values)`: user u owns `values[offsets[u]:offsets[u + 1]]`.
                Values outside 1..V name no item and change nothing.

        Returns:
            `scores` [U, K] float32 and `items` [U, K] int64 with K = min(top_k, V), best first, on
            the device of the index. Where exclusions leave fewer than K items, the rest of the row
            holds item 0 with the score -inf.

        Raises:
            UserError: A shape or `top_k` does not fit.
            NumericError: A vector is NaN or infinite, or so large that a score could overflow.
        """
        vectors = self._vectors
        if users.ndim != 2 or users.shape[1] != vectors.shape[1]:
            raise _misfit("users", list(users.shape), f"[users, {vectors.shape[1]}]")
        if top_k < 1:
            raise _misfit("top_k", top_k, "1 or more")
        users = users.detach().to(vectors.device, torch.float32)
        top_k = min(top_k, self.num_items)
        excluded = None if exclude is None else self._excluded(exclude, len(users))
        limit = _longest(users, "users", None)
        scores = users.new_full((len(users), top_k), NO_SCORE)
        places = torch.full_like(scores, -1, dtype=torch.int64)
        for start in range(0, self.num_items, self._chunk_items):
            stop = min(start + self._chunk_items, self.num_items)
            chunk = self._chunk(start, stop, limit)
            for first in range(0, len(users), self._block_users):
                rows = slice(first, min(first + self._block_users, len(users)))
                block = users[rows] @ chunk.T
                if excluded is not None:
                    excluded.erase(block, rows, start)
                best, column = _best_of_chunk(block, top_k)
                _merge(scores[rows], places[rows], best, column + start)
        return scores, self._items(places, scores)

    def _set_tie_order(self, tie_rank: Tensor) -> None:
        if tie_rank.shape != (len(self._vectors),) or tie_rank.is_floating_point():
            raise _misfit("tie_rank", list(tie_rank.shape), f"{len(self._vectors)} integers")
        ranks, order = torch.sort(tie_rank[1:])
        if bool((ranks[1:] == ranks[:-1]).any()):
            raise _misfit("tie_rank", "a value twice", "distinct ranks of the items")
        self._order = order + 1
        self._place = torch.empty_like(order)
        self._place[order] = torch.arange(len(order), device=order.device)

    def _chunk(self, start: int, stop: int, limit: float) -> Tensor:
        """Vectors of the places start..stop of the tie order [C, D]."""
        if self._order is None:
            chunk = self._vectors[start + 1 : stop + 1]
            _longest(chunk, "item_vectors", torch.arange(start + 1, stop + 1), limit)
            return chunk
        items = self._order[start:stop]
        chunk = self._vectors[items]
        _longest(chunk, "item_vectors", items, limit)
        return chunk

    def _excluded(self, exclude: tuple[Integers, Integers], num_users: int) -> _Excluded:
        device = self._vectors.device
        offsets, values = (torch.as_tensor(part).to(device, torch.int64) for part in exclude)
        if (
            offsets.shape != (num_users + 1,)
            or int(offsets[0]) != 0
            or int(offsets[-1]) != len(values)
            or bool((offsets.diff() < 0).any())
        ):
            expected = f"{num_users + 1} offsets that rise from 0 to {len(values)}"
            raise _misfit("exclude", f"offsets of shape {list(offsets.shape)}", expected)
        real = (values >= 1) & (values <= self.num_items)
        owner = torch.repeat_interleave(torch.arange(num_users, device=device), offsets.diff())[
            real
        ]
        places = values[real] - 1 if self._place is None else self._place[values[real] - 1]
        return _Excluded(owner, places)

    def _items(self, places: Tensor, scores: Tensor) -> Tensor:
        found = scores > NO_SCORE
        items = places + 1 if self._order is None else self._order[places.clamp(min=0)]
        return torch.where(found, items, NO_ITEM)


@dataclass(frozen=True)
class _Excluded:
    """Pairs of user and place in the tie order, ordered by user."""

    owner: Tensor
    place: Tensor

    def erase(self, block: Tensor, rows: slice, start: int) -> None:
        """Overwrite the scores [B, C] of the pairs that lie in this block."""
        bounds = torch.tensor([rows.start, rows.stop], device=self.owner.device)
        low, high = torch.searchsorted(self.owner, bounds).tolist()
        column = self.place[low:high] - start
        inside = (column >= 0) & (column < block.shape[1])
        block[self.owner[low:high][inside] - rows.start, column[inside]] = NO_SCORE


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


def _longest(vectors: Tensor, name: str, rows: Tensor | None, limit: float = 1.0) -> float:
    """Largest Euclidean length; times `limit` it must stay below what float32 can hold."""
    lengths = torch.linalg.vector_norm(vectors, dim=1, dtype=torch.float64)
    bad = ~(lengths * limit < torch.finfo(torch.float32).max)
    if bool(bad.any()):
        place = int(torch.nonzero(bad)[0])
        row = place if rows is None else int(rows[place])
        raise NumericError(
            "RETRIEVAL-FINITE",
            f"{name} row {row}",
            "found NaN, infinity or an overflowing length, expected finite scores. "
            "Train again with a smaller learning rate.",
        )
    return float(lengths.max()) if len(lengths) else 0.0


def _misfit(where: str, found: object, expected: str) -> UserError:
    return UserError("RETRIEVAL-SHAPE", where, f"found {found}, expected {expected}.")
