"""The squared distance, and what every loss on distances has in common."""

from __future__ import annotations

import math
from typing import Protocol

from torch import Tensor

from unclicked.errors import UserError

PAIR_FORMS = ("hinge", "plain")
LENGTH_EPS = 1e-12


class MetricLoss(Protocol):
    """A loss per row from the clicked, unclicked and label vectors [R, D]."""

    def __call__(
        self, clicked: Tensor, unclicked: Tensor, labels: Tensor, *, margin: float
    ) -> Tensor:
        """Return one loss per row [R]."""
        ...


class PairLoss(Protocol):
    """A metric loss that looks at two of the three vectors."""

    def __call__(
        self,
        clicked: Tensor,
        unclicked: Tensor,
        labels: Tensor,
        *,
        margin: float,
        form: str = "hinge",
    ) -> Tensor:
        """Return one loss per row [R]."""
        ...


class ContrastLoss(Protocol):
    """A loss per row from the three vectors [R, D] that has a temperature and no margin."""

    def __call__(
        self, clicked: Tensor, unclicked: Tensor, labels: Tensor, *, temperature: float
    ) -> Tensor:
        """Return one loss per row [R]."""
        ...


def squared_distance(left: Tensor, right: Tensor) -> Tensor:
    """Return the squared Euclidean distance of each row of `left` to the same row of `right`.

    Args:
        left: Vectors [..., D], float.
        right: Vectors [..., D], float, of the same shape.

    Returns:
        Squared distances [...], at least 0.

    Raises:
        UserError: The shapes differ.

    Source: the distances that Eq. 4 and Eq. 5 compare.

    Example:
        >>> import torch
        >>> squared_distance(torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, 4.0]]))
        tensor([25.])
    """
    if left.shape != right.shape or left.dim() == 0:
        raise UserError(
            "LOSS-SHAPE",
            "squared_distance",
            f"found left {list(left.shape)} and right {list(right.shape)}, expected one shape "
            "[..., D] for both. Pair the rows first.",
        )
    return (left - right).square().sum(dim=-1)


def unit_length(vectors: Tensor) -> Tensor:
    """Return vectors of length 1 in the same directions; a vector of zeros stays 0.

    A gradient passes a vector of length l as its part across the vector, times 1 / l: large for a
    short vector, at most 1e6. A vector of zeros has no direction and gets no gradient at all, and
    one whose squared length is 0 in its dtype counts as such. Below a length of about 1e-5 the
    results are shorter than 1.

    Args:
        vectors: Vectors [R, D], float.

    Returns:
        Vectors [R, D].

    Example:
        >>> import torch
        >>> unit_length(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
        tensor([[0.6000, 0.8000],
                [0.0000, 0.0000]])
    """
    squared = vectors.square().sum(dim=-1, keepdim=True)
    empty = squared == 0.0
    # Empty rows are masked twice: at the end for their gradient, which would be 1e6, and before the
    # root so that no branch is infinite where a dtype cannot hold the 1e-12.
    scale = (squared.masked_fill(empty, 1.0) + LENGTH_EPS).rsqrt()
    return vectors * scale.masked_fill(empty, 0.0)


def check_form(form: str) -> None:
    """Raise `UserError` unless a form is one of `PAIR_FORMS`."""
    if form not in PAIR_FORMS:
        raise UserError("LOSS-FORM", "form", f"found {form!r}, expected 'hinge' or 'plain'.")


def check_shapes(*vectors: Tensor) -> None:
    """Raise `UserError` unless all vectors share one shape [R, D]."""
    shapes = [list(vector.shape) for vector in vectors]
    if vectors[0].dim() != 2 or any(shape != shapes[0] for shape in shapes):
        names = ("clicked", "unclicked", "labels", "random")
        found = ", ".join(f"{name} {shape}" for name, shape in zip(names, shapes, strict=False))
        raise UserError(
            "LOSS-SHAPE", "metric loss", f"found {found}, expected one shape [R, D] for all."
        )


def check_rows(*vectors: Tensor, margin: float) -> None:
    """Raise `UserError` unless all vectors share one shape [R, D] and the margin is above 0."""
    check_shapes(*vectors)
    if not (math.isfinite(margin) and margin > 0.0):
        raise UserError(
            "LOSS-MARGIN", "margin", f"found {margin}, expected a finite number above 0."
        )
