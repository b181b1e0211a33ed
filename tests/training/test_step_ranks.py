"""Steps shared by several ranks against the same steps of one."""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
import torch
from tests.model_twin import NUM_ITEMS, World, world
from tests.training.ranks_threads import together
from torch import Tensor

from unclicked.config import TrainConfig
from unclicked.errors import NumericError, UserError
from unclicked.model import UnclickedRecommender
from unclicked.sampling import LogUniform
from unclicked.tensors import to_tensors
from unclicked.training.exchange import part_of
from unclicked.training.optimiser import Optimiser
from unclicked.training.ranks import ALONE, Ranks
from unclicked.training.share import refuse_permuted, share_of
from unclicked.training.step import BrokenRows, StepReport, training_step

SAMPLER = LogUniform(NUM_ITEMS)
STEPS = 20
Seen = tuple[list[StepReport], list[float], dict[str, Tensor]]


@pytest.fixture(scope="module")
def one() -> World:
    return world(3, num_users=20)


def batches(one: World, size: int) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    found = [rng.choice(len(one.samples), size, replace=False) for _ in range(STEPS)]
    # Batches that are smaller than the number of ranks leave some of them idle.
    return [*found[:-2], found[0][:1], found[1][:2]]


def steps(one: World, ranks: Ranks, train: dict[str, Any], fresh: UnclickedRecommender) -> Seen:
    """Steps of one rank: what it reports, the norms, and the weights at the end."""
    model = deepcopy(fresh).train()
    optimiser = Optimiser(model, TrainConfig.model_validate(train), ranks)
    reports, norms = [], []
    for step, chosen in enumerate(batches(one, 13)):
        part, idle = part_of(chosen, ranks.number, ranks.count)
        batch = to_tensors(one.builder().build(part), torch.device("cpu"))
        negatives = None
        if train.get("ranking_loss") != "mse":
            negatives = SAMPLER.draw(6, torch.Generator().manual_seed(step))
        random = torch.Generator().manual_seed(step)
        given = (model, batch, negatives, SAMPLER, random, step, ranks, idle)
        weight = train.get("unclicked_negatives", 0.0)
        reports.append(training_step(*given, unclicked_weight=weight))
        norms.append(optimiser.step())
    return reports, norms, {name: one.detach() for name, one in model.named_parameters()}


def compare(alone: Seen, shared: Seen, tolerance: float) -> None:
    for ours, theirs in zip(alone[0], shared[0], strict=True):
        mine, other = (
            {name: value for name, value in asdict(one).items() if value is not None}
            for one in (ours, theirs)
        )
        assert mine.keys() == other.keys()
        for name, value in mine.items():
            assert other[name] == pytest.approx(value, rel=tolerance, abs=tolerance), name
    assert shared[1] == pytest.approx(alone[1], rel=tolerance, abs=tolerance)
    for name, weight in alone[2].items():
        if name.endswith("self_attention.project.bias"):
            # A bias of all keys changes no softmax: its gradient is rounding and nothing else, and
            # Adam makes steps of it. What it does is seen in the losses.
            continue
        assert shared[2][name] == pytest.approx(weight, abs=tolerance), name
    assert any(report.ranking_loss != alone[0][0].ranking_loss for report in alone[0])


CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "unclicked items as negatives": (
        {"fusion": "none", "metric": "none"},
        {"unclicked_negatives": 0.7},
    ),
    "cap and clip bind": (
        {"metric_grad_cap": 0.1, "intermediate_margin": 1.0},
        {"clip_norm": 0.5, "initial_accumulator": 1e-6},
    ),
    "warm-up, last positions": (
        {"metric_warmup_steps": 8, "metric_positions": "last", "metric_on": "user"},
        {"initial_accumulator": 0.1},
    ),
    "tied vectors, adam": (
        {"tie_item_vectors": True, "fusion": "subtract", "use_user_id": True},
        {"optimizer": "adam", "learning_rate": 0.01},
    ),
    "no plug-in": ({"fusion": "none", "metric": "none", "encoder": "gru4rec"}, {}),
    "labels scored": ({"label_source": "output", "metric": "infonce"}, {"clip_norm": 0.0}),
}


@pytest.mark.parametrize("single", [True, False], ids=["float32", "float64"])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("count", [2, 3])
def test_the_same_losses_norms_and_weights_as_one_rank(
    one: World, case: str, count: int, single: bool
) -> None:
    settings, train = CASES[case]
    fresh = one.model(**settings)
    fresh = fresh.float() if single else fresh
    alone = steps(one, ALONE, train, fresh)
    shared = together(count, lambda ranks: steps(one, ranks, train, fresh))
    compare(alone, shared[0], 1e-5 if single else 1e-10)
    for other in shared[1:]:
        # Replicas must not drift apart: every bit is the same.
        assert other[:2] == shared[0][:2]
        assert all(torch.equal(weight, shared[0][2][name]) for name, weight in other[2].items())


def test_the_cap_and_the_clip_bind_in_that_case(one: World) -> None:
    settings, train = CASES["cap and clip bind"]
    reports, norms, _ = steps(one, ALONE, train, one.model(**settings))
    assert sum(report.metric_scale < 1 for report in reports) > STEPS // 2
    assert sum(norm > train["clip_norm"] for norm in norms) > STEPS // 2


def test_a_share_counts_what_is_real() -> None:
    counted = [torch.tensor([True, False, True]), torch.tensor([True, True]), torch.ones(3) > 0]
    found = together(
        3, lambda ranks: share_of(counted[ranks.number], ranks, idle=ranks.number == 2)
    )
    assert [(one.begin, one.rows, one.counted, one.weight) for one in found] == [
        (0, 5, 4, 0.6),
        (3, 5, 4, 0.4),
        (5, 5, 4, 0.0),
    ]
    drawn = torch.arange(5)
    assert [one.drawn(drawn, n).tolist() for one, n in zip(found, (3, 2, 3), strict=True)] == [
        [0, 1, 2],
        [3, 4],
        [2, 3, 4],
    ]


def test_all_ranks_stop_where_one_finds_a_broken_row(one: World) -> None:
    fresh = one.model().train()

    def act(ranks: Ranks) -> BrokenRows:
        model = deepcopy(fresh)
        if ranks.number == 1:
            with torch.no_grad():
                model.tower.table("item_id").weight.fill_(torch.nan)
        batch = to_tensors(one.builder().build(np.arange(4) + ranks.number), torch.device("cpu"))
        negatives = SAMPLER.draw(6, torch.Generator().manual_seed(1))
        with pytest.raises(BrokenRows) as caught:
            training_step(model, batch, negatives, SAMPLER, torch.Generator(), 0, ranks)
        return caught.value

    healthy, broken = together(2, act)
    assert broken.places
    assert re.fullmatch(r"rows \d.* of the batch", broken.where)
    assert (healthy.places, healthy.where) == ([], "rows of another process")


def test_all_ranks_stop_where_one_finds_a_broken_weight(one: World) -> None:
    fresh = one.model().train()

    def act(ranks: Ranks) -> str:
        model = deepcopy(fresh)
        optimiser = Optimiser(model, TrainConfig(), ranks)
        batch = to_tensors(one.builder().build(np.arange(4)), torch.device("cpu"))
        negatives = SAMPLER.draw(6, torch.Generator().manual_seed(1))
        training_step(model, batch, negatives, SAMPLER, torch.Generator(), 0, ranks)
        before = {name: weight.clone() for name, weight in model.named_parameters()}
        if ranks.number == 1:
            model.tower.table("item_id").handed_out[0][1].data[0] = torch.inf
        with pytest.raises(NumericError) as caught:
            optimiser.step()
        assert all(torch.equal(before[name], one) for name, one in model.named_parameters())
        return caught.value.where

    assert together(2, act) == ["rows of tables or of another process", "tower.tables.0.weight"]


def test_permuted_labels_need_one_process(one: World) -> None:
    config = one.model(metric_labels="permuted").config
    refuse_permuted(config, ALONE)
    with pytest.raises(UserError, match=r"permuted.*2 processes"):
        refuse_permuted(config, Ranks(0, 2))
