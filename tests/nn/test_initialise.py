"""Initial values of layers."""

from __future__ import annotations

import math

import torch

from unclicked.nn.initialise import dense, free_vector, lstm_layer


def test_the_joint_kernel_of_the_lstm_is_orthogonal() -> None:
    layer = lstm_layer(6, 4)
    weights = dict(layer.named_parameters())
    kernel = torch.cat([weights["weight_ih_l0"].T, weights["weight_hh_l0"].T])
    assert kernel.shape == (10, 16)
    torch.testing.assert_close(kernel @ kernel.T, torch.eye(10), atol=1e-5, rtol=0)


def test_only_the_forget_gate_has_a_bias_and_it_sums_to_one() -> None:
    weights = dict(lstm_layer(6, 4).named_parameters())
    total = weights["bias_ih_l0"] + weights["bias_hh_l0"]
    assert total.tolist() == [0.0] * 4 + [1.0] * 4 + [0.0] * 8


def test_dense_is_glorot_uniform_with_a_zero_bias() -> None:
    torch.manual_seed(0)
    layer = dense(300, 200)
    limit = math.sqrt(6.0 / 500.0)
    assert layer.weight.abs().max() <= limit
    assert abs(layer.weight.std().item() - limit / math.sqrt(3.0)) < 0.01 * limit
    assert layer.bias.abs().max() == 0.0


def test_orthogonal_dense_keeps_lengths() -> None:
    layer = dense(5, 5, orthogonal=True)
    vector = torch.randn(5)
    torch.testing.assert_close((layer.weight @ vector).norm(), vector.norm())


def test_free_vector_is_small_and_not_constant() -> None:
    torch.manual_seed(0)
    vector = free_vector(100)
    assert vector.abs().max() <= 0.1
    assert vector.std() > 0.03
