"""The candidates of some users, by products of whole numbers of one byte."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from unclicked.retrieval.bounds import LONGEST, user_terms
from unclicked.retrieval.candidates import TILE, UNKNOWN, Asked, Candidates, Catalogue
from unclicked.retrieval.integer_candidate_kernel import collect_integers
from unclicked.retrieval.integer_items import IntegerItems
from unclicked.retrieval.integer_tile_kernel import LARGEST, LARGEST_VALUE, SMALLEST_VALUE
from unclicked.retrieval.products import multiply_integers


class IntegerCandidates(Candidates):
    """The candidates of some users, in one thread; sums of products are exact.

    Args:
        catalogue: What is searched.
        asked: The users.
        top_k: Length of the lists.
        items: The items of the catalogue, rounded.
    """

    def __init__(self, catalogue: Catalogue, asked: Asked, top_k: int, items: IntegerItems) -> None:
        tile_users = min(TILE[torch.int8][0], catalogue.tile_users)
        # Few users take several tiles at once: only the products must fit.
        tiles = max(1, math.prod(TILE[torch.int8]) // (max(len(asked.users), 1) * items.tile))
        most = -(-min(catalogue.tile_items, len(items.numbers)) // items.tile)
        span = items.tile * min(tiles, most)
        super().__init__(catalogue, asked, top_k, (tile_users, span))
        self._numbers, scales = whole_numbers(asked.users)
        rounded = self._numbers.double() * scales[:, None]
        self._terms = (user_terms(asked.users, rounded, coarse=False), scales.numpy())
        self._rounded = items
        self._items = (items.tile, items.scales, items.lengths, items.rests, items.largest)
        self._sums = torch.empty(min(tile_users, len(asked.users)) * span, dtype=torch.int32)
        longest, limit = items.longest, catalogue.limit
        if not max(longest, limit, longest * limit) < LONGEST:
            # Nothing is known of products as large: every item stays a candidate.
            self._numbers.zero_()
            self._terms[0][:] = UNKNOWN

    def _fill(self, start: int, size: int) -> None:
        """All tiles are there."""

    def _read(self, start: int, size: int, first: int) -> None:
        users = self._numbers[first : first + self._tile_users]
        sums = self._sums[: len(users) * size].view(len(users), size)
        multiply_integers(users, self._rounded.numbers[start : start + size].T, sums)
        collect_integers(
            sums.numpy(),
            start,
            first,
            self._terms,
            self._items,
            self._exclude,
            self._state,
            self._source,
        )


def whole_numbers(users: Tensor) -> tuple[Tensor, Tensor]:
    """Vectors as whole numbers with a scale each.

    Args:
        users: float32 [U, D].

    Returns:
        int8 [U, D] of at most 127 in size, and float64 [U]: multiplied, they are near the users.

    Example:
        >>> numbers, scales = whole_numbers(torch.tensor([[2.54, -1.0], [0.0, 0.0]]))
        >>> numbers.tolist(), scales.round(decimals=6).tolist()
        ([[127, -50], [0, 0]], [0.02, 1.0])
    """
    exact = users.double()
    largest = exact.abs().amax(dim=1)
    usable = (largest > SMALLEST_VALUE) & (largest < LARGEST_VALUE)
    scales = torch.where(usable, largest / LARGEST, 1.0)
    numbers = torch.where(usable[:, None], (exact / scales[:, None]).round(), 0.0)
    return numbers.to(torch.int8), scales
