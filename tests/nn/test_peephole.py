"""The LSTM with peepholes against a loop in NumPy, and against the plain layer without them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from unclicked.nn.initialise import lstm_layer
from unclicked.nn.peephole import PeepholeLSTM

Array = NDArray[np.float64]
PEEPHOLES = ("input_peephole", "forget_peephole", "output_peephole")


def sigmoid(x: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-x)))


def twin(weights: dict[str, Array], xs: Array) -> Array:
    """One sequence, gate by gate and unit by unit."""
    width = len(weights["input_peephole"])
    h, c, out = np.zeros(width), np.zeros(width), []
    for x in xs:
        new_h, new_c = np.zeros(width), np.zeros(width)
        for unit in range(width):
            i, f, g, o = (
                weights["input_weight"][gate * width + unit] @ x
                + weights["state_weight"][gate * width + unit] @ h
                + weights["bias"][gate * width + unit]
                for gate in range(4)
            )
            i = sigmoid(i + weights["input_peephole"][unit] * c[unit])
            f = sigmoid(f + weights["forget_peephole"][unit] * c[unit])
            new_c[unit] = f * c[unit] + i * np.tanh(g)
            o = sigmoid(o + weights["output_peephole"][unit] * new_c[unit])
            new_h[unit] = o * np.tanh(new_c[unit])
        h, c = new_h, new_c
        out.append(h)
    return np.stack(out)


def layer(in_dim: int = 3, hidden_dim: int = 4) -> PeepholeLSTM:
    torch.manual_seed(1)
    made = PeepholeLSTM(in_dim, hidden_dim).double()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.5 * torch.randn_like(parameter))
    return made


def test_equals_the_loop() -> None:
    made = layer()
    inputs = torch.randn(3, 6, 3, dtype=torch.float64)
    weights = {name: value.detach().numpy() for name, value in made.named_parameters()}
    found = made(inputs).detach().numpy()
    for row in range(3):
        np.testing.assert_allclose(found[row], twin(weights, inputs[row].numpy()), atol=1e-10)


def test_one_step_by_hand() -> None:
    """All weights zero but the output peephole: c = 0.5 tanh(1), h = sigmoid(2 c) tanh(c)."""
    made = PeepholeLSTM(1, 1).double()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.zero_()
        made.bias[2] = 1.0
        made.output_peephole.fill_(2.0)
    # tanh(1) / 2 = 0.3807970780, sigmoid(0.7615941560) = 0.6816997422, tanh(c) = 0.3633994844
    found = made(torch.zeros(1, 1, 1, dtype=torch.float64)).item()
    assert found == pytest.approx(0.6816997422 * 0.3633994844, abs=1e-9)


def test_without_peepholes_it_is_the_plain_layer() -> None:
    made, plain = layer(), lstm_layer(3, 4).double()
    with torch.no_grad():
        for name in PEEPHOLES:
            made.get_parameter(name).zero_()
        plain.weight_ih_l0.copy_(made.input_weight)
        plain.weight_hh_l0.copy_(made.state_weight)
        plain.bias_ih_l0.copy_(made.bias)
        plain.bias_hh_l0.zero_()
    inputs = torch.randn(2, 5, 3, dtype=torch.float64)
    torch.testing.assert_close(made(inputs), plain(inputs)[0], atol=1e-10, rtol=0)


def test_it_starts_as_the_plain_layer_does() -> None:
    made = PeepholeLSTM(3, 2)
    kernel = torch.cat([made.input_weight, made.state_weight], dim=1)
    torch.testing.assert_close(kernel.T @ kernel, torch.eye(5), atol=1e-5, rtol=0)
    assert made.bias.tolist() == [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    for name in PEEPHOLES:
        assert 0.0 < made.get_parameter(name).abs().max() <= 0.1


def test_gradients_are_those_of_differences() -> None:
    made = layer(2, 2)
    inputs = torch.randn(1, 3, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(made, (inputs,))
    made(inputs).sum().backward()
    for name, parameter in made.named_parameters():
        assert parameter.grad is not None
        assert parameter.grad.abs().max() > 0, name
