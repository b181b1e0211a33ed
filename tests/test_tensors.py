"""A batch is the same as tensors."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import torch

from tests.model_twin import world
from unclicked.data.batching import Batch
from unclicked.tensors import to_tensors


def test_every_array_becomes_an_equal_tensor() -> None:
    batch = world(1).builder().build(np.arange(6))
    moved = to_tensors(batch, torch.device("cpu"))
    for field in fields(Batch):
        array, tensor = getattr(batch, field.name), getattr(moved, field.name)
        if isinstance(array, dict):
            assert {k: v.tolist() for k, v in array.items()} == {
                k: v.tolist() for k, v in tensor.items()
            }
        else:
            assert np.array_equal(array, tensor.numpy())
            assert tensor.numpy().dtype == array.dtype
    assert np.array_equal(moved.label_places.numpy(), batch.label_places())
