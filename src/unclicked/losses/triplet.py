"""Losses on the squared distances between clicked, unclicked and label vectors, row by row.

Every metric loss has the signature `(clicked, unclicked, labels, *, margin)`, so that a plain
dict, `METRICS`, can hold them all; a loss that ignores one of the vectors still checks its shape.
The examples share h = (0, 0), n = (-2, 1), c = (1, 0): |h - c|^2 = 1, |h - n|^2 = 5 and
|c - n|^2 = 10.
"""

from __future__ import annotations

import torch
from torch import Tensor

from unclicked.losses.distance import (
    MetricLoss,
    PairLoss,
    check_form,
    check_rows,
    squared_distance,
)

__all__ = [
    "METRICS",
    "PAIRS",
    "asymmetric",
    "intermediate",
    "pair_clicked_label",
    "pair_clicked_unclicked",
    "pair_label_unclicked",
    "squared_distance",
    "symmetric",
    "symmetric_two_hinges",
]


def asymmetric(clicked: Tensor, unclicked: Tensor, labels: Tensor, *, margin: float) -> Tensor:
    """Ask that the clicked vector lies nearer to the labels than to the unclicked vector.

    Args:
        clicked: Clicked vectors h [R, D], float.
        unclicked: Unclicked vectors n [R, D], float.
        labels: Label vectors c [R, D], float.
        margin: Gap wanted between the two squared distances, above 0.

    Returns:
        max(0, |h - c|^2 - |h - n|^2 + margin) per row [R].

    Raises:
        UserError: Shapes differ or the margin is not above 0.

    Source: Eq. 4.

    Example:
        >>> h, n, c = (torch.tensor([v]) for v in ([0.0, 0.0], [-2.0, 1.0], [1.0, 0.0]))
        >>> asymmetric(h, n, c, margin=5.5)
        tensor([1.5000])
    """
    check_rows(clicked, unclicked, labels, margin=margin)
    gap = squared_distance(clicked, labels) - squared_distance(clicked, unclicked)
    return torch.relu(gap + margin)


def symmetric(clicked: Tensor, unclicked: Tensor, labels: Tensor, *, margin: float) -> Tensor:
    """Ask that clicked and label vectors lie nearer to each other than either to the unclicked.

    Args:
        clicked: Clicked vectors h [R, D], float.
        unclicked: Unclicked vectors n [R, D], float.
        labels: Label vectors c [R, D], float.
        margin: Sum of both margins (m*), squared distance, above 0.

    Returns:
        max(0, 2 |h - c|^2 - |h - n|^2 - |c - n|^2 + margin) per row [R].

    Raises:
        UserError: Shapes differ or the margin is not above 0.

    Source: the last line of Eq. 5, which Eq. 9 repeats.
    Differs: Eq. 5 equates it with `symmetric_two_hinges`, true only where both signs agree.

    Example:
        >>> h, n, c = (torch.tensor([v]) for v in ([0.0, 0.0], [-2.0, 1.0], [1.0, 0.0]))
        >>> symmetric(h, n, c, margin=14.0), symmetric(h, n, c, margin=11.0)
        (tensor([1.]), tensor([0.]))
    """
    check_rows(clicked, unclicked, labels, margin=margin)
    pull = 2.0 * squared_distance(clicked, labels)
    push = squared_distance(clicked, unclicked) + squared_distance(labels, unclicked)
    return torch.relu(pull - push + margin)


def symmetric_two_hinges(
    clicked: Tensor, unclicked: Tensor, labels: Tensor, *, margin: float
) -> Tensor:
    """Add the hinge seen from the clicked vector and the hinge seen from the label vector.

    Args:
        clicked: Clicked vectors h [R, D], float.
        unclicked: Unclicked vectors n [R, D], float.
        labels: Label vectors c [R, D], float.
        margin: Sum of both margins (m*), above 0; each hinge gets half of it.

    Returns:
        max(0, |h-c|^2 - |h-n|^2 + margin / 2) + max(0, |h-c|^2 - |c-n|^2 + margin / 2) [R].

    Raises:
        UserError: Shapes differ or the margin is not above 0.

    Source: the first line of Eq. 5.

    Example:
        >>> h, n, c = (torch.tensor([v]) for v in ([0.0, 0.0], [-2.0, 1.0], [1.0, 0.0]))
        >>> symmetric_two_hinges(h, n, c, margin=11.0)
        tensor([1.5000])
    """
    check_rows(clicked, unclicked, labels, margin=margin)
    pull = squared_distance(clicked, labels) + margin / 2.0
    from_clicked = torch.relu(pull - squared_distance(clicked, unclicked))
    from_labels = torch.relu(pull - squared_distance(labels, unclicked))
    return from_clicked + from_labels


def pair_clicked_label(
    clicked: Tensor, unclicked: Tensor, labels: Tensor, *, margin: float, form: str = "hinge"
) -> Tensor:
    """Pull the clicked vector to the label vector and leave the unclicked vector alone.

    Args:
        clicked: Clicked vectors h [R, D], float.
        unclicked: Not used; [R, D].
        labels: Label vectors c [R, D], float.
        margin: Not used; above 0.
        form: `hinge` or `plain`, the same here: a distance is bounded below by itself.

    Returns:
        |h - c|^2 per row [R].

    Raises:
        UserError: Shapes, margin or form are wrong.

    Source: variant "lab&clk" of Table 3, which the paper gives without a formula.

    Example:
        >>> h, n, c = (torch.tensor([v]) for v in ([0.0, 0.0], [-2.0, 1.0], [1.0, 0.0]))
        >>> pair_clicked_label(h, n, c, margin=5.0)
        tensor([1.])
    """
    check_rows(clicked, unclicked, labels, margin=margin)
    check_form(form)
    return squared_distance(clicked, labels)


def pair_clicked_unclicked(
    clicked: Tensor, unclicked: Tensor, labels: Tensor, *, margin: float, form: str = "hinge"
) -> Tensor:
    """Push the clicked vector away from the unclicked vector.

    Args:
        clicked: Clicked vectors h [R, D], float.
        unclicked: Unclicked vectors n [R, D], float.
        labels: Not used; [R, D].
        margin: Squared distance beyond which nothing is asked, above 0; only for `hinge`.
        form: `hinge` is bounded; `plain` is not, and needs clipped gradients.

    Returns:
        max(0, margin - |h - n|^2), or -|h - n|^2 with `plain`, per row [R].

    Raises:
        UserError: Shapes, margin or form are wrong.

    Source: variant "unclick&clk" of Table 3, which the paper gives without a formula.
    Differs: "maximise the distance" has no bound, so the hinge is the default.

    Example:
        >>> h, n, c = (torch.tensor([v]) for v in ([0.0, 0.0], [-2.0, 1.0], [1.0, 0.0]))
        >>> pair_clicked_unclicked(h, n, c, margin=7.0)
        tensor([2.])
    """
    check_rows(clicked, unclicked, labels, margin=margin)
    return _push(squared_distance(clicked, unclicked), margin, form)


def pair_label_unclicked(
    clicked: Tensor, unclicked: Tensor, labels: Tensor, *, margin: float, form: str = "hinge"
) -> Tensor:
    """Push the label vector away from the unclicked vector.

    Args:
        clicked: Not used; [R, D].
        unclicked: Unclicked vectors n [R, D], float.
        labels: Label vectors c [R, D], float.
        margin: Squared distance beyond which nothing is asked, above 0; only for `hinge`.
        form: `hinge` is bounded; `plain` is not, and needs clipped gradients.

    Returns:
        max(0, margin - |c - n|^2), or -|c - n|^2 with `plain`, per row [R].

    Raises:
        UserError: Shapes, margin or form are wrong.

    Source: variant "unclick&lab" of Table 3, which the paper gives without a formula.
    Differs: "maximise the distance" has no bound, so the hinge is the default.

    Example:
        >>> h, n, c = (torch.tensor([v]) for v in ([0.0, 0.0], [-2.0, 1.0], [1.0, 0.0]))
        >>> pair_label_unclicked(h, n, c, margin=13.0)
        tensor([3.])
    """
    check_rows(clicked, unclicked, labels, margin=margin)
    return _push(squared_distance(labels, unclicked), margin, form)


def intermediate(
    clicked: Tensor, unclicked: Tensor, labels: Tensor, random: Tensor, *, margin: float
) -> Tensor:
    """Ask that the unclicked vector lies nearer to the clicked vector than a random vector does.

    Args:
        clicked: Clicked vectors h [R, D], float.
        unclicked: Unclicked vectors n [R, D], float.
        labels: Not used; [R, D].
        random: Vectors r of items drawn at random [R, D], float.
        margin: Gap wanted between the two squared distances, above 0.

    Returns:
        max(0, |h - n|^2 - |h - r|^2 + margin) per row [R].

    Raises:
        UserError: Shapes differ or the margin is not above 0.

    Source: the paper calls unclicked items an intermediate feedback.
    Differs: no loss of the paper enforces that order; this one does.

    Example:
        >>> h, n, c = (torch.tensor([v]) for v in ([0.0, 0.0], [-2.0, 1.0], [1.0, 0.0]))
        >>> intermediate(h, n, c, torch.tensor([[0.0, 3.0]]), margin=6.0)
        tensor([2.])
    """
    check_rows(clicked, unclicked, labels, random, margin=margin)
    gap = squared_distance(clicked, unclicked) - squared_distance(clicked, random)
    return torch.relu(gap + margin)


PAIRS: dict[str, PairLoss] = {
    "clicked_label": pair_clicked_label,
    "clicked_unclicked": pair_clicked_unclicked,
    "label_unclicked": pair_label_unclicked,
}
"""The losses on one pair of vectors, which also take a `form`."""

METRICS: dict[str, MetricLoss] = {"asymmetric": asymmetric, "symmetric": symmetric, **PAIRS}
"""The metric losses by the name that `metric` takes; `none` has no entry."""


def _push(distance: Tensor, margin: float, form: str) -> Tensor:
    check_form(form)
    return -distance if form == "plain" else torch.relu(margin - distance)
