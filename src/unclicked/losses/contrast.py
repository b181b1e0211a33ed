"""A bounded contrast of label and unclicked vector by their direction from the clicked vector.

A loss here is called as `(clicked, unclicked, labels, *, temperature)`; `CONTRASTS` holds them
by name, as `METRICS` holds the losses with a margin.
"""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn import functional

from unclicked.errors import UserError
from unclicked.losses.distance import ContrastLoss, check_shapes, unit_length


def infonce(clicked: Tensor, unclicked: Tensor, labels: Tensor, *, temperature: float) -> Tensor:
    """Ask that the clicked vector points rather at the labels than at the unclicked vector.

    It is the cross-entropy of picking the label vector out of two candidates. With the cosine s it
    sees directions only (of vectors longer than about 1e-5): none can lower it by growing. The
    loss is bounded, its gradient is not: at a vector of length l it is at most
    2 / (temperature * l), and thus large where l is small. A vector of zeros gets no gradient.

    Args:
        clicked: Clicked vectors h [R, D], float.
        unclicked: Unclicked vectors n [R, D], float.
        labels: Label vectors c [R, D], float.
        temperature: Divides the difference of both cosines, above 0.

    Returns:
        log(1 + exp((s(h, n) - s(h, c)) / temperature)) per row [R]: log 2 where both cosines are
        the same, at most log(1 + exp(2 / temperature)). A vector of zeros has the cosine 0.

    Raises:
        UserError: Shapes differ or the temperature is not above 0.

    Source: InfoNCE (van den Oord et al. 2018) with skipped items as negatives, as Seshadri and
        Knees (2023) add it to sequential recommenders.
    Differs: one negative, the mean of the row's unclicked items, and none from other rows.

    Example:
        >>> import torch
        >>> h, n, c = (torch.tensor([v]) for v in ([2.0, 0.0], [0.0, 3.0], [5.0, 0.0]))
        >>> infonce(h, n, c, temperature=1.0)  # log(1 + exp(0 - 1))
        tensor([0.3133])
        >>> infonce(h, n, n, temperature=1.0)  # log 2
        tensor([0.6931])
    """
    check_shapes(clicked, unclicked, labels)
    if not (math.isfinite(temperature) and temperature > 0.0):
        raise UserError(
            "LOSS-TEMPERATURE",
            "temperature",
            f"found {temperature}, expected a finite number above 0.",
        )
    apart = unit_length(unclicked) - unit_length(labels)
    gap = (unit_length(clicked) * apart).sum(dim=-1)
    return functional.softplus(gap / temperature)


CONTRASTS: dict[str, ContrastLoss] = {"infonce": infonce}
"""The losses with a temperature by the name that `metric` takes."""
