"""NARM against a loop in NumPy, its attention by hand, and its options."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from tests.nn.recurrent_twin import Array, Weights, dot, session_gru, sigmoid
from torch import Tensor

from unclicked.encoders import EncoderContext, EncoderShape
from unclicked.encoders.narm import AdditiveAttention, DotProductAttention, build_narm
from unclicked.encoders.options import Option
from unclicked.errors import UserError
from unclicked.nn.recurrent import CELLS

DIM = 6


def local(w: Weights, states: list[Array], style: str, norm: str) -> Array:
    """c_l of the last of the given states."""
    last, scores = states[-1], []
    for state in states:
        if style == "sdm":
            scores.append(dot(last, state) / math.sqrt(DIM))
            continue
        asked, key = w["attention.of_query.weight"], w["attention.of_key.weight"]
        units = [sigmoid(dot(asked[k], last) + dot(key[k], state)) for k in range(DIM)]
        scores.append(dot(w["attention.vector"], np.array(units)))
    if norm == "softmax":
        total = sum(math.exp(score) for score in scores)
        scores = [math.exp(score) / total for score in scores]
    out = np.zeros(DIM)
    for weight, state in zip(scores, states, strict=True):
        out = out + weight * state
    return out


STYLES = [("paper", "softmax"), ("paper", "none"), ("sdm", "softmax")]


@pytest.mark.parametrize(
    ("form", "cell", "num_layers", "used"),
    list(itertools.product(STYLES, CELLS, (1, 2), (True, False))),
)
def test_equals_the_loop(form: tuple[str, str], cell: str, num_layers: int, used: bool) -> None:
    torch.manual_seed(4)
    style, norm = form
    module = build_narm(
        EncoderShape(dim=DIM, field_dims={"item": 5}, has_profile=True),
        style=style,
        attention_norm=norm,
        cell=cell,
        num_layers=num_layers,
        use_profile=used,
        output_dropout=0.5,
    )
    module = module.double().eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.4 * torch.randn_like(parameter))
    mask = torch.arange(5) < torch.tensor([5, 2, 1])[:, None]
    items = torch.randn(3, 5, DIM, dtype=torch.float64)
    profile = torch.randn(3, DIM, dtype=torch.float64)
    found = module(items, mask, EncoderContext(profile=profile))
    weights = {name: value.detach().numpy() for name, value in module.state_dict().items()}
    for row in range(3):
        own = profile[row].numpy() if used else None
        xs = list(items[row][mask[row]].numpy())
        states = session_gru(weights, "gru.", cell, num_layers, xs, own)
        for t, state in enumerate(states):
            joined = np.concatenate([state, local(weights, states[: t + 1], style, norm)])
            expected = weights["output.weight"] @ joined + weights.get("output.bias", 0.0)
            got = found[row, t].detach().numpy()
            np.testing.assert_allclose(got, expected, atol=1e-10, rtol=0)


def attended(attention: torch.nn.Module, states: list[float]) -> list[float]:
    values = torch.tensor(states).view(1, -1, 1)
    out: Tensor = attention(values, torch.ones(1, len(states), dtype=torch.bool))
    return out.flatten().tolist()


def test_additive_attention_by_hand() -> None:
    plain, normalised = (AdditiveAttention(1, normalised=flag) for flag in (False, True))
    for attention in (plain, normalised):
        for parameter in attention.parameters():
            torch.nn.init.zeros_(parameter)
        # All scores are 4 sigmoid(0) = 2 where both maps are zero.
        attention.vector.data.fill_(4.0)
    assert attended(plain, [1.0, 2.0, 4.0]) == [2.0, 6.0, 14.0]
    assert attended(normalised, [1.0, 3.0, 5.0]) == pytest.approx([1.0, 2.0, 3.0])
    # With A2 = 1 and A1 = 0, a state of ln 3 scores 4 * 3 / 4 = 3, a state of 0 scores 2.
    plain.of_key.weight.data.fill_(1.0)
    log3 = math.log(3.0)
    assert attended(plain, [log3, 0.0]) == pytest.approx([3 * log3, 3 * log3])
    normalised.of_key.weight.data.fill_(1.0)
    share = math.e / (math.e + 1.0)
    assert attended(normalised, [log3, 0.0]) == pytest.approx([log3, share * log3])
    # With A1 = 1 as well, the last state asks: from ln 3, a zero scores 4 sigmoid(ln 3) = 3.
    plain.of_query.weight.data.fill_(1.0)
    assert attended(plain, [0.0, log3]) == pytest.approx([0.0, 4 * 9 / 10 * log3])


def test_dot_product_attention_by_hand() -> None:
    log2 = math.log(2.0)
    # Scores of the second state: 0 and log 2 squared.
    share = 2.0**log2 / (1.0 + 2.0**log2)
    assert attended(DotProductAttention(0.0), [0.0, log2]) == pytest.approx([0.0, share * log2])


def test_sums_without_softmax_grow_with_the_session() -> None:
    states, mask = torch.ones(1, 20, DIM), torch.ones(1, 20, dtype=torch.bool)
    torch.manual_seed(0)
    plain, normalised = (AdditiveAttention(DIM, normalised=flag) for flag in (False, True))
    sizes = [attention(states, mask)[0].norm(dim=1) for attention in (plain, normalised)]
    torch.testing.assert_close(sizes[0][19], 20 * sizes[0][0])
    torch.testing.assert_close(sizes[1], sizes[1][:1].expand(20))


def test_only_the_styles_own_weights_exist() -> None:
    shape = EncoderShape(dim=DIM)
    paper = build_narm(shape).state_dict()
    sdm = build_narm(shape, style="sdm").state_dict()
    assert {name for name in paper if not name.startswith("gru.")} == {
        "attention.of_query.weight",
        "attention.of_key.weight",
        "attention.vector",
        "output.weight",
    }
    assert {name for name in sdm if not name.startswith("gru.")} == {
        "output.weight",
        "output.bias",
    }
    assert paper["output.weight"].shape == (DIM, 2 * DIM)


def test_dropout_stands_where_the_options_say() -> None:
    items, mask = torch.randn(4, 5, DIM), torch.ones(4, 5, dtype=torch.bool)

    def differs(**options: Option) -> bool:
        module = build_narm(EncoderShape(dim=DIM), **options)
        outputs = [module(items, mask, EncoderContext()) for _ in range(2)]
        return not torch.equal(*outputs)

    assert not differs(dropout=0.0)
    assert differs(dropout=0.0, output_dropout=0.5)
    assert differs(dropout=0.5)
    attention = DotProductAttention(0.5)
    assert not torch.equal(attention(items, mask), attention(items, mask))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_layers", 0),
        ("num_layers", False),
        ("dropout", 1.0),
        ("dropout", "0.2"),
        ("output_dropout", 1.0),
        ("output_dropout", -0.5),
        ("cell", "gru"),
        ("style", "code"),
        ("attention_norm", "l2"),
        ("use_profile", "yes"),
    ],
)
def test_wrong_values_are_refused_by_name(name: str, value: Option) -> None:
    with pytest.raises(UserError, match=f"{name}: found {value!r}, expected"):
        build_narm(EncoderShape(dim=DIM), **{name: value})


def test_the_code_style_always_has_its_softmax() -> None:
    with pytest.raises(UserError, match="attention_norm: found 'none', expected 'softmax'"):
        build_narm(EncoderShape(dim=DIM), style="sdm", attention_norm="none")
