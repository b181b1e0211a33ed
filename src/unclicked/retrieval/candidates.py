"""The candidates of some users: everything that tiles of products do not rule out."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unclicked.retrieval.integer_items import IntegerItems
from unclicked.retrieval.list_kernel import finish
from unclicked.retrieval.ready_items import Ready

Ints = NDArray[np.int64]
# Products alive at a time, by users and items: they and the items stay in a core's cache.
TILE: Final = {
    torch.float32: (128, 1024),
    torch.bfloat16: (256, 2048),
    torch.int8: (256, 4096),
}
# Candidates that a user may have, at least, and as a multiple of the length of the lists.
LEAST_ROOM, ROOM = 1024, 4
# Far more than any float32, and no infinity, whose product with zero is no number.
UNKNOWN: Final = 1e300


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
        integers: The items as whole numbers; None where such are not multiplied.
    """

    vectors: Tensor
    order: Ints
    tile_users: int
    tile_items: int
    limit: float
    refuse: Callable[[int], None]
    ready: Ready | None = None
    integers: IntegerItems | None = None


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
        again: bool [U], whose rounded products left too much open.
    """

    scores: NDArray[np.float32]
    items: Ints
    again: NDArray[np.bool_]


def room_of(catalogue: Catalogue, top_k: int) -> int:
    """Candidates that a user may have."""
    return min(max(LEAST_ROOM, ROOM * top_k), len(catalogue.vectors) - 1)


class Candidates(ABC):
    """The candidates of some users, in one thread.

    Args:
        catalogue: What is searched.
        asked: The users.
        top_k: Length of the lists.
        tile: Users and items whose products are alive at a time.
    """

    def __init__(
        self, catalogue: Catalogue, asked: Asked, top_k: int, tile: tuple[int, int]
    ) -> None:
        self._catalogue, self._asked = catalogue, asked
        self._num_items = len(catalogue.vectors) - 1
        self._tile_users, self._tile_items = tile
        count, room = len(asked.users), room_of(catalogue, top_k)
        self.given_up = np.zeros(count, dtype=np.bool_)
        self._state = (
            np.full((count, top_k), -np.inf, dtype=np.float32),
            np.empty((count, room), dtype=np.float32),
            np.empty((count, room), dtype=np.int64),
            np.zeros(count, dtype=np.int64),
            self.given_up,
        )
        self._exclude = (asked.places, asked.begin.copy(), asked.end)
        self._source = (asked.users.numpy(), catalogue.vectors.numpy(), catalogue.order)

    def run(self, stop: threading.Event) -> None:
        """Read all items once; end early where most users have been given up."""
        count = len(self._asked.users)
        for start in range(0, self._num_items, self._tile_items):
            size = min(self._tile_items, self._num_items - start)
            self._fill(start, size)
            for first in range(0, count, self._tile_users):
                self._read(start, size, first)
            if 2 * int(self.given_up.sum()) > len(self.given_up):
                self.given_up[:] = True
            if stop.is_set() or bool(self.given_up.all()):
                return

    def write(self, lists: Lists, rows: Ints) -> None:
        """Write the lists of the users who were not given up into some rows."""
        finish(rows, lists.scores, lists.items, self._state, self._source)

    @abstractmethod
    def _fill(self, start: int, size: int) -> None:
        """Prepare a tile of items."""

    @abstractmethod
    def _read(self, start: int, size: int, first: int) -> None:
        """Multiply a tile of items with a tile of users and collect candidates."""
