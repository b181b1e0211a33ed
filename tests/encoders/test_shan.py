"""SHAN against a twin written position by position in NumPy, and its options."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from unclicked.encoders import EncoderContext, EncoderShape
from unclicked.encoders.options import Option
from unclicked.encoders.shan import SHAN, SHANConfig, build_shan
from unclicked.errors import UserError

Array = NDArray[np.float64]
DIM = 6
FIELDS = {"item": 5, "brand": 3}
LONG_COUNTS = {"item": [3, 0, 1, 0], "brand": [2, 0, 0, 1]}
VARIANTS: list[dict[str, Option]] = [
    {},
    {"long_attention": "code"},
    {"long_attention": "mean"},
    {"long": "paper"},
    {"session": "code"},
    {"session": "code", "long": "paper"},
]


def softmax(x: list[float]) -> Array:
    e = np.exp(np.array(x) - max(x))
    return np.asarray(e / e.sum())


class Twin:
    """One user's session, from the weights of a module, with no batch and no mask."""

    def __init__(self, module: SHAN) -> None:
        self.w = {k: v.detach().numpy() for k, v in module.state_dict().items()}
        self.config = module.config

    def dense(self, name: str, x: Array) -> Array:
        return np.asarray(self.w[f"{name}.weight"] @ x + self.w[f"{name}.bias"])

    def query(self, name: str, profile: Array | None) -> Array:
        if profile is None:
            return np.asarray(self.w[f"{name}.vector"])
        return self.dense(f"{name}.project", profile)

    def attend(self, layer: str, xs: list[Array], profile: Array | None) -> Array:
        u = self.query("query", profile)
        scores = [float(u @ np.maximum(self.dense(layer, x), 0.0)) for x in xs]
        total = np.zeros(DIM)
        for weight, x in zip(softmax(scores), xs, strict=True):
            total = total + weight * x
        return total

    def by_fields(self, lists: list[list[Array]], profile: Array | None) -> Array:
        pooled = []
        for number, (values, width) in enumerate(zip(lists, FIELDS.values(), strict=True)):
            if not values:
                pooled.append(np.zeros(width))
                continue
            pool, scores = f"long_term.pools.{number}", [0.0] * len(values)
            if self.config.long_attention == "paper":
                u = self.query(f"{pool}.query", profile)
                scores = [float(u @ v) for v in values]
            elif self.config.long_attention == "code":
                front = np.zeros(0) if profile is None else profile
                units = [self.dense(f"{pool}.unit", np.concatenate([front, v])) for v in values]
                scores = [float(np.tanh(u[0])) / np.sqrt(width) for u in units]
            pooled.append(sum(w * v for w, v in zip(softmax(scores), values, strict=True)))
        return np.tanh(self.dense("long_term.output", np.concatenate(pooled)))

    def run(self, xs: list[Array], lists: list[list[Array]], profile: Array | None) -> list[Array]:
        first: list[Array] = []
        if any(lists):
            by_items = self.config.long == "paper"
            first = [
                self.attend("long_keys", lists[0], profile)
                if by_items
                else self.by_fields(lists, profile)
            ]
        if self.config.session == "code":
            return [self.by_code(first + xs[: t + 1], profile) for t in range(len(xs))]
        return [self.attend("session_keys", first + xs[: t + 1], profile) for t in range(len(xs))]

    def by_code(self, xs: list[Array], profile: Array | None) -> Array:
        u = self.query("session_query", profile)
        asked = u if profile is None else np.tanh(u)
        weights = softmax([float(asked @ x) / np.sqrt(DIM) for x in xs])
        return np.asarray(sum(w * x for w, x in zip(weights, xs, strict=True)))


def made(options: dict[str, Option], *, has_profile: bool, fields: dict[str, int]) -> SHAN:
    torch.manual_seed(4)
    shape = EncoderShape(dim=DIM, field_dims=fields, has_profile=has_profile)
    module = build_shan(shape, **options).double().eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.5 * torch.randn_like(parameter))
    return module


def long_lists(module: SHAN) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    widths = FIELDS if module.long_input == "fields" else {"item": DIM}
    return {
        name: (
            torch.randn(4, 4, width, dtype=torch.float64),
            torch.arange(4) < torch.tensor(LONG_COUNTS[name])[:, None],
        )
        for name, width in widths.items()
    }


@pytest.mark.parametrize(
    ("options", "has_profile"), list(itertools.product(VARIANTS, (True, False)))
)
def test_equals_the_twin(options: dict[str, Option], has_profile: bool) -> None:
    module = made(options, has_profile=has_profile, fields=FIELDS)
    mask = torch.arange(5) < torch.tensor([5, 2, 1, 3])[:, None]
    items = torch.randn(4, 5, DIM, dtype=torch.float64)
    lists = long_lists(module)
    profile = torch.randn(4, DIM, dtype=torch.float64) if has_profile else None
    if module.long_input == "fields":
        known = EncoderContext(profile=profile, long_fields=lists)
    else:
        known = EncoderContext(profile=profile, long=lists["item"][0], long_mask=lists["item"][1])
    found = module(items, mask, known)
    twin = Twin(module)
    for row in range(4):
        xs = list(items[row][mask[row]].numpy())
        own = [list(values[row][real[row]].numpy()) for values, real in lists.values()]
        expected = twin.run(xs, own, None if profile is None else profile[row].numpy())
        np.testing.assert_allclose(
            found[row][mask[row]].detach().numpy(), np.stack(expected), atol=1e-10, rtol=0
        )


def test_by_hand() -> None:
    """u = 1, W1 = W2 = 1, b = 0, all in one dimension, so that a score is relu of the key.

    Long-term clicks ln 1 = 0 and ln 3 get weights 1/4 and 3/4: p = 0.75 ln 3 = 0.823959. Then
    v_1 = -1 scores relu(-1) = 0, and p scores p: its weight is 2.279507 / 3.279507 = 0.695076.
    """
    module = build_shan(EncoderShape(dim=1), long="paper", dropout=0.0).double()
    with torch.no_grad():
        for layer in (module.long_keys, module.session_keys):
            assert layer is not None
            layer.weight.fill_(1.0)
        module.get_parameter("query.vector").fill_(1.0)
    long = torch.tensor([[[0.0], [np.log(3.0)], [float("nan")]]], dtype=torch.float64)
    known = EncoderContext(long=long, long_mask=torch.tensor([[True, True, False]]))
    items = torch.tensor([[[-1.0]]], dtype=torch.float64)
    found = module(items, torch.tensor([[True]]), known).item()
    assert found == pytest.approx(0.695076 * 0.823959 - (1 - 0.695076), abs=2e-6)


@pytest.mark.parametrize("options", VARIANTS)
def test_without_long_term_clicks_the_session_speaks_alone(options: dict[str, Option]) -> None:
    module = made(options, has_profile=False, fields={})
    items, mask = torch.randn(2, 3, DIM).double(), torch.ones(2, 3, dtype=torch.bool)
    alone = module(items, mask, EncoderContext())
    assert bool(alone.isfinite().all())
    torch.testing.assert_close(alone[:, 0], items[:, 0], atol=1e-12, rtol=0)
    for width in (0, 3):
        empty = EncoderContext(
            long=torch.full((2, width, DIM), float("nan"), dtype=torch.float64),
            long_mask=torch.zeros(2, width, dtype=torch.bool),
        )
        torch.testing.assert_close(module(items, mask, empty), alone, atol=1e-12, rtol=0)
    alone.sum().backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad is None or bool(parameter.grad.isfinite().all()), name


def test_the_order_of_a_session_plays_no_part() -> None:
    module = made({}, has_profile=False, fields={})
    items, mask = torch.randn(1, 4, DIM).double(), torch.ones(1, 4, dtype=torch.bool)
    turned = torch.cat([items[:, :3].flip(1), items[:, 3:]], dim=1)
    both = [module(one, mask, EncoderContext())[:, 2:] for one in (items, turned)]
    torch.testing.assert_close(both[0], both[1], atol=1e-12, rtol=0)


def test_dropout_takes_weights_away_at_both_levels() -> None:
    module = made({"long": "paper", "dropout": 0.5}, has_profile=False, fields={}).train()
    items, mask = torch.ones(40, 1, DIM).double(), torch.ones(40, 1, dtype=torch.bool)
    found = module(items, mask, EncoderContext())
    # The only key's weight of 1 is dropped, or doubled.
    assert set(found[:, 0, 0].tolist()) == {0.0, 2.0}
    # One long-term click beside it: p is 0 or twice that click, and then a key of the second level.
    long, real = 3.0 * torch.ones(40, 1, DIM).double(), torch.ones(40, 1, dtype=torch.bool)
    query = module.get_parameter("query.vector")
    with torch.no_grad():
        query.zero_()
    found = module(0.0 * items, mask, EncoderContext(long=long, long_mask=real))
    # With u = 0 both weights are 1/2, dropped or doubled to 1: h is p, or 0.
    assert set(found[:, 0, 0].tolist()) == {0.0, 6.0}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("long", "items"),
        ("long", None),
        ("session", "sdm"),
        ("long_attention", "attention"),
        ("dropout", 1.0),
        ("dropout", -0.1),
        ("dropout", "0.2"),
    ],
)
def test_wrong_values_are_refused_by_name(name: str, value: Option) -> None:
    with pytest.raises(UserError, match=f"{name}: found {value!r}, expected"):
        build_shan(EncoderShape(dim=DIM), **{name: value})


def test_what_the_long_term_clicks_come_as() -> None:
    assert build_shan(EncoderShape(dim=DIM)).long_input == "fields"
    assert build_shan(EncoderShape(dim=DIM), long="paper").long_input == "items"


def context_errors() -> list[tuple[SHANConfig, EncoderContext, str]]:
    mask = torch.ones(2, 4, dtype=torch.bool)
    paper, sdm = SHANConfig(long="paper"), SHANConfig()
    fields = {"item": (torch.zeros(2, 4, DIM), mask)}
    other = {"brand": (torch.zeros(2, 4, DIM), mask)}
    long = torch.zeros(2, 4, DIM)
    return [
        (sdm, EncoderContext(profile=torch.zeros(2, DIM)), "profile: found one, expected none"),
        (sdm, EncoderContext(long_fields=other), r"found \['brand'\], expected \['item'\]"),
        (paper, EncoderContext(long_fields=fields), "long: found long_fields only, expected item"),
        (paper, EncoderContext(long=long), "long_mask: found none"),
        (paper, EncoderContext(long=long[..., :2], long_mask=mask), r"\[2, 4, 2\].*\[B, M, 6\]"),
    ]


@pytest.mark.parametrize(("config", "known", "message"), context_errors())
def test_a_context_that_does_not_fit_is_refused(
    config: SHANConfig, known: EncoderContext, message: str
) -> None:
    module = SHAN(EncoderShape(dim=DIM), config)
    with pytest.raises(UserError, match=message):
        module(torch.zeros(2, 3, DIM), torch.ones(2, 3, dtype=torch.bool), known)
