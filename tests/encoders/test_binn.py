"""BINN against a twin written step by step in NumPy, and its options."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from unclicked.encoders import EncoderContext, EncoderShape
from unclicked.encoders.binn import BINN, BINNConfig, build_binn, real_first
from unclicked.encoders.options import Option
from unclicked.errors import UserError

Array = NDArray[np.float64]
DIM = 5
VARIANTS: list[dict[str, Option]] = [
    {"behaviour": behaviour, "peephole": peephole}
    for behaviour, peephole in itertools.product((False, True), repeat=2)
]


def sigmoid(x: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-x)))


class Twin:
    """One user's clicks, from the weights of a module, with no batch and no mask."""

    def __init__(self, module: BINN) -> None:
        self.w = {k: v.detach().numpy() for k, v in module.state_dict().items()}
        self.config = module.config

    def gates(self, layer: str) -> tuple[Array, Array, Array, list[Array]]:
        """Input weights, state weights, summed biases and peepholes of a layer."""
        w = {k.removeprefix(f"{layer}."): v for k, v in self.w.items() if k.startswith(layer)}
        if self.config.peephole:
            peepholes = [w[f"{name}_peephole"] for name in ("input", "forget", "output")]
            return w["input_weight"], w["state_weight"], w["bias"], peepholes
        bias = w["bias_ih_l0"] + w["bias_hh_l0"]
        return w["weight_ih_l0"], w["weight_hh_l0"], bias, [np.zeros(DIM)] * 3

    def lstm(self, layer: str, xs: list[Array]) -> list[Array]:
        w_in, w_state, bias, (p_i, p_f, p_o) = self.gates(layer)
        width = len(xs[0]) if xs else DIM
        h, c, out = np.zeros(DIM), np.zeros(DIM), []
        for x in xs:
            a = w_in[:, :width] @ x + w_state @ h + bias
            if self.config.behaviour:
                a = a + w_in[:, width]
            i, f = sigmoid(a[:DIM] + p_i * c), sigmoid(a[DIM : 2 * DIM] + p_f * c)
            c = f * c + i * np.tanh(a[2 * DIM : 3 * DIM])
            h = sigmoid(a[3 * DIM :] + p_o * c) * np.tanh(c)
            out.append(h)
        return out

    def long(self, clicks: list[Array]) -> Array:
        if not clicks:
            return np.zeros(2 * DIM)
        forward = self.lstm("long_forward", clicks)
        backward = self.lstm("long_backward", clicks[::-1])[::-1]
        steps = [np.concatenate(pair) for pair in zip(forward, backward, strict=True)]
        return np.asarray(sum(steps) / len(steps))

    def run(
        self, xs: list[Array], clicks: list[Array], profile: Array | None = None
    ) -> list[Array]:
        """The profile, where one is given, stands beside every item of the session."""
        long = self.long(clicks)
        if profile is not None:
            xs = [np.concatenate([x, profile]) for x in xs]
        return [
            np.asarray(self.w["join.weight"] @ np.concatenate([s, long]) + self.w["join.bias"])
            for s in self.lstm("short_term", xs)
        ]


def made(options: dict[str, Option], *, has_profile: bool = False) -> BINN:
    torch.manual_seed(4)
    # The widths of the item fields are known to every encoder; this one reads whole items.
    shape = EncoderShape(dim=DIM, field_dims={"item_id": 3, "brand": 2}, has_profile=has_profile)
    module = build_binn(shape, **options).double().eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return module


@pytest.mark.parametrize("options", VARIANTS)
@pytest.mark.parametrize(
    ("scattered", "has_profile", "use_profile"),
    [(False, False, False), (True, False, True), (True, True, False), (True, True, True)],
)
def test_equals_the_twin(
    options: dict[str, Option], scattered: bool, has_profile: bool, use_profile: bool
) -> None:
    module = made({**options, "use_profile": use_profile}, has_profile=has_profile)
    mask = torch.arange(5) < torch.tensor([5, 2, 1, 3])[:, None]
    items = torch.randn(4, 5, DIM, dtype=torch.float64)
    long = torch.randn(4, 6, DIM, dtype=torch.float64)
    real = torch.arange(6) < torch.tensor([4, 0, 1, 6])[:, None]
    if scattered:
        real = torch.rand(4, 6) < 0.5
        real[1] = False
    # What stands at padding may be anything.
    long[~real] = float("nan")
    profile = torch.randn(4, DIM, dtype=torch.float64) if has_profile else None
    found = module(items, mask, EncoderContext(profile=profile, long=long, long_mask=real))
    twin = Twin(module)
    for row in range(4):
        own = profile[row].numpy() if profile is not None and use_profile else None
        xs, clicks = (list(part.numpy()) for part in (items[row][mask[row]], long[row][real[row]]))
        expected = twin.run(xs, clicks, own)
        np.testing.assert_allclose(
            found[row][mask[row]].detach().numpy(), np.stack(expected), atol=1e-10, rtol=0
        )


def test_the_long_part_by_hand() -> None:
    """One long-term click: forward and backward layer read the same, whatever the padding.

    All weights are zero but the candidate's bias of 1: c = 0.5 tanh(1), h = 0.5 tanh(c) = 0.181700;
    the second step gives c = 0.5 c + 0.5 tanh(1) = 0.571196, h = 0.258120. Mean: 0.219910.
    """
    module = build_binn(EncoderShape(dim=1), dropout=0.0).double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
        for layer in (module.long_forward, module.long_backward):
            layer.get_parameter("bias_ih_l0")[2] = 1.0
        module.join.weight.copy_(torch.tensor([[0.0, 1.0, 10.0]]))
    long = torch.randn(3, 4, 1, dtype=torch.float64)
    real = torch.arange(4) < torch.tensor([1, 2, 0])[:, None]
    items, mask = torch.randn(3, 1, 1).double(), torch.ones(3, 1, dtype=torch.bool)
    found = module(items, mask, EncoderContext(long=long, long_mask=real)).flatten()
    expected = [11 * 0.181700, 11 * 0.219910, 0.0]
    np.testing.assert_allclose(found.detach().numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("options", VARIANTS)
def test_padding_of_the_long_part_gets_and_gives_nothing(options: dict[str, Option]) -> None:
    module = made(options)
    items, mask = torch.randn(3, 2, DIM).double(), torch.ones(3, 2, dtype=torch.bool)
    long = torch.randn(3, 4, DIM, dtype=torch.float64, requires_grad=True)
    real = torch.arange(4) < torch.tensor([2, 0, 4])[:, None]
    before = module(items, mask, EncoderContext(long=long, long_mask=real))
    before.sum().backward()
    assert long.grad is not None
    assert long.grad[~real].abs().max() == 0.0
    assert bool((long.grad[real].abs().amax(dim=-1) > 0).all())
    wide = torch.full((3, 9, DIM), float("inf"), dtype=torch.float64)
    wide[:, :4][real] = long.detach()[real]
    wide_real = torch.arange(9) < real.sum(dim=1)[:, None]
    after = module(items, mask, EncoderContext(long=wide, long_mask=wide_real))
    torch.testing.assert_close(after, before, atol=1e-12, rtol=0)


@pytest.mark.parametrize("options", VARIANTS)
@pytest.mark.parametrize(
    ("lengths", "groups"),
    [([3], 1), ([0, 0, 0], 3), ([1, 0, 9, 2, 2, 0, 3, 3, 1], 3), ([0, 1, 9, 2, 9, 8, 9, 9], 4)],
)
def test_rows_read_in_groups_have_the_same_states_and_gradients(
    options: dict[str, Option], lengths: list[int], groups: int
) -> None:
    """Rows of about the same length go together in training."""
    module = made({**options, "dropout": 0.0})
    size, calls = len(lengths), 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    module.long_forward.register_forward_hook(count)
    items, mask = torch.randn(size, 2, DIM).double(), torch.ones(size, 2, dtype=torch.bool)
    long = torch.randn(size, 9, DIM, dtype=torch.float64)
    real = torch.arange(9) < torch.tensor(lengths)[:, None]
    weights, found = torch.randn(size, 2, DIM).double(), []
    for training in (False, True):
        calls = 0
        module.train(training)
        module.zero_grad()
        given = long.clone().requires_grad_()
        out = module(items, mask, EncoderContext(long=given, long_mask=real))
        (out * weights).sum().backward()
        found.append([out, given.grad, *(one.grad for one in module.parameters())])
    assert calls == (1 if module.config.peephole else groups)
    for whole, grouped in zip(*found, strict=True):
        torch.testing.assert_close(grouped, whole, atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("options", VARIANTS)
def test_without_long_term_clicks_the_long_part_is_zero(options: dict[str, Option]) -> None:
    module = made(options)
    items, mask = torch.randn(2, 3, DIM).double(), torch.ones(2, 3, dtype=torch.bool)
    alone = module(items, mask, EncoderContext())
    twin = Twin(module)
    for row in range(2):
        expected = np.stack(twin.run(list(items[row].numpy()), []))
        np.testing.assert_allclose(alone[row].detach().numpy(), expected, atol=1e-10)
    for width in (0, 3):
        empty = EncoderContext(
            long=torch.full((2, width, DIM), float("nan"), dtype=torch.float64),
            long_mask=torch.zeros(2, width, dtype=torch.bool),
        )
        torch.testing.assert_close(module(items, mask, empty), alone, atol=1e-12, rtol=0)


@pytest.mark.parametrize("use_profile", [None, False, True])
def test_the_profile_is_used_only_where_asked(use_profile: bool | None) -> None:
    options: dict[str, Option] = {} if use_profile is None else {"use_profile": use_profile}
    module = made(options, has_profile=True)
    items, mask = torch.randn(2, 3, DIM).double(), torch.ones(2, 3, dtype=torch.bool)
    found = [
        module(items, mask, EncoderContext(profile=torch.full((2, DIM), value).double()))
        for value in (0.0, 9.0)
    ]
    assert torch.equal(found[0], found[1]) != bool(use_profile)


def test_the_kind_of_behaviour_is_one_more_input_of_every_layer() -> None:
    sizes = [
        sum(
            parameter.numel() for parameter in build_binn(EncoderShape(dim=DIM), **one).parameters()
        )
        for one in ({}, {"behaviour": True})
    ]
    assert sizes[1] - sizes[0] == 3 * 4 * DIM


def test_real_first_keeps_the_order() -> None:
    values = torch.arange(10.0).reshape(2, 5, 1)
    mask = torch.tensor([[False, True, True, False, True], [True, False, False, False, False]])
    moved, real = real_first(values, mask)
    assert moved.squeeze(-1).tolist() == [[1, 2, 4, 0, 0], [5, 0, 0, 0, 0]]
    assert real.int().tolist() == [[1, 1, 1, 0, 0], [1, 0, 0, 0, 0]]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("behaviour", 1),
        ("behaviour", "true"),
        ("peephole", None),
        ("use_profile", 1),
        ("dropout", 1.0),
        ("dropout", True),
    ],
)
def test_wrong_values_are_refused_by_name(name: str, value: Option) -> None:
    with pytest.raises(UserError, match=f"{name}: found {value!r}, expected"):
        build_binn(EncoderShape(dim=DIM), **{name: value})


def context_errors() -> list[tuple[EncoderContext, str]]:
    mask, long = torch.ones(2, 4, dtype=torch.bool), torch.zeros(2, 4, DIM)
    return [
        (EncoderContext(profile=torch.zeros(2, DIM)), "profile: found one, expected none"),
        (EncoderContext(long_fields={"item": (long, mask)}), "long: found long_fields only"),
        (EncoderContext(long=long), "long_mask: found none"),
        (EncoderContext(long=long[..., :2], long_mask=mask), r"\[2, 4, 2\].*\[B, M, 5\]"),
    ]


@pytest.mark.parametrize(("known", "message"), context_errors())
def test_a_context_that_does_not_fit_is_refused(known: EncoderContext, message: str) -> None:
    module = BINN(EncoderShape(dim=DIM), BINNConfig())
    with pytest.raises(UserError, match=message):
        module(torch.zeros(2, 3, DIM), torch.ones(2, 3, dtype=torch.bool), known)
