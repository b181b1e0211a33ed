"""The weight of the metric loss by step, and the order of permuted labels."""

from __future__ import annotations

import pytest
import torch

from unclicked.config import ModelConfig
from unclicked.training.metric_step import metric_weight_at, permuted_rows


@pytest.mark.parametrize("warmup", [1, 3, 10])
def test_the_weight_rises_by_equal_parts_and_then_stays(warmup: int) -> None:
    config = ModelConfig(metric_weight=0.7, metric_warmup_steps=warmup)
    found = [metric_weight_at(config, step) for step in range(2 * warmup)]
    assert found[:warmup] == pytest.approx([0.7 * k / warmup for k in range(warmup)])
    assert found[warmup:] == [0.7] * warmup


def test_without_a_warm_up_the_weight_is_the_setting_in_every_step() -> None:
    config = ModelConfig(metric_weight=0.7)
    assert {metric_weight_at(config, step) for step in range(5)} == {0.7}


def test_only_rows_with_labels_change_places_and_a_seed_fixes_how() -> None:
    mask = torch.arange(40) % 3 > 0
    order = permuted_rows(mask, torch.Generator().manual_seed(2))
    assert torch.equal(order[~mask], torch.arange(40)[~mask])
    assert sorted(order.tolist()) == list(range(40))
    assert bool(mask[order[mask]].all())
    assert (order != torch.arange(40)).sum() > 15
    assert torch.equal(order, permuted_rows(mask, torch.Generator().manual_seed(2)))
    assert not torch.equal(order, permuted_rows(mask, torch.Generator().manual_seed(3)))
