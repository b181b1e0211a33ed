"""A batch as torch tensors."""

from __future__ import annotations

from dataclasses import dataclass

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
