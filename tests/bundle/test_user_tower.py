"""Padded lists through one module give what ragged batches through the model give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from unclicked.bundle.made_up import batches
from unclicked.bundle.onnx_tower import _users
from unclicked.bundle.user_tower import UserTower, tower_inputs
from unclicked.recommendation import Answerer
from unclicked.run import Run

Variant = Callable[..., Run]


@pytest.mark.parametrize("fusion", ["none", "subtract", "confidence"])
@pytest.mark.parametrize(
    ("encoder", "options"),
    [
        ("sdm", {}),
        ("dnn", {}),
        ("dnn", {"mean_of": "history"}),
        ("gru4rec", {}),
        ("narm", {}),
        ("shan", {}),
        ("shan", {"long": "paper"}),
        ("binn", {}),
        ("sasrec", {}),
        ("sasrec", {"sequence": "session", "positions": 2}),
    ],
)
def test_it_gives_the_model_s_vectors(
    variant: Variant, encoder: str, options: dict[str, Any], fusion: str
) -> None:
    settings = {"encoder": encoder, "encoder_options": options, "fusion": fusion}
    run = variant(exposures=encoder == "sdm", use_user_id=encoder == "narm", **settings)
    with torch.no_grad():
        for weight in run.model.parameters():
            weight.add_(0.2 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(1)))
    tower, answerer = UserTower(run.model, run.config), Answerer(run)
    for count, length, unclicked in ((1, 1, 0), (3, 3, 1), (17, 6, 8), (5, 4, 3)):
        for batch in batches(answerer, _users(answerer, count, length, unclicked)):
            inputs = tower_inputs(tower.lengths, batch)
            assert {name: one.shape for name, one in inputs.items()} == {
                name: (count, width) for name, width in tower.lengths.items()
            }
            with torch.no_grad():
                found = tower(*(torch.from_numpy(inputs[name]) for name in tower.lengths))
                wanted = run.model.user_vectors(batch)
            assert torch.allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_inputs_are_item_indices_padded_on_the_right(variant: Variant) -> None:
    run = variant(encoder="shan", exposures=True)
    answerer = Answerer(run)
    known = _users(answerer, 4, 3, 5)
    tower = UserTower(run.model, run.config)
    inputs = tower_inputs(tower.lengths, next(batches(answerer, known)))
    for row, one in enumerate(known):
        assert inputs["clicked"][row].tolist() == [*one.clicked[-3:], 0, 0, 0]
        assert inputs["unclicked"][row].tolist() == [*one.unclicked, 0, 0, 0]
        assert inputs["unclicked_counts"][row].tolist() == [*one.showings, 0, 0, 0]
        assert inputs["profile"][row].tolist() == one.profile
        before = one.clicked[:-3]
        last = [item for at, item in enumerate(before) if item not in before[at + 1 :]][-5:]
        assert inputs["long_item_id"][row].tolist() == [*last, *[0] * (5 - len(last))]
    assert any(len(one.clicked) > 3 for one in known)


def test_an_unknown_item_is_the_last_row(variant: Variant) -> None:
    run = variant(encoder="gru4rec", fusion="none")
    tower = UserTower(run.model, run.config)
    rows = tower.get_buffer("items")
    assert rows.shape == (122, 16)
    with torch.no_grad():
        for item in (7, 121):
            assert torch.allclose(rows[item], run.model.tower(torch.tensor([item]))[0], atol=1e-6)
    assert not torch.allclose(rows[7], rows[121], atol=1e-3)
    assert np.isfinite(rows.numpy()).all()
