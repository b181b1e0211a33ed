"""Embedding tables of which only the rows of a batch ever get a gradient."""

from __future__ import annotations

import torch
from torch import Tensor, nn


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
        weight = torch.empty(num_values + 2, dim)
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
            ids: int64 [n], distinct.

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
        distinct, place = torch.unique(ids, return_inverse=True)
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
        ids = torch.cat([one for one, _ in pairs])
        gradient = torch.cat([one for _, one in pairs if one is not None])
        if len(pairs) > 1:
            ids, place = torch.unique(ids, return_inverse=True)
            summed = gradient.new_zeros(len(ids), gradient.shape[1])
            gradient = summed.index_add_(0, place, gradient)
        real = ids > 0
        return ids[real], gradient[real]
