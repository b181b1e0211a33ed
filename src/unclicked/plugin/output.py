"""What the plug-in hands back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields

from torch import Tensor

from unclicked.losses.distance import squared_distance


@dataclass(frozen=True, eq=False)
class Distances(Mapping[str, Tensor]):
    """Squared distances per row, by attribute or by key.

    Args:
        clicked_label: |h - c|^2 [R].
        clicked_unclicked: |h - n|^2 [R].
        label_unclicked: |c - n|^2 [R].
    """

    clicked_label: Tensor
    clicked_unclicked: Tensor
    label_unclicked: Tensor

    def __getitem__(self, name: str) -> Tensor:
        """Return the distance of a name."""
        if name not in list(self):
            raise KeyError(name)
        found: Tensor = getattr(self, name)
        return found

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return (entry.name for entry in fields(self))

    def __len__(self) -> int:
        """Return the number of distances."""
        return len(fields(self))


@dataclass(frozen=True, eq=False)
class PluginOutput:
    """What a training step returns, row by row.

    Args:
        user: User vectors to be scored against items [R, D].
        metric_loss: Metric loss [R], not reduced; 0 where `metric_mask` is False.
        distances: Squared distances [R] for reports, without gradient; 0 where `metric_mask` is
            False or a vector is not computed in this variant.
        clicked: Clicked vectors h as given [R, D].
        unclicked: Unclicked vectors n [R, D]; 0 where a row has no unclicked item.
        labels: Label vectors c [R, D]; 0 where a row has no label.
        metric_mask: True where a row has an unclicked item and a label, bool [R].
    """

    user: Tensor
    metric_loss: Tensor
    distances: Distances
    clicked: Tensor
    unclicked: Tensor
    labels: Tensor
    metric_mask: Tensor


def distances_between(clicked: Tensor, unclicked: Tensor, labels: Tensor) -> Distances:
    """Return the squared distances of each row between three vectors.

    Args:
        clicked: Vectors h [R, D], float.
        unclicked: Vectors n [R, D], float.
        labels: Vectors c [R, D], float.

    Returns:
        The three distances [R].

    Raises:
        UserError: Shapes differ.
    """
    return Distances(
        clicked_label=squared_distance(clicked, labels),
        clicked_unclicked=squared_distance(clicked, unclicked),
        label_unclicked=squared_distance(labels, unclicked),
    )


def active_share(metric_loss: Tensor, mask: Tensor) -> Tensor:
    """Return the share of rows whose metric loss is above 0.

    Args:
        metric_loss: Loss [R].
        mask: True for the rows that count, bool [R].

    Returns:
        Share in [0, 1], a scalar; 0 where no row counts.

    Example:
        >>> import torch
        >>> active_share(torch.tensor([2.0, 0.0, 0.0]), torch.tensor([True, True, False]))
        tensor(0.5000)
    """
    active = ((metric_loss > 0) & mask).sum()
    return active / mask.sum().clamp(min=1)
