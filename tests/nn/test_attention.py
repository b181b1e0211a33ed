"""Attention: masks, empty rows, causality."""

from __future__ import annotations

import math

import pytest
import torch

from unclicked.errors import UserError
from unclicked.nn.attention import (
    CausalSelfAttention,
    ProfileAttention,
    causal_mask,
    default_num_heads,
    masked_softmax,
)


def test_masked_softmax_equals_a_naive_one() -> None:
    scores = torch.tensor([[1.0, 2.0, -3.0]], dtype=torch.float64)
    weights = masked_softmax(scores, torch.tensor([[True, False, True]]))
    total = math.exp(1.0) + math.exp(-3.0)
    assert weights[0].tolist() == pytest.approx([math.exp(1.0) / total, 0.0, math.exp(-3) / total])


def test_an_empty_row_has_no_weight_and_a_finite_gradient() -> None:
    scores = torch.randn(2, 3, requires_grad=True)
    weights = masked_softmax(scores, torch.tensor([[False] * 3, [True, True, False]]))
    assert weights[0].tolist() == [0.0, 0.0, 0.0]
    weights.square().sum().backward()
    assert scores.grad is not None
    assert bool(scores.grad.isfinite().all())
    assert scores.grad[0].tolist() == [0.0, 0.0, 0.0]
    assert bool((scores.grad[1, :2] != 0).all())


def test_large_negative_scores_are_not_mistaken_for_the_mask() -> None:
    scores = torch.tensor([[-1e30, -1e30, 1e30]])
    weights = masked_softmax(scores, torch.tensor([[True, True, False]]))
    assert weights[0].tolist() == [0.5, 0.5, 0.0]


def test_causal_mask_is_the_past_of_real_positions() -> None:
    mask = torch.tensor([[True, False, True], [False, False, False]])
    found = causal_mask(mask)
    for row in range(2):
        for query in range(3):
            for key in range(3):
                assert found[row, query, key] == (key <= query and bool(mask[row, key]))


@pytest.mark.parametrize(("dim", "heads"), [(1, 1), (16, 1), (24, 1), (32, 2), (56, 2), (128, 8)])
def test_default_heads_divide_the_width(dim: int, heads: int) -> None:
    assert default_num_heads(dim) == heads


def test_heads_that_do_not_divide_the_width_are_refused() -> None:
    with pytest.raises(UserError, match=r"found 3, expected a divisor of the width 8.*Try 1"):
        CausalSelfAttention(8, 3, 0.0)


def test_profile_attention_without_a_real_position_is_zero() -> None:
    layer = ProfileAttention(4, has_profile=True, dropout=0.0)
    mask = torch.tensor([[False, False], [True, True]])
    out = layer(torch.randn(2, 2, 4), mask, torch.randn(2, 4))
    assert out[0].abs().max() == 0.0
    assert out[1].abs().max() > 0.0


def test_profile_attention_at_the_first_position_is_that_position() -> None:
    layer = ProfileAttention(4, has_profile=False, dropout=0.0)
    inputs = torch.randn(2, 3, 4)
    out = layer(inputs, torch.ones(2, 3, dtype=torch.bool), None)
    torch.testing.assert_close(out[:, 0], inputs[:, 0])


def test_dropout_follows_torchs_global_generator() -> None:
    layer = CausalSelfAttention(8, 2, 0.5)
    inputs, mask = torch.randn(2, 5, 8), torch.ones(2, 5, dtype=torch.bool)
    outputs = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        outputs.append(layer(inputs, mask))
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])
