"""AdaGrad over the touched rows of a table, compiled: each value is read and written once."""

from __future__ import annotations

import numpy as np
from numba import njit
from torch import Tensor

from unclicked.row_threads import over_rows


def move_rows(
    weight: Tensor, total: Tensor, rows: Tensor, gradient: Tensor, scale: float, rate: float
) -> None:
    """Add the squared gradients to the sums of some rows, and move the rows.

    Args:
        weight: float [n, d] on the CPU, contiguous; changed.
        total: Sums of squares, like `weight`; changed.
        rows: int64 [m], distinct.
        gradient: float [m, d].
        scale: Factor of every gradient, for clipping.
        rate: Step size.

    Source: section 4.3. A coordinate whose sum is zero does not move.

    Example:
        >>> import torch
        >>> weight, total = torch.ones(2, 1), torch.zeros(2, 1)
        >>> move_rows(weight, total, torch.tensor([1]), torch.tensor([[3.0]]), 1.0, 0.5)
        >>> weight.tolist(), total.tolist()
        ([[1.0], [0.5]], [[0.0], [9.0]])
    """
    real = weight.numpy().dtype.type
    given = (weight.numpy(), total.numpy(), rows.numpy(), gradient.contiguous().numpy())
    factors = (real(scale), real(rate))
    # Rows are distinct, so that no two threads meet.
    over_rows(lambda begin, end: _move(*given, *factors, begin, end), *gradient.shape)


@njit(cache=True, nogil=True, error_model="numpy")
def _move(weight, total, rows, gradient, scale, rate, begin, end):
    for place in range(begin, end):
        row = rows[place]
        for column in range(weight.shape[1]):
            own = gradient[place, column] * scale
            summed = total[row, column] + own * own
            total[row, column] = summed
            # Nothing but zeros so far: there is nothing to divide by, and nothing to move.
            divisor = np.sqrt(summed) if summed > 0 else summed + 1
            weight[row, column] -= rate * (own / divisor)
