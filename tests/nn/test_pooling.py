"""Pooling of lists of different lengths."""

from __future__ import annotations

import math

import pytest
import torch

from unclicked.nn.pooling import LONG_ATTENTIONS, FieldPooling, LongTermInterest, masked_mean


def test_masked_mean_equals_a_naive_loop() -> None:
    values, mask = torch.randn(4, 5, 3), torch.rand(4, 5) < 0.5
    mask[2] = False
    found = masked_mean(values, mask)
    for row in range(4):
        real = [values[row, k] for k in range(5) if mask[row, k]]
        expected = sum(real, torch.zeros(3)) / max(len(real), 1)
        torch.testing.assert_close(found[row], expected)


def test_masked_mean_ignores_nan_at_padding_and_sends_it_no_gradient() -> None:
    values = torch.tensor([[[1.0], [float("nan")]]], requires_grad=True)
    found = masked_mean(values, torch.tensor([[True, False]]))
    assert found.tolist() == [[1.0]]
    found.sum().backward()
    assert values.grad is not None
    assert values.grad.tolist() == [[[1.0], [0.0]]]


def test_masked_mean_of_lists_without_room_is_zero() -> None:
    assert masked_mean(torch.zeros(2, 0, 3), torch.zeros(2, 0, dtype=torch.bool)).sum() == 0.0


@pytest.mark.parametrize("attention", LONG_ATTENTIONS)
@pytest.mark.parametrize("profile_dim", [0, 4])
def test_an_empty_list_is_zero_and_a_single_value_is_itself(
    attention: str, profile_dim: int
) -> None:
    pool = FieldPooling(3, profile_dim, attention=attention, dropout=0.0)
    values = torch.randn(2, 2, 3)
    mask = torch.tensor([[False, False], [False, True]])
    profile = torch.randn(2, 4) if profile_dim else None
    pooled = pool(values, mask, profile)
    assert pooled[0].abs().max() == 0.0
    torch.testing.assert_close(pooled[1], values[1, 1])


def test_code_attention_stays_near_the_mean() -> None:
    pool = FieldPooling(4, 2, attention="code", dropout=0.0)
    values, mask = torch.randn(1, 6, 4) * 50.0, torch.ones(1, 6, dtype=torch.bool)
    profile = torch.randn(1, 2)
    scores = pool._scores(values, profile)
    assert scores is not None
    # One tanh unit over the root of the width: no score leaves [-1, 1] / 2.
    assert scores.abs().max() <= 1.0 / math.sqrt(4.0)
    assert scores.std() > 0.0
    assert pool(values, mask, profile).shape == (1, 4)


def test_a_field_may_have_any_name() -> None:
    layer = LongTermInterest(
        {"leaf.category": 3, "pools": 2}, 4, has_profile=False, attention="paper", dropout=0.0
    )
    values, mask = torch.randn(2, 5, 3), torch.ones(2, 5, dtype=torch.bool)
    out = layer({"leaf.category": (values, mask)}, torch.zeros(2, 1), None)
    assert out.shape == (2, 4)
    assert out.abs().max() < 1.0
