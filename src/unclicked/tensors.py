"""A batch as torch tensors."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unclicked.data.batching import Batch


@dataclass(frozen=True)
class TensorBatch:
    """The tensors of a batch; shapes and meaning as in `unclicked.data.batching.Batch`."""

    items: Tensor
    clicked: Tensor
    mask: Tensor
    long_items: Tensor
    long_fields: dict[str, Tensor]
    user: Tensor
    profile: Tensor
    row_sample: Tensor
    row_position: Tensor
    row_is_last: Tensor
    unclicked: Tensor
    unclicked_offsets: Tensor
    unclicked_counts: Tensor
    unclicked_list: Tensor
    labels: Tensor
    label_places: Tensor


def to_tensors(batch: Batch, device: torch.device) -> TensorBatch:
    """Move a batch to a device.

    Args:
        batch: Arrays of a batch.
        device: Where to.

    Returns:
        The same as tensors.
    """

    def move(array: NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(device)

    return TensorBatch(
        items=move(batch.items),
        clicked=move(batch.clicked),
        mask=move(batch.mask),
        long_items=move(batch.long_items),
        long_fields={name: move(values) for name, values in batch.long_fields.items()},
        user=move(batch.user),
        profile=move(batch.profile),
        row_sample=move(batch.row_sample),
        row_position=move(batch.row_position),
        row_is_last=move(batch.row_is_last),
        unclicked=move(batch.unclicked),
        unclicked_offsets=move(batch.unclicked_offsets),
        unclicked_counts=move(batch.unclicked_counts),
        unclicked_list=move(batch.unclicked_list),
        labels=move(batch.labels),
        label_places=move(batch.label_places()),
    )


def thinned(batch: TensorBatch, share: float) -> TensorBatch:
    """Leave some items out of every unclicked list, drawn anew at each call from torch's generator.

    Args:
        batch: A batch.
        share: Probability with which an item is left out of a list, in [0, 1).

    Returns:
        The same batch with shorter lists; a list may lose all of its items.
    """
    if share == 0:
        return batch
    places = batch.unclicked
    kept = torch.rand(len(places), device=places.device) >= share
    before = torch.cat([batch.unclicked_offsets.new_zeros(1), kept.cumsum(0)])
    return replace(
        batch,
        unclicked=places[kept],
        unclicked_counts=batch.unclicked_counts[kept],
        unclicked_offsets=before[batch.unclicked_offsets],
    )


def unclicked_pairs(batch: TensorBatch) -> tuple[Tensor, Tensor, Tensor]:
    """Every row with every item of its unclicked list.

    Args:
        batch: A batch.

    Returns:
        Row, place in that row's list, and place in `batch.items`, int64 [pairs] each, by row.
    """
    begin, end = (batch.unclicked_offsets[batch.unclicked_list + one] for one in (0, 1))
    row = torch.repeat_interleave(end - begin)
    within = torch.arange(len(row), device=row.device)
    within = within - (torch.cumsum(end - begin, 0) - (end - begin))[row]
    return row, within, batch.unclicked[begin[row] + within]


def unclicked_of_samples(batch: TensorBatch) -> tuple[Tensor, Tensor]:
    """The unclicked items of each sample's rows, and which position may see which.

    Args:
        batch: A batch.

    Returns:
        Places of the distinct items int64 [B, N], ascending, 0 at padding; and bool [B, T, N],
        True where an item is in the list of the row at that position. A position without a row
        sees none.
    """
    size, length = batch.clicked.shape
    row, _, item = unclicked_pairs(batch)
    sample = batch.row_sample[row]
    distinct, which = torch.unique(sample * len(batch.items) + item, return_inverse=True)
    owner = distinct // len(batch.items)
    first = torch.searchsorted(owner, torch.arange(size + 1, device=row.device))
    slot = torch.arange(len(distinct), device=row.device) - first[owner]
    most = int((first[1:] - first[:-1]).max())
    places = torch.zeros(size, most, dtype=torch.int64, device=row.device)
    places[owner, slot] = distinct % len(batch.items)
    seen = torch.zeros(size, length, most, dtype=torch.bool, device=row.device)
    seen[sample, batch.row_position[row], slot[which]] = True
    return places, seen
