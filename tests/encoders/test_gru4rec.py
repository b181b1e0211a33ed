"""GRU4REC against a loop in NumPy, what it reads, and its options."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from tests.nn.recurrent_twin import session_gru

from unclicked.encoders import EncoderContext, EncoderShape
from unclicked.encoders.gru4rec import build_gru4rec
from unclicked.encoders.options import Option
from unclicked.errors import UserError
from unclicked.nn.recurrent import CELLS

DIM = 6


@pytest.mark.parametrize(
    ("cell", "num_layers", "has_profile", "use_profile"),
    list(itertools.product(CELLS, (1, 2), (True, False), (True, False))),
)
def test_equals_the_loop(cell: str, num_layers: int, has_profile: bool, use_profile: bool) -> None:
    torch.manual_seed(4)
    shape = EncoderShape(dim=DIM, field_dims={"item": 5}, has_profile=has_profile)
    module = build_gru4rec(
        shape, cell=cell, num_layers=num_layers, use_profile=use_profile, dropout=0.5
    )
    module = module.double().eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.4 * torch.randn_like(parameter))
    mask = torch.arange(5) < torch.tensor([5, 2, 1])[:, None]
    items = torch.randn(3, 5, DIM, dtype=torch.float64)
    profile = torch.randn(3, DIM, dtype=torch.float64) if has_profile else None
    found = module(items, mask, EncoderContext(profile=profile))
    weights = {name: value.detach().numpy() for name, value in module.state_dict().items()}
    assert module.reads_profile == (has_profile and use_profile)
    for row in range(3):
        own = profile[row].numpy() if profile is not None and use_profile else None
        xs = list(items[row][mask[row]].numpy())
        expected = session_gru(weights, "gru.", cell, num_layers, xs, own)
        got = found[row][mask[row]].detach().numpy()
        np.testing.assert_allclose(got, np.stack(expected), atol=1e-10, rtol=0)


def test_the_profile_counts_only_where_it_is_used_and_long_term_clicks_never() -> None:
    items, mask = torch.randn(2, 3, DIM), torch.ones(2, 3, dtype=torch.bool)
    shape = EncoderShape(dim=DIM, has_profile=True)
    for used in (True, False):
        module = build_gru4rec(shape, use_profile=used).eval()
        first = EncoderContext(profile=torch.zeros(2, DIM))
        second = EncoderContext(profile=torch.ones(2, DIM), long=items, long_mask=mask)
        same = torch.equal(module(items, mask, first), module(items, mask, second))
        assert same != used
        assert module.long_input == "none"


def test_forms_of_the_cell_differ() -> None:
    items, mask = torch.randn(2, 4, DIM), torch.ones(2, 4, dtype=torch.bool)
    outputs = []
    for cell in CELLS:
        torch.manual_seed(0)
        module = build_gru4rec(EncoderShape(dim=DIM), cell=cell).eval()
        outputs.append(module(items, mask, EncoderContext()))
    assert outputs[0].shape == outputs[1].shape
    assert not torch.allclose(outputs[0], outputs[1], atol=1e-3)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_layers", 0),
        ("num_layers", True),
        ("num_layers", 1.5),
        ("dropout", 1.0),
        ("dropout", -0.1),
        ("dropout", "0.2"),
        ("cell", "lstm"),
        ("cell", None),
        ("use_profile", 1),
    ],
)
def test_wrong_values_are_refused_by_name(name: str, value: Option) -> None:
    with pytest.raises(UserError, match=f"{name}: found {value!r}, expected"):
        build_gru4rec(EncoderShape(dim=DIM), **{name: value})


def test_too_many_layers_are_refused() -> None:
    with pytest.raises(UserError, match="num_layers: found 65, expected at most 64"):
        build_gru4rec(EncoderShape(dim=DIM), num_layers=65)


@pytest.mark.parametrize("used", [True, False])
def test_a_profile_that_does_not_fit_is_refused(used: bool) -> None:
    items, mask = torch.zeros(2, 3, DIM), torch.ones(2, 3, dtype=torch.bool)
    module = build_gru4rec(EncoderShape(dim=DIM, has_profile=True), use_profile=used)
    with pytest.raises(UserError, match="profile: found none, expected one"):
        module(items, mask, EncoderContext())
    with pytest.raises(UserError, match=r"found \[2, 3\], expected \[B, 6\]"):
        module(items, mask, EncoderContext(profile=torch.zeros(2, 3)))
