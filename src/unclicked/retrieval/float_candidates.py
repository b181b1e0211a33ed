"""The candidates of some users, by products in float32 or bfloat16."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import torch

from unclicked.retrieval.bounds import LONGEST, STORED_SHARE, middle, user_terms
from unclicked.retrieval.candidate_kernel import BLOCK, collect
from unclicked.retrieval.candidates import TILE, UNKNOWN, Asked, Candidates, Catalogue
from unclicked.retrieval.products import coarse_float32
from unclicked.retrieval.tile_kernel import fill_tile

BITS: Final = {torch.float32: torch.int32, torch.bfloat16: torch.int16}


class FloatCandidates(Candidates):
    """The candidates of some users, in one thread.

    Args:
        catalogue: What is searched.
        asked: The users.
        top_k: Length of the lists.
        kind: What is multiplied: float32 or bfloat16.
    """

    def __init__(self, catalogue: Catalogue, asked: Asked, top_k: int, kind: torch.dtype) -> None:
        exact = kind == torch.float32
        self._kind = kind
        self._ready = catalogue.ready if exact else None
        super().__init__(catalogue, asked, top_k, self._tile(catalogue, len(asked.users)))
        width = asked.users.shape[1]
        mean = torch.zeros(width) if exact else middle(catalogue.vectors)
        self._mean = mean.numpy()
        self._users = asked.users.to(kind)
        self._terms = user_terms(asked.users, self._users, coarse=exact and coarse_float32())
        room = 0 if self._ready is not None else self._tile_items
        self._items = torch.empty(room, width, dtype=kind)
        self._products = torch.empty(self._tile_users * self._tile_items, dtype=kind)
        self._measured = (np.empty(self._tile_items), np.empty(self._tile_items))
        self._largest = (0.0, 0.0)
        self._known = True
        words, block = np.empty(width, dtype=np.int32), np.empty(BLOCK, dtype=np.int32)
        self._words = (words, words.view(np.float32), np.empty(width, dtype=np.float32))
        self._block = (block, block.view(np.float32))

    def _tile(self, catalogue: Catalogue, count: int) -> tuple[int, int]:
        tile_users, tile_items = TILE[self._kind]
        if self._ready is not None:
            # Nothing is copied, so that only the products must fit; few users take wide tiles.
            tile_items = max(tile_items, math.prod(TILE[self._kind]) // max(count, 1))
        most = min(catalogue.tile_items, len(catalogue.vectors) - 1)
        return min(tile_users, catalogue.tile_users), min(tile_items, most)

    def _fill(self, start: int, size: int) -> None:
        catalogue, limit = self._catalogue, self._catalogue.limit
        if self._ready is not None:
            one, part = self._ready, slice(start, start + size)
            self._items = one.vectors[part]
            self._measured = (one.lengths[part], one.rests[part])
            longest = one.longest
        else:
            tile: Any = self._items[:size]
            bad, longest = fill_tile(
                self._source[1],
                catalogue.order,
                start,
                self._mean,
                limit,
                (tile if self._kind == torch.float32 else tile.view(torch.int16)).numpy(),
                self._words,
                self._measured[0][:size],
                self._measured[1][:size],
            )
            if bad >= 0:
                catalogue.refuse(bad)
        lengths, rests = self._measured
        self._largest = (float(lengths[:size].max()), float(rests[:size].max()))
        self._known = bool(max(longest, limit, longest * limit) < LONGEST)

    def _read(self, start: int, size: int, first: int) -> None:
        users = self._users[first : first + self._tile_users]
        tile = self._products[: len(users) * size].view(len(users), size)
        terms = self._terms
        if self._known:
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
