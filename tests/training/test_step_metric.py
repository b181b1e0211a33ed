"""The options of the metric loss in a training step: cap, warm-up and permuted labels."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from tests.model_twin import World, world
from tests.training.test_step import at_the_cut, gradients, step, whole
from torch import Tensor

from unclicked.config import ModelConfig
from unclicked.training import step as stepping


@pytest.fixture(scope="module")
def one() -> World:
    return world(3)


@pytest.mark.parametrize(
    "case",
    [
        {"metric": "infonce", "metric_temperature": 0.02},
        {"metric": "asymmetric", "metric_input": "layer_norm"},
        {"metric": "symmetric", "metric_input": "tanh", "metric_norm": "l2"},
        {"metric": "symmetric", "metric_labels": "permuted"},
        {"metric": "clicked_unclicked", "pair_form": "plain"},
        {"metric": "infonce", "gate_activation": "tanh", "metric_on": "user"},
        {"metric": "infonce", "metric_warmup_steps": 4},
    ],
    ids=lambda case: "-".join(map(str, case.values())),
)
def test_the_cap_holds_beside_every_option(one: World, case: dict[str, Any]) -> None:
    batch = whole(one)
    ranking = at_the_cut(one.model(**case, metric_weight=0.0), batch, 2)
    both = ("clicked", "unclicked", "labels")
    norm = math.sqrt(sum(float(ranking[k].square().sum()) for k in both))
    for weight in (1e-3, 10.0, 1e4):
        capped = at_the_cut(one.model(**case, metric_weight=weight, metric_grad_cap=0.1), batch, 2)
        extra = math.sqrt(sum(float((capped[k] - ranking[k]).square().sum()) for k in both))
        assert 0.0 < extra <= 0.1 * norm * (1 + 1e-9)
    assert extra == pytest.approx(0.1 * norm, rel=1e-9)


def test_beside_a_cap_that_binds_neither_weight_nor_warm_up_changes_a_gradient(one: World) -> None:
    batch = whole(one)
    options = [
        {"metric_weight": 100.0},
        {"metric_weight": 1e4},
        {"metric_weight": 1e4, "metric_warmup_steps": 4},
    ]
    found = [at_the_cut(one.model(metric_grad_cap=0.1, **each), batch, 2) for each in options]
    for other in found[1:]:
        for name, gradient in found[0].items():
            torch.testing.assert_close(other[name], gradient, rtol=1e-9, atol=1e-15)
    for name in ("metric_weight", "metric_warmup_steps"):
        assert "metric_grad_cap" in str(ModelConfig.model_fields[name].description)


def test_the_warm_up_scales_the_metric_gradient_and_is_reported(one: World) -> None:
    batch = whole(one)
    warm = {"metric_weight": 8.0, "metric_warmup_steps": 4}
    for number, weight in ((0, 0.0), (1, 2.0), (3, 6.0), (4, 8.0), (100, 8.0)):
        found = one.model(**warm)
        assert step(found, batch, number).metric_weight == weight
        fixed = one.model(metric_weight=weight)
        assert step(fixed, batch, number).metric_weight is None
        expected = gradients(fixed)
        assert all(torch.equal(value, expected[k]) for k, value in gradients(found).items())


def test_permuted_labels_are_those_of_the_same_batch_and_change_no_ranking(one: World) -> None:
    batch = whole(one)
    seen: dict[str, Tensor] = {}
    plain = stepping._metric

    def remember(*given: Any) -> Any:
        seen["labels"] = given[3]["labels"].detach().clone()
        return plain(*given)

    kept = {}
    stepping._metric = remember
    try:
        for name in ("own", "permuted"):
            report = step(one.model(metric_labels=name), batch)
            kept[name] = (seen["labels"], report)
    finally:
        stepping._metric = plain
    (own, first), (permuted, second) = kept["own"], kept["permuted"]
    assert not torch.equal(own, permuted)
    assert sorted(map(tuple, own.tolist())) == sorted(map(tuple, permuted.tolist()))
    assert first.ranking_loss == second.ranking_loss
    assert first.clicked_label != second.clicked_label
    assert first.clicked_unclicked == second.clicked_unclicked
