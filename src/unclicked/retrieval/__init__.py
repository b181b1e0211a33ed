"""Exact retrieval of the best items of the whole catalogue, in bounded memory."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unclicked.errors import NumericError, UserError
from unclicked.retrieval import by_chunks, by_threshold
from unclicked.retrieval.bounds import middle
from unclicked.retrieval.candidates import TILE, Asked, Catalogue, Lists
from unclicked.retrieval.exclusions import Exclusions, Integers, exclusions
from unclicked.retrieval.integer_items import IntegerItems, rounded_items
from unclicked.retrieval.products import fastest, holds
from unclicked.retrieval.ready_items import Ready, make_ready

__all__ = ["ExactIndex", "Precision"]

FEW_USERS: Final = 128
Ints: TypeAlias = NDArray[np.int64]
Precision: TypeAlias = Literal["auto", "float32", "bfloat16", "int8"]


class ExactIndex:
    """All items of a catalogue, searched by inner product without approximation.

    On the CPU a score is the sum of products in float64, rounded once to float32; on other devices
    it is what their float32 matrix product makes. Equal scores are ordered by `tie_rank`. On the
    CPU, lists and scores do not depend on `precision`, on sizes or on the number of threads: fast
    products only rule items out, by certain bounds (`retrieval.bounds`), and what is left is scored
    exactly. The vectors are read, not copied, where they are float32 already.

    Args:
        item_vectors: [V + 1, D] float; row 0 is padding and is never returned.
        chunk_items: How many items are scored at a time, at most; at least 1.
        tie_rank: [V + 1] integers, distinct in rows 1..V: of items with equal scores the one with
            the smaller value comes first. Left out: the smaller row number.
        block_users: How many users are scored at a time, at most; at least 1. A search needs about
            `block_users * chunk_items * 8` bytes next to its inputs and results, three times that
            where very many scores are equal.
        precision: Type of the fast products on the CPU: "float32", "bfloat16", "int8", or "auto",
            which for many users takes what a short trial finds fastest. "int8" needs D + 16 bytes
            an item more while it searches. Where such products turn out not to keep their bound
            here, float32 is taken anyway.
        ready: Whether what the first search makes of the items is kept for later ones, on the CPU:
            whole numbers of a quarter of the vectors' size where such products are fastest, else a
            copy for few users. The vectors must then not change.

    Attributes:
        searched_again: Users of the last search whose lists rounded products left open, so that
            they were searched a second time in float32.

    Raises:
        UserError: A shape, a size or a name does not fit.

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
        precision: Precision = "auto",
        ready: bool = False,
    ) -> None:
        if item_vectors.ndim != 2 or len(item_vectors) < 2:
            raise _misfit("item_vectors", list(item_vectors.shape), "[items + 1, dim], one item")
        if chunk_items < 1 or block_users < 1:
            raise _misfit("chunk_items, block_users", (chunk_items, block_users), "1 or more")
        if precision not in get_args(Precision):
            raise _misfit("precision", repr(precision), "auto, float32, bfloat16 or int8")
        self.searched_again = 0
        self._vectors = item_vectors.detach().float()
        self._chunk_items = chunk_items
        self._block_users = block_users
        self._precision = precision
        # Place p of the tie order holds item `_order[p]`; None where that is simply p + 1.
        self._order: Tensor | None = None
        self._place: Tensor | None = None
        if tie_rank is not None:
            self._set_tie_order(torch.as_tensor(tie_rank, device=item_vectors.device))
        self._ready: Ready | None = None
        self._integers: IntegerItems | None = None
        self._keep = ready

    @property
    def num_items(self) -> int:
        """Number of items V, padding not counted."""
        return len(self._vectors) - 1

    @torch.no_grad()
    def search(
        self,
        users: Tensor,
        top_k: int,
        exclude: tuple[Integers, Integers] | None = None,
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
        excluded = None
        if exclude is not None:
            excluded = exclusions(exclude, len(users), self.num_items, self._place, vectors.device)
        limit = _longest(users, "users", None)
        if vectors.device.type == "cpu":
            return self._by_threshold(users, top_k, excluded, limit)
        sizes = (self.num_items, self._chunk_items, self._block_users)
        scores, places = by_chunks.search(
            users,
            top_k,
            lambda start, stop: self._chunk(start, stop, limit),
            sizes,
            excluded,
        )
        items = places + 1 if self._order is None else self._order[places.clamp(min=0)]
        return scores, torch.where(scores > by_chunks.NO_SCORE, items, 0)

    def _by_threshold(
        self, users: Tensor, top_k: int, excluded: Exclusions | None, limit: float
    ) -> tuple[Tensor, Tensor]:
        order = self._places()
        none = torch.zeros(len(users), dtype=torch.int64)
        begin, end = (none, none) if excluded is None else excluded.ranges(len(users))
        places = np.empty(0, dtype=np.int64) if excluded is None else excluded.place.numpy()
        scores = torch.full((len(users), top_k), by_chunks.NO_SCORE)
        items = torch.zeros(len(users), top_k, dtype=torch.int64)
        lists = Lists(scores.numpy(), items.numpy(), np.zeros(len(users), dtype=np.bool_))
        kind = self._kind(len(users))
        vectors = self._vectors.contiguous()
        whole = kind == torch.int8
        # Many users share what is copied for them, tile by tile; few do not.
        single = kind == torch.float32 and len(users) < FEW_USERS
        catalogue = Catalogue(
            vectors, order, self._block_users, self._chunk_items, limit, self._refuse,
            self._measured(vectors, order, limit) if single else None,
            self._rounded(vectors, order, limit) if whole else None,
        )  # fmt: skip
        asked = Asked(users.contiguous(), places, begin.numpy(), end.numpy())
        room = 8 * self._block_users * self._chunk_items
        by_threshold.search(catalogue, asked, lists, kind, room)
        self.searched_again = int(lists.again.sum())
        return scores, items

    def _places(self) -> Ints:
        """The item at each place of the tie order; empty where that is the place plus one."""
        return np.empty(0, dtype=np.int64) if self._order is None else self._order.numpy()

    def _fits(self, measured: Ready | IntegerItems | None, limit: float) -> bool:
        """Whether no score can overflow; the search that measures anew says which one could."""
        return measured is not None and measured.longest * limit < torch.finfo(torch.float32).max

    def _measured(self, vectors: Tensor, order: Ints, limit: float) -> Ready | None:
        """The items measured now or before, if they are to be kept."""
        if self._keep and self._ready is None:
            self._ready = make_ready(vectors, order)
        return self._ready if self._fits(self._ready, limit) else None

    def _rounded(self, vectors: Tensor, order: Ints, limit: float) -> IntegerItems:
        """The items as whole numbers, made now or before."""
        found = self._integers
        if found is None or not self._fits(found, limit):
            tile = min(TILE[torch.int8][1], self._chunk_items, self.num_items)
            found = rounded_items((vectors, order), middle(vectors), tile, limit, self._refuse)
        if self._keep:
            self._integers = found
        return found

    def _kind(self, num_users: int) -> torch.dtype:
        """What is multiplied."""
        if self._precision == "auto":
            best = fastest(self._vectors.shape[1])
            # For few users it takes longer to round the items than to multiply them.
            kept = self._keep and best == torch.int8
            return best if kept or num_users >= FEW_USERS else torch.float32
        kind = {"bfloat16": torch.bfloat16, "int8": torch.int8}.get(self._precision)
        return kind if kind is not None and holds(kind, self._vectors.shape[1]) else torch.float32

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

    def _refuse(self, place: int) -> None:
        item = place + 1 if self._order is None else int(self._order[place])
        raise _no_number("item_vectors", item)


def _longest(vectors: Tensor, name: str, rows: Tensor | None, limit: float = 1.0) -> float:
    """Largest Euclidean length; times `limit` it must stay below what float32 can hold."""
    lengths = torch.linalg.vector_norm(vectors, dim=1, dtype=torch.float64)
    bad = ~(lengths * limit < torch.finfo(torch.float32).max)
    if bool(bad.any()):
        place = int(torch.nonzero(bad)[0])
        raise _no_number(name, place if rows is None else int(rows[place]))
    return float(lengths.max()) if len(lengths) else 0.0


def _no_number(name: str, row: int) -> NumericError:
    return NumericError(
        "RETRIEVAL-FINITE",
        f"{name} row {row}",
        "found NaN, infinity or an overflowing length, expected finite scores. "
        "Train again with a smaller learning rate.",
    )


def _misfit(where: str, found: object, expected: str) -> UserError:
    return UserError("RETRIEVAL-SHAPE", where, f"found {found}, expected {expected}.")
