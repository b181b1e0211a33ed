"""The candidates of some users: everything that tiles of products do not rule out."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unclicked.retrieval.bounds import LONGEST, STORED_SHARE, middle, user_terms
from unclicked.retrieval.candidate_kernel import BLOCK, collect
from unclicked.retrieval.list_kernel import finish
from unclicked.retrieval.products import coarse_float32
from unclicked.retrieval.tile_kernel import fill_tile

Ints = NDArray[np.int64]
# Products alive at a time, by users and items: they and the items stay in a core's cache.
TILE: Final = {torch.float32: (128, 1024), torch.bfloat16: (256, 2048)}
# Candidates that a user may have, at least, and as a multiple of the length of the lists.
LEAST_ROOM, ROOM = 1024, 4
# Far more than any float32, and no infinity, whose product with zero is no number.
UNKNOWN: Final = 1e300
BITS: Final = {torch.float32: torch.int32, torch.bfloat16: torch.int16}


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


@dataclass(frozen=True)
class Catalogue:
    """What is searched.

    Attributes:
        vectors: float32 [V + 1, D], contiguous.
        order: int64 [V], the item at each place of the tie order; empty where that is the place
            plus one.
        tile_users: Users scored at a time, at most.
        tile_items: Items scored at a time, at most.
        limit: Length of the longest user vector.
        refuse: Raises the error about the item at a place.
        ready: The items measured before; None measures them tile by tile.
    """

    vectors: Tensor
    order: Ints
    tile_users: int
    tile_items: int
    limit: float
    refuse: Callable[[int], None]
    ready: Ready | None = None


@dataclass(frozen=True)
class Asked:
    """Users and what they must not get.

    Attributes:
        users: float32 [U, D].
        places: int64, excluded places.
        begin: int64 [U], where each user's begin; ascending from there.
        end: int64 [U], where they end.
    """

    users: Tensor
    places: Ints
    begin: Ints
    end: Ints

    def only(self, rows: slice | Ints) -> Asked:
        """Some of the users.

        Args:
            rows: Which.

        Returns:
            They alone.
        """
        chosen = self.users[rows if isinstance(rows, slice) else torch.from_numpy(rows)]
        return Asked(chosen, self.places, self.begin[rows], self.end[rows])


@dataclass(frozen=True)
class Lists:
    """Lists of some users, filled in place.

    Attributes:
        scores: float32 [U, K].
        items: int64 [U, K].
        again: bool [U], whose bfloat16 products left too much open.
    """

    scores: NDArray[np.float32]
    items: Ints
    again: NDArray[np.bool_]


def room_of(catalogue: Catalogue, top_k: int) -> int:
    """Candidates that a user may have."""
    return min(max(LEAST_ROOM, ROOM * top_k), len(catalogue.vectors) - 1)


class Candidates:
    """The candidates of some users, in one thread."""

    def __init__(self, catalogue: Catalogue, asked: Asked, top_k: int, kind: torch.dtype) -> None:
        self._catalogue, self._asked, self._kind = catalogue, asked, kind
        count, width = asked.users.shape
        room = room_of(catalogue, top_k)
        self.given_up = np.zeros(count, dtype=np.bool_)
        self._state = (
            np.full((count, top_k), -np.inf, dtype=np.float32),
            np.empty((count, room), dtype=np.float32),
            np.empty((count, room), dtype=np.int64),
            np.zeros(count, dtype=np.int64),
            self.given_up,
        )
        self._exclude = (asked.places, asked.begin.copy(), asked.end)
        exact = kind == torch.float32
        mean = torch.zeros(width) if exact else middle(catalogue.vectors)
        self._mean = mean.numpy()
        self._users = asked.users.to(kind)
        self._terms = user_terms(asked.users, self._users, coarse=exact and coarse_float32())
        self._source = (asked.users.numpy(), catalogue.vectors.numpy(), catalogue.order)
        self._tile_users = min(TILE[kind][0], catalogue.tile_users)
        tile_items = TILE[kind][1]
        self._ready = catalogue.ready if exact else None
        if self._ready is not None:
            # Nothing is copied, so that only the products must fit; few users take wide tiles.
            tile_items = max(tile_items, math.prod(TILE[kind]) // max(count, 1))
        self._tile_items = min(tile_items, catalogue.tile_items, len(catalogue.vectors) - 1)
        room = 0 if self._ready is not None else self._tile_items
        self._items = torch.empty(room, width, dtype=kind)
        self._products = torch.empty(self._tile_users * self._tile_items, dtype=kind)
        self._measured = (np.empty(self._tile_items), np.empty(self._tile_items))
        self._largest = (0.0, 0.0)
        words, block = np.empty(width, dtype=np.int32), np.empty(BLOCK, dtype=np.int32)
        self._words = (words, words.view(np.float32), np.empty(width, dtype=np.float32))
        self._block = (block, block.view(np.float32))

    def run(self, stop: threading.Event) -> None:
        """Read all items once; end early where most users have been given up."""
        num_items = len(self._catalogue.vectors) - 1
        for start in range(0, num_items, self._tile_items):
            size = min(self._tile_items, num_items - start)
            known = self._fill(start, size)
            for first in range(0, len(self._users), self._tile_users):
                self._read(start, size, first, known)
            if 2 * int(self.given_up.sum()) > len(self.given_up):
                self.given_up[:] = True
            if stop.is_set() or bool(self.given_up.all()):
                return

    def write(self, lists: Lists, rows: Ints) -> None:
        """Write the lists of the users who were not given up into some rows."""
        finish(rows, lists.scores, lists.items, self._state, self._source)

    def _fill(self, start: int, size: int) -> bool:
        """Prepare a tile of items; whether products with it cannot overflow."""
        catalogue, limit = self._catalogue, self._catalogue.limit
        if self._ready is not None:
            one, part = self._ready, slice(start, start + size)
            self._items = one.vectors[part]
            self._measured = (one.lengths[part], one.rests[part])
            self._largest = (float(one.lengths[part].max()), float(one.rests[part].max()))
            return bool(max(one.longest, limit, one.longest * limit) < LONGEST)
        lengths, rests = self._measured
        tile: Any = self._items[:size]
        bad, longest = fill_tile(
            self._source[1],
            catalogue.order,
            start,
            self._mean,
            limit,
            (tile if self._kind == torch.float32 else tile.view(torch.int16)).numpy(),
            self._words,
            lengths[:size],
            rests[:size],
        )
        if bad >= 0:
            catalogue.refuse(bad)
        self._largest = (float(lengths[:size].max()), float(rests[:size].max()))
        return bool(max(longest, limit, longest * limit) < LONGEST)

    def _read(self, start: int, size: int, first: int, known: bool) -> None:
        """Multiply a tile of items with a tile of users and collect candidates."""
        users = self._users[first : first + self._tile_users]
        tile = self._products[: len(users) * size].view(len(users), size)
        terms = self._terms
        if known:
            torch.mm(users, self._items[:size].T, out=tile)
        else:
            # Nothing is known of such products: every item stays a candidate.
            tile.zero_()
            terms = np.full_like(terms, UNKNOWN)
        lengths, rests = self._measured
        collect(
            tile.view(BITS[self._kind]).numpy(),
            start,
            first,
            (terms, STORED_SHARE[self._kind]),
            (lengths[:size], rests[:size], *self._largest),
            self._exclude,
            self._state,
            self._block,
            self._kind == torch.float32,
            self._source,
        )
