"""Both GRU forms against loops, by hand, at their start, and in layers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from tests.nn.recurrent_twin import FORMS, Array, session_gru
from torch import Tensor, nn

from unclicked.nn.recurrent import (
    CELLS,
    ResetAfterGRU,
    ResetBeforeGRU,
    SessionGRU,
    gru_kernels,
)

LAYERS = {"reset_before": ResetBeforeGRU, "reset_after": ResetAfterGRU}


def loud(module: nn.Module) -> nn.Module:
    """The module in float64 with large weights, biases too."""
    module = module.double().eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.7 * torch.randn_like(parameter))
    return module


def arrays(module: nn.Module) -> dict[str, Array]:
    return {name: value.detach().numpy() for name, value in module.state_dict().items()}


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("in_dim", "width"), [(3, 4), (5, 2), (1, 1)])
def test_equals_the_loop(cell: str, in_dim: int, width: int) -> None:
    torch.manual_seed(1)
    layer = loud(LAYERS[cell](in_dim, width))
    inputs = torch.randn(3, 6, in_dim, dtype=torch.float64)
    found = layer(inputs).detach().numpy()
    for row in range(3):
        expected = FORMS[cell](arrays(layer), "", list(inputs[row].numpy()))
        np.testing.assert_allclose(found[row], np.stack(expected), atol=1e-10, rtol=0)


def test_where_the_reset_acts_by_hand() -> None:
    # Gates: r = (1, 0), z = (0, 0). Candidate: unit 1 sees unit 2's state, unit 2 sees x.
    kernel, recurrent = torch.zeros(6, 1), torch.zeros(6, 2)
    bias = torch.tensor([100.0, -100.0, -100.0, -100.0, 0.0, 0.0])
    kernel[5, 0] = 1.0
    recurrent[4, 1] = 1.0
    before, after = ResetBeforeGRU(1, 2), ResetAfterGRU(1, 2)
    weights = {"of_input.weight": kernel, "of_input.bias": bias, "of_state": recurrent}
    before.load_state_dict(weights)
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    values = (kernel, recurrent, bias, torch.zeros(6))
    after.layer.load_state_dict(dict(zip(names, values, strict=True)))
    inputs = torch.tensor([[[1.0], [0.0]]])
    second = math.tanh(1.0)
    expected = {"before": [0.0, second, 0.0, 0.0], "after": [0.0, second, math.tanh(second), 0.0]}
    for name, layer in (("before", before), ("after", after)):
        assert layer(inputs).flatten().tolist() == pytest.approx(expected[name], abs=1e-6)


def test_without_any_reset_both_forms_are_one() -> None:
    torch.manual_seed(2)
    before, after = loud(ResetBeforeGRU(3, 4)), loud(ResetAfterGRU(3, 4))
    weights = dict(before.named_parameters())
    with torch.no_grad():
        weights["of_input.weight"][:4] = 0.0
        weights["of_input.bias"][:4] = 500.0
    values = (
        weights["of_input.weight"],
        weights["of_state"],
        weights["of_input.bias"],
        torch.zeros(12),
    )
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    after.layer.load_state_dict(dict(zip(names, values, strict=True)))
    inputs = torch.randn(2, 5, 3, dtype=torch.float64)
    torch.testing.assert_close(before(inputs), after(inputs), atol=1e-12, rtol=0)


@pytest.mark.parametrize("cell", CELLS)
def test_gradients_are_those_of_small_steps(cell: str) -> None:
    torch.manual_seed(3)
    layer = loud(LAYERS[cell](2, 3))
    inputs = torch.randn(2, 3, 2, dtype=torch.float64, requires_grad=True)
    weights = dict(layer.named_parameters())

    def call(values: Tensor, *parts: Tensor) -> Tensor:
        named = dict(zip(weights, parts, strict=True))
        return torch.func.functional_call(layer, named, (values,))

    assert torch.autograd.gradcheck(call, (inputs, *weights.values()))


@pytest.mark.parametrize(("in_dim", "width"), [(6, 4), (2, 4), (4, 4)])
def test_joint_kernels_are_orthogonal(in_dim: int, width: int) -> None:
    of_input, of_state = gru_kernels(in_dim, width)
    assert of_input.shape == (3 * width, in_dim)
    assert of_state.shape == (3 * width, width)
    joint = torch.cat([of_input, of_state], dim=1)
    for kernel in (joint[: 2 * width], joint[2 * width :]):
        short = kernel if kernel.shape[0] <= kernel.shape[1] else kernel.T
        torch.testing.assert_close(short @ short.T, torch.eye(len(short)), atol=1e-5, rtol=0)


def test_layers_start_with_these_kernels_and_a_gate_bias_that_sums_to_one() -> None:
    torch.manual_seed(4)
    of_input, of_state = gru_kernels(3, 2)
    for form in LAYERS.values():
        torch.manual_seed(0)
        layer = form(3, 2)
        weights = list(layer.state_dict().items())
        kernels = [value for _, value in weights if value.dim() == 2]
        assert sorted(value.shape for value in kernels) == [of_state.shape, of_input.shape]
        joint = torch.cat(sorted(kernels, key=lambda value: -value.shape[1]), dim=1)[4:]
        torch.testing.assert_close(joint @ joint.T, torch.eye(2), atol=1e-5, rtol=0)
        bias = sum(value for name, value in weights if "bias" in name)
        assert torch.equal(bias, torch.tensor([1.0, 1.0, 1.0, 1.0, 0.0, 0.0]))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("with_profile", [True, False])
def test_layers_over_a_session_equal_the_loop(cell: str, with_profile: bool) -> None:
    torch.manual_seed(5)
    module = loud(SessionGRU(4, with_profile=with_profile, cell=cell, num_layers=3, dropout=0.5))
    items = torch.randn(3, 5, 4, dtype=torch.float64)
    mask = torch.arange(5) < torch.tensor([5, 2, 0])[:, None]
    items[~mask] = float("nan")
    profile = torch.randn(3, 4, dtype=torch.float64) if with_profile else None
    found = module(items, mask, profile)
    assert found[~mask].abs().max() == 0.0
    for row in range(3):
        own = None if profile is None else profile[row].numpy()
        xs = list(items[row][mask[row]].numpy())
        expected = session_gru(arrays(module), "", cell, 3, xs, own)
        for t, state in enumerate(expected):
            np.testing.assert_allclose(found[row, t].detach(), state, atol=1e-10, rtol=0)


def test_dropout_falls_on_the_inputs_of_every_layer() -> None:
    module = SessionGRU(4, with_profile=False, cell="reset_before", num_layers=2, dropout=0.5)
    seen: list[Tensor] = []
    for layer in module.layers:
        layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    torch.manual_seed(6)
    items, mask = torch.ones(8, 5, 4), torch.ones(8, 5, dtype=torch.bool)
    states = module(items, mask, None)
    first, second = seen
    # Inverted dropout: what is left is doubled. 160 draws, so 80 +- 6.3 are left.
    assert set(first.unique().tolist()) == {0.0, 2.0}
    assert 60 < int((first > 0).sum()) < 100
    assert 60 < int((second == 0.0).sum()) < 100
    assert not (states == 0.0).any()
