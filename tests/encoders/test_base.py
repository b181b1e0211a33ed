"""Shapes, and the adapter for one vector per sequence."""

from __future__ import annotations

import pytest
import torch
from tests.encoders.encoder_cases import LENGTHS, batch
from torch import Tensor, nn

from unclicked.encoders import EncoderContext, EncoderShape, LastPositionEncoder
from unclicked.errors import UserError


@pytest.mark.parametrize("width", [0, -3])
def test_widths_are_at_least_one(width: int) -> None:
    with pytest.raises(UserError, match="expected at least 1"):
        EncoderShape(dim=width)
    with pytest.raises(UserError, match="brand: found a width"):
        EncoderShape(dim=4, field_dims={"brand": width})


class LastItem(nn.Module):
    def forward(self, items: Tensor, mask: Tensor, context: EncoderContext) -> Tensor:
        last = mask.sum(dim=1).clamp(min=1) - 1
        return items[torch.arange(items.shape[0]), last]


def test_the_adapter_fills_the_last_real_position_only() -> None:
    items, mask = batch()
    encoder = LastPositionEncoder(LastItem())
    out = encoder(items, mask, EncoderContext())
    expected = torch.zeros_like(items)
    for row, length in enumerate(LENGTHS.tolist()):
        if length:
            expected[row, length - 1] = items[row, length - 1]
    assert torch.equal(out, expected)
    assert encoder.last_position_only
    assert encoder.long_input == "items"
    inner = LastItem()
    inner.long_input = "none"
    assert LastPositionEncoder(inner).long_input == "none"


def test_the_adapter_refuses_another_shape() -> None:
    items, mask = batch()
    with pytest.raises(UserError, match=r"PassThrough.*expected \[B, D\] = \[4, 16\]"):
        LastPositionEncoder(PassThrough())(items, mask, EncoderContext())


class PassThrough(nn.Module):
    def forward(self, items: Tensor, mask: Tensor, context: EncoderContext) -> Tensor:
        return items
