"""SDM against a twin written position by position in NumPy, and its options."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from unclicked.encoders import EncoderContext, EncoderShape
from unclicked.encoders.options import Option
from unclicked.encoders.sdm import GATES, SDM, SDMConfig, build_sdm
from unclicked.errors import UserError

Array = NDArray[np.float64]
DIM, HEADS = 8, 2
FIELDS = {"item": 5, "brand": 3}


def sigmoid(x: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-x)))


def softmax(x: list[float]) -> Array:
    e = np.exp(np.array(x) - max(x))
    return np.asarray(e / e.sum())


class Twin:
    """One user's session, from the weights of a module, with no batch and no mask."""

    def __init__(self, module: SDM) -> None:
        self.w = {k: v.detach().numpy() for k, v in module.state_dict().items()}
        self.config = module.config

    def dense(self, name: str, x: Array) -> Array:
        return np.asarray(self.w[f"{name}.weight"] @ x + self.w[f"{name}.bias"])

    def lstm(self, layer: int, xs: list[Array]) -> list[Array]:
        p = f"lstm.{layer}."
        h, c, out = np.zeros(DIM), np.zeros(DIM), []
        for x in xs:
            a = self.w[p + "weight_ih_l0"] @ x + self.w[p + "bias_ih_l0"]
            a = a + self.w[p + "weight_hh_l0"] @ h + self.w[p + "bias_hh_l0"]
            i, f, g, o = a[:DIM], a[DIM : 2 * DIM], a[2 * DIM : 3 * DIM], a[3 * DIM :]
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
            out.append(h)
        return out

    def self_attention(self, xs: list[Array]) -> list[Array]:
        qkv = [self.dense("self_attention.project", x) for x in xs]
        out, width = [], DIM // HEADS
        for t, x in enumerate(xs):
            heads = []
            for head in range(HEADS):
                part = slice(head * width, (head + 1) * width)
                q = qkv[t][:DIM][part]
                keys = [v[DIM : 2 * DIM][part] for v in qkv[: t + 1]]
                values = [v[2 * DIM :][part] for v in qkv[: t + 1]]
                a = softmax([float(q @ k) / np.sqrt(width) for k in keys])
                heads.append(sum(w * v for w, v in zip(a, values, strict=True)))
            y = x + self.dense("self_attention.output", np.concatenate(heads))
            y = (y - y.mean()) / np.sqrt(((y - y.mean()) ** 2).mean() + 1e-8)
            y = y * self.w["self_attention.norm.weight"] + self.w["self_attention.norm.bias"]
            out.append(y)
        return out

    def query(self, name: str, profile: Array | None, tanh: bool) -> Array:
        if profile is None:
            return np.asarray(self.w[f"{name}.vector"])
        q = self.dense(f"{name}.project", profile)
        return np.tanh(q) if tanh else q

    def user_attention(self, xs: list[Array], profile: Array | None) -> list[Array]:
        q = self.query("user_attention.query", profile, tanh=True)
        out = []
        for t in range(len(xs)):
            a = softmax([float(q @ x) / np.sqrt(DIM) for x in xs[: t + 1]])
            s = sum(w * x for w, x in zip(a, xs, strict=False))
            out.append(np.asarray(s + xs[t] if self.config.user_residual else s))
        return out

    def long_term(self, lists: list[list[Array]], profile: Array | None) -> Array:
        pooled = []
        for number, (values, width) in enumerate(zip(lists, FIELDS.values(), strict=True)):
            if not values:
                pooled.append(np.zeros(width))
                continue
            pool = f"long_term.pools.{number}"
            scores = [0.0] * len(values)
            if self.config.long_attention == "paper":
                q = self.query(f"{pool}.query", profile, tanh=False)
                scores = [float(q @ v) for v in values]
            elif self.config.long_attention == "code":
                front = np.zeros(0) if profile is None else profile
                units = [self.dense(f"{pool}.unit", np.concatenate([front, v])) for v in values]
                scores = [float(np.tanh(u[0])) / np.sqrt(width) for u in units]
            pooled.append(sum(w * v for w, v in zip(softmax(scores), values, strict=True)))
        return np.tanh(self.dense("long_term.output", np.concatenate(pooled)))

    def join(self, s: Array, p: Array, profile: Array | None) -> Array:
        kind = self.config.gate
        if kind in ("add", "multiply"):
            return s + p if kind == "add" else s * p
        if kind == "concat":
            return self.dense("join.mix", np.concatenate([s, p]))
        x = np.concatenate([s, p] if profile is None else [s, p, profile])
        g = sigmoid(self.dense("join.gate", x))
        other = np.tanh(self.dense("join.mix", x)) if kind == "feature_gated" else p
        return g * s + (1.0 - g) * other

    def run(self, xs: list[Array], lists: list[list[Array]], profile: Array | None) -> list[Array]:
        first_residual = self.config.num_layers - self.config.num_residual_layers
        for layer in range(self.config.num_layers):
            out = self.lstm(layer, xs)
            if layer >= first_residual:
                out = [h + x for h, x in zip(out, xs, strict=True)]
            xs = out
        sessions = self.user_attention(self.self_attention(xs), profile)
        p = self.long_term(lists, profile)
        return [self.join(s, p, profile) for s in sessions]


VARIANTS: list[dict[str, Option]] = [
    {},
    {"num_layers": 3, "num_residual_layers": 2, "user_residual": False},
    {"long_attention": "code"},
    {"long_attention": "mean"},
    *({"gate": gate} for gate in GATES),
]


@pytest.mark.parametrize(
    ("options", "has_profile"), list(itertools.product(VARIANTS, (True, False)))
)
def test_equals_the_twin(options: dict[str, Option], has_profile: bool) -> None:
    torch.manual_seed(4)
    shape = EncoderShape(dim=DIM, field_dims=FIELDS, has_profile=has_profile)
    module = build_sdm(shape, num_heads=HEADS, **options).double().eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    mask = torch.arange(5) < torch.tensor([5, 2, 1])[:, None]
    items = torch.randn(3, 5, DIM, dtype=torch.float64)
    counts = {"item": [3, 0, 1], "brand": [2, 1, 0]}
    fields = {
        name: (
            torch.randn(3, 4, width, dtype=torch.float64),
            torch.arange(4) < torch.tensor(counts[name])[:, None],
        )
        for name, width in FIELDS.items()
    }
    profile = torch.randn(3, DIM, dtype=torch.float64) if has_profile else None
    found = module(items, mask, EncoderContext(profile=profile, long_fields=fields))
    twin = Twin(module)
    for row in range(3):
        xs = list(items[row][mask[row]].numpy())
        lists = [list(values[row][real[row]].numpy()) for values, real in fields.values()]
        expected = twin.run(xs, lists, None if profile is None else profile[row].numpy())
        np.testing.assert_allclose(
            found[row][mask[row]].detach().numpy(), np.stack(expected), atol=1e-5, rtol=0
        )


def test_without_any_long_term_click_the_result_is_finite() -> None:
    module = build_sdm(EncoderShape(dim=DIM))
    items, mask = torch.randn(2, 3, DIM), torch.ones(2, 3, dtype=torch.bool)
    out = module(items, mask, EncoderContext())
    out.sum().backward()
    assert bool(out.isfinite().all())
    empty = EncoderContext(
        long=torch.zeros(2, 0, DIM), long_mask=torch.zeros(2, 0, dtype=torch.bool)
    )
    module.eval()
    torch.testing.assert_close(
        module(items, mask, empty), module(items, mask, EncoderContext()), atol=1e-6, rtol=0
    )


def test_layers_start_as_the_official_code_starts_them() -> None:
    module = build_sdm(EncoderShape(dim=DIM, has_profile=True))
    weight = module.long_term.output.weight
    torch.testing.assert_close(weight @ weight.T, torch.eye(DIM), atol=1e-5, rtol=0)
    assert module.self_attention.norm.eps == 1e-8
    biases = {
        name: value.abs().max().item()
        for name, value in module.named_parameters()
        if "bias" in name and "bias_ih" not in name
    }
    assert set(biases.values()) == {0.0}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_layers", 0),
        ("num_layers", True),
        ("num_layers", 1.5),
        ("num_residual_layers", 3),
        ("num_residual_layers", -1),
        ("dropout", 1.0),
        ("dropout", -0.1),
        ("dropout", "0.2"),
        ("num_heads", 0),
        ("long_attention", "attention"),
        ("user_residual", 1),
        ("gate", "Vector"),
    ],
)
def test_wrong_values_are_refused_by_name(name: str, value: Option) -> None:
    with pytest.raises(UserError, match=f"{name}: found {value!r}, expected"):
        build_sdm(EncoderShape(dim=DIM), **{name: value})


def test_heads_must_divide_the_width() -> None:
    with pytest.raises(UserError, match="num_heads: found 3"):
        build_sdm(EncoderShape(dim=DIM), num_heads=3)
    assert build_sdm(EncoderShape(dim=128)).self_attention.num_heads == 8


def context_errors() -> list[tuple[EncoderShape, EncoderContext, str]]:
    mask = torch.ones(2, 4, dtype=torch.bool)
    wide = {"item": (torch.zeros(2, 4, 9), mask)}
    plain, profiled = EncoderShape(dim=DIM), EncoderShape(dim=DIM, has_profile=True)
    many = EncoderShape(dim=DIM, field_dims=FIELDS)
    long = torch.zeros(2, 4, DIM)
    return [
        (profiled, EncoderContext(), "profile: found none, expected one"),
        (plain, EncoderContext(profile=torch.zeros(2, DIM)), "profile: found one, expected none"),
        (profiled, EncoderContext(profile=torch.zeros(2, 3)), r"found \[2, 3\], expected \[B, 8\]"),
        (plain, EncoderContext(long=long), "long_mask: found none"),
        (plain, EncoderContext(long_fields=wide), r"'item'.*\[2, 4, 9\]"),
        (many, EncoderContext(long=long, long_mask=mask), r"found \['item'\], expected"),
    ]


@pytest.mark.parametrize(("shape", "known", "message"), context_errors())
def test_a_context_that_does_not_fit_is_refused(
    shape: EncoderShape, known: EncoderContext, message: str
) -> None:
    module = SDM(shape, SDMConfig())
    with pytest.raises(UserError, match=message):
        module(torch.zeros(2, 3, DIM), torch.ones(2, 3, dtype=torch.bool), known)
