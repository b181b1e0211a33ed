"""Embedding tables of which only the rows of a batch ever get a gradient."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# Fewer ids than this are sorted faster than all rows are looked through.
LEAST_IDS = 1024


def distinct_of(ids: Tensor, limit: int) -> tuple[Tensor, Tensor]:
    """Distinct ids, ascending, and where in them each id is.

    Args:
        ids: int64, any shape, in 0 to `limit` - 1.
        limit: Number of ids there may be.

    Returns:
        int64 [n], and places int64 of the shape of `ids`: as `torch.unique` with its inverse, but
        without a sort where the ids are many for their range.

    Example:
        >>> distinct_of(torch.tensor([[7, 0], [7, 3]]), 10)
        (tensor([0, 3, 7]), tensor([[2, 0],
                [2, 1]]))
    """
    if not LEAST_IDS <= ids.numel() >= limit // 3:
        distinct, place = torch.unique(ids, return_inverse=True)
        return distinct, place
    flat = ids.reshape(-1)
    seen = torch.zeros(limit, dtype=torch.int64, device=ids.device).index_fill_(0, flat, 1)
    places = seen.cumsum(0).sub_(1)
    return seen.nonzero().reshape(-1), places.index_select(0, flat).reshape(ids.shape)


class Table(nn.Module):
    """An embedding table that hands out rows and remembers which, for the optimiser.

    All that the rest asks of a table is the rows of some distinct ids; their gradients come back
    on the very tensors that were handed out. No gradient of the whole table ever exists. Row 0 is
    padding and the last row stands for unknown values; both start at zero.

    Args:
        num_values: Number of values; the table has two rows more.
        dim: Width of a row.
        init: "uniform" in +-0.1, or "truncated_normal" with deviation 1 / sqrt(num_values).

    Source: section 4.3 (random initialisation); initialisers of the official SDM code.
    Differs: padding and unknown rows are zero; the official code hashes ids, which may collide.
    """

    def __init__(self, num_values: int, dim: int, init: str = "uniform") -> None:
        super().__init__()
        self.num_rows = num_values + 2
        weight = torch.empty(self.num_rows, dim)
        if init == "uniform":
            weight.uniform_(-0.1, 0.1)
        else:
            deviation = num_values**-0.5
            nn.init.trunc_normal_(weight, std=deviation, a=-2 * deviation, b=2 * deviation)
        weight[0] = 0.0
        weight[-1] = 0.0
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.handed_out: list[tuple[Tensor, Tensor]] = []

    def rows(self, ids: Tensor) -> Tensor:
        """Rows of distinct ids.

        Args:
            ids: int64 [n], distinct, ascending.

        Returns:
            float [n, dim]; in training a leaf whose gradient the optimiser takes back.
        """
        # Much faster than indexing with [ids].
        rows = self.weight.index_select(0, ids)
        if self.training and torch.is_grad_enabled():
            rows.requires_grad_()
            self.handed_out.append((ids, rows))
        return rows

    def forward(self, ids: Tensor) -> Tensor:
        """Rows of any ids, each distinct one handed out once.

        Args:
            ids: int64, any shape.

        Returns:
            float [..., dim].
        """
        distinct, place = distinct_of(ids, self.num_rows)
        rows = self.rows(distinct)
        return rows.index_select(0, place.reshape(-1)).reshape(*ids.shape, rows.shape[1])

    def collect_gradients(self) -> tuple[Tensor, Tensor] | None:
        """Take back the gradients of all rows handed out since the last call.

        Returns:
            Distinct ids int64 [n] and their summed gradients float [n, dim], without padding;
            None where there are none.
        """
        pairs = [(ids, rows.grad) for ids, rows in self.handed_out if rows.grad is not None]
        self.handed_out = []
        if not pairs:
            return None
        ids, gradient = pairs[0]
        if len(pairs) > 1:
            ids = torch.cat([one for one, _ in pairs])
            gradient = torch.cat([one for _, one in pairs])
            ids, place = distinct_of(ids, self.num_rows)
            summed = gradient.new_zeros(len(ids), gradient.shape[1])
            gradient = summed.index_add_(0, place, gradient)
        # Ascending: padding can only be the first.
        first = int(len(ids) > 0 and int(ids[0]) == 0)
        return ids[first:], gradient[first:]
