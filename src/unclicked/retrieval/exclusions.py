"""Items that a user must not get, as places of the order in which ties are broken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unclicked.errors import UserError

Integers: TypeAlias = Tensor | NDArray[np.integer]


@dataclass(frozen=True)
class Exclusions:
    """Pairs of user and place, ordered by both.

    Attributes:
        owner: int64 [n], the users.
        place: int64 [n], the places.
    """

    owner: Tensor
    place: Tensor

    def erase(self, block: Tensor, rows: slice, start: int, score: float) -> None:
        """Overwrite the scores of the pairs that lie in a block.

        Args:
            block: float [B, C], changed.
            rows: The users of the block.
            start: Place of its first column.
            score: What to write.
        """
        bounds = torch.tensor([rows.start, rows.stop], device=self.owner.device)
        low, high = torch.searchsorted(self.owner, bounds).tolist()
        column = self.place[low:high] - start
        inside = (column >= 0) & (column < block.shape[1])
        block[self.owner[low:high][inside] - rows.start, column[inside]] = score

    def ranges(self, num_users: int) -> tuple[Tensor, Tensor]:
        """Where each user's places begin and end.

        Args:
            num_users: U.

        Returns:
            int64 [U] twice.
        """
        users = torch.arange(num_users, device=self.owner.device)
        begin = torch.searchsorted(self.owner, users)
        return begin, torch.searchsorted(self.owner, users, right=True)


def exclusions(
    exclude: tuple[Integers, Integers],
    num_users: int,
    num_items: int,
    place: Tensor | None,
    device: torch.device,
) -> Exclusions:
    """Check what a caller excludes and look up its places.

    Args:
        exclude: Offsets [U + 1] and values.
        num_users: U.
        num_items: V; values outside 1..V name no item.
        place: int64 [V], the place of each item in the tie order; None where it is the item's
            number less one.
        device: Where the pairs go.

    Returns:
        The pairs.

    Raises:
        UserError: If the offsets do not fit.

    Example:
        >>> found = exclusions((np.array([0, 0, 3]), np.array([3, 1, 99])), 2, 5, None,
        ...     torch.device("cpu"))
        >>> found.owner.tolist(), found.place.tolist()
        ([1, 1], [0, 2])
    """

    offsets, values = (torch.as_tensor(part).to(device, torch.int64) for part in exclude)
    if (
        offsets.shape != (num_users + 1,)
        or int(offsets[0]) != 0
        or int(offsets[-1]) != len(values)
        or bool((offsets.diff() < 0).any())
    ):
        raise UserError(
            "RETRIEVAL-SHAPE",
            "exclude",
            f"found offsets of shape {list(offsets.shape)}, expected {num_users + 1} offsets that "
            f"rise from 0 to {len(values)}.",
        )
    real = (values >= 1) & (values <= num_items)
    owner = torch.repeat_interleave(torch.arange(num_users, device=device), offsets.diff())[real]
    places = values[real] - 1 if place is None else place[values[real] - 1]
    order = torch.argsort(places)
    order = order[torch.argsort(owner[order], stable=True)]
    return Exclusions(owner[order], places[order])
