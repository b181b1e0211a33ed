"""One training step against plain differentiation of the two losses, uncut."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from tests.model_twin import NUM_ITEMS, World, world
from torch import Tensor

from unclicked.config import TrainConfig
from unclicked.errors import NumericError
from unclicked.model import UnclickedRecommender
from unclicked.nn.tables import Table
from unclicked.sampling import LogUniform, SampledNegatives
from unclicked.tensors import TensorBatch, to_tensors
from unclicked.training import step as stepping
from unclicked.training.optimiser import Optimiser
from unclicked.training.step import StepReport, training_step

SAMPLER = LogUniform(NUM_ITEMS)
FUSIONS = ["none", "subtract", "confidence"]
METRICS = [
    "none",
    "asymmetric",
    "symmetric",
    "clicked_label",
    "clicked_unclicked",
    "label_unclicked",
    "infonce",
]


def drawn(seed: int = 1) -> SampledNegatives:
    return SAMPLER.draw(6, torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def one() -> World:
    return world(3)


def whole(one: World) -> TensorBatch:
    chosen = np.arange(0, len(one.samples), 6)
    return to_tensors(one.builder().build(chosen), torch.device("cpu"))


def step(model: UnclickedRecommender, batch: TensorBatch, number: int = 0) -> StepReport:
    generator = torch.Generator().manual_seed(5)
    return training_step(model.train(), batch, drawn(), SAMPLER, generator, number)


def gradients(model: UnclickedRecommender) -> dict[str, Tensor]:
    """Gradients of all parameters after a step; those of tables as whole matrices."""
    found = {}
    tables = model.tables()
    for name, weight in model.named_parameters():
        found[name] = torch.zeros_like(weight)
        if name in tables:
            assert weight.grad is None
            collected = tables[name].collect_gradients()
            if collected is not None:
                found[name][collected[0]] = collected[1]
        elif weight.grad is not None:
            found[name] = weight.grad.clone()
    return found


def log_expected(index: Tensor, negatives: SampledNegatives) -> Tensor:
    rank = (index - 1).clamp(min=0).double()
    chance = ((rank + 2) / (rank + 1)).log() / math.log(NUM_ITEMS + 1)
    if negatives.tries == len(negatives.index):
        return (negatives.tries * chance).log()
    return (1 - (1 - chance) ** negatives.tries).log()


def plain_ranking(user: Tensor, batch: TensorBatch, vectors: Tensor) -> list[Tensor]:
    """The sampled softmax of each row, label by label."""
    negatives = drawn()
    rows = []
    for row in range(len(user)):
        labels = [k for k in batch.labels[row].tolist() if k > 0]
        left = [k for k in negatives.index.tolist() if k not in labels]
        index = torch.tensor(labels + left)
        logits = vectors[index] @ user[row] - log_expected(index, negatives)
        rows.append(torch.logsumexp(logits, 0) - logits[: len(labels)].mean())
    return rows


def plain_metric(name: str, margin: float, h: Tensor, n: Tensor, c: Tensor) -> Tensor:
    if name == "infonce":
        # A length is never below 1e-6, so that a vector of zeros has a direction's gradient.
        h, n, c = (one / (one @ one + 1e-12).sqrt() for one in (h, n, c))
        cosines = torch.stack([h @ c, h @ n])
        return -torch.log_softmax(cosines / 0.1, dim=0)[0]
    hc, hn, cn = (h - c).square().sum(), (h - n).square().sum(), (c - n).square().sum()
    return {
        "asymmetric": torch.relu(hc - hn + margin),
        "symmetric": torch.relu(2 * hc - hn - cn + margin),
        "clicked_label": hc,
        "clicked_unclicked": torch.relu(margin - hn),
        "label_unclicked": torch.relu(margin - cn),
    }[name]


def plain_loss(model: UnclickedRecommender, batch: TensorBatch) -> Tensor:
    """Ranking mean plus weighted metric mean in one graph over whole tables."""
    config = model.config
    rows = model.encode(batch)
    n = model.plugin.encode_unclicked(rows.unclicked_mean, rows.unclicked_mask)
    user = model.plugin.fuse(rows.clicked, n)
    vectors = model.item_vectors(torch.arange(NUM_ITEMS + 1))
    ranking = torch.stack(plain_ranking(user, batch, vectors))
    if config.metric == "none":
        return ranking.mean()
    source = rows.items[batch.label_places] if config.label_source == "input" else None
    source = vectors[batch.labels] if source is None else source
    some = batch.labels > 0
    mean = torch.stack([source[row][some[row]].mean(0) for row in range(len(some))])
    c = model.plugin.encode_labels(mean, some.any(1))
    if config.metric_labels == "permuted":
        c = c[torch.randperm(len(c), generator=torch.Generator().manual_seed(5))]
    seen = user if config.metric_on == "user" else rows.clicked
    if config.metric_input == "tanh":
        seen = torch.tanh(seen)
    if config.metric_input == "layer_norm":
        seen = seen - seen.mean(1, keepdim=True)
        seen = seen / (seen.square().mean(1, keepdim=True) + 1e-5).sqrt()
    total, count = torch.zeros((), dtype=torch.float64), 0
    for row in range(len(seen)):
        if config.metric_positions == "last" and not batch.row_is_last[row]:
            continue
        count += 1
        if rows.unclicked_mask[row]:
            total = total + plain_metric(config.metric, config.margin, seen[row], n[row], c[row])
    return ranking.mean() + config.metric_weight * total / count


def plain_gradients(model: UnclickedRecommender, batch: TensorBatch) -> dict[str, Tensor]:
    """Differentiate with respect to whole tables, as if they were ordinary weights."""
    plain = Table.rows
    Table.rows = lambda table, ids: table.weight[ids]
    try:
        named = dict(model.named_parameters())
        for weight in named.values():
            weight.requires_grad_()
        found = torch.autograd.grad(
            plain_loss(model.train(), batch), list(named.values()), allow_unused=True
        )
    finally:
        Table.rows = plain
    result = {}
    for (name, weight), gradient in zip(named.items(), found, strict=True):
        result[name] = torch.zeros_like(weight) if gradient is None else gradient
        if name in model.tables():
            result[name][0] = 0.0
    return result


CASES = [
    {"fusion": fusion, "metric": metric, "label_source": source, "tie_item_vectors": tied}
    | {"metric_on": on}
    for fusion in FUSIONS
    for metric in METRICS
    for source in (["input", "output"] if metric != "none" else ["input"])
    for tied in (False, True)
    for on in (["clicked", "user"] if fusion != "none" and metric != "none" else ["clicked"])
]
MORE = [
    {"metric_positions": "last"},
    {"label_encoder": "separate"},
    {"gate_activation": "identity"},
    {"gate_activation": "tanh"},
    {"metric_input": "tanh"},
    {"metric_input": "layer_norm"},
    {"metric_input": "layer_norm", "metric_on": "user", "metric": "infonce"},
    {"metric_labels": "permuted"},
    {"metric_labels": "permuted", "metric": "infonce", "label_source": "output"},
    {"stop_gradient_labels": True},
    {"use_user_id": True},
    {"field_dims": {"tag": 5}},
]


@pytest.mark.parametrize(
    "case", [*CASES, *MORE], ids=lambda case: "-".join(map(str, case.values()))
)
def test_gradients_are_those_of_the_two_losses(one: World, case: dict[str, Any]) -> None:
    settings = {"metric_weight": 0.7, "margin": 3.0} | case
    batch = whole(one)
    ours, theirs = one.model(**settings), one.model(**settings)
    expected = plain_gradients(theirs, batch)
    report = step(ours, batch)
    found = gradients(ours)
    assert set(found) == set(expected)
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-8, atol=1e-11, msg=name)
    assert report.metric_scale == 1.0
    assert report.num_rows == len(batch.labels)
    assert found["tower.tables.0.weight"].any()


def at_the_cut(
    model: UnclickedRecommender, batch: TensorBatch, number: int = 0
) -> dict[str, Tensor]:
    """The gradients that leave the cut for encoder and towers."""
    kept: dict[str, Tensor] = {}
    plain = stepping._backward

    def remember(trunk: dict[str, Tensor], leaves: dict[str, Tensor]) -> None:
        kept.update({k: v.grad.clone() for k, v in leaves.items() if v.grad is not None})
        plain(trunk, leaves)

    stepping._backward = remember
    try:
        step(model, batch, number)
    finally:
        stepping._backward = plain
    return kept


@pytest.mark.parametrize("metric_on", ["clicked", "user"])
def test_the_cap_is_exact_at_the_cut(one: World, metric_on: str) -> None:
    batch = whole(one)
    settings = {"metric_weight": 10.0, "metric_on": metric_on}
    ranking = at_the_cut(one.model(**settings | {"metric_weight": 0.0}), batch)
    for cap in (0.1, 1.0):
        capped = at_the_cut(one.model(**settings, metric_grad_cap=cap), batch)
        both = ("clicked", "unclicked", "labels")
        norm = math.sqrt(sum(float(ranking[k].square().sum()) for k in both))
        extra = math.sqrt(sum(float((capped[k] - ranking[k]).square().sum()) for k in both))
        assert extra == pytest.approx(cap * norm, rel=1e-9)
        assert torch.equal(capped["vectors"], ranking["vectors"])
    free = at_the_cut(one.model(**settings), batch)
    high = at_the_cut(one.model(**settings, metric_grad_cap=1e9), batch)
    assert all(torch.equal(free[k], high[k]) for k in free)


def test_rows_without_unclicked_items_have_no_metric_loss(one: World) -> None:
    batch = whole(one)
    nothing = replace(
        batch,
        unclicked=batch.unclicked[:0],
        unclicked_offsets=torch.zeros_like(batch.unclicked_offsets),
        unclicked_counts=batch.unclicked_counts[:0],
    )
    with_metric, without = one.model(metric_weight=5.0), one.model(metric="none", fusion="none")
    without.load_state_dict(with_metric.state_dict(), strict=False)
    report = step(with_metric, nothing)
    step(without, nothing)
    assert (report.metric_loss, report.active_share, report.metric_norm) == (0.0, 0.0, 0.0)
    found, expected = gradients(with_metric), gradients(without)
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient)


@pytest.mark.parametrize("positions", ["all", "last"])
def test_the_report_is_about_the_rows_that_are_judged(one: World, positions: str) -> None:
    batch = whole(one)
    report = step(one.model(margin=1e4, metric_positions=positions), batch)
    # With such a margin every hinge is active, on the rows that have one.
    assert report.active_share == 1.0
    assert report.metric_loss > 9e3
    model = one.model(fusion="none", metric="clicked_label", label_encoder="separate")
    assert step(model, batch).metric_loss > 0
    # The encoder reads unclicked items; the plug-in, whose distances these are, is off.
    reads = {"encoder": "sasrec", "encoder_options": {"reads_unclicked": True}}
    report = step(one.model(fusion="none", metric="none", **reads), batch)
    assert (report.metric_loss, report.clicked_unclicked, report.active_share) == (0.0, 0.0, 0.0)


def test_a_broken_item_row_is_named_and_nothing_moves(one: World) -> None:
    model, batch = one.model(), whole(one)
    optimiser = Optimiser(model, TrainConfig())
    item = int(batch.items[-1])
    model.tower.table("item_id").weight.data[item, 0] = float("nan")
    before = [weight.detach().numpy().tobytes() for weight in model.parameters()]
    with pytest.raises(NumericError, match=r"NAN-LOSS\] rows \d+(, \d+)* of the batch") as caught:
        step(model, batch)
    named = {int(text) for text in caught.value.where.split(" of ")[0].split()[-1].split(",")}
    assert named <= set(range(len(batch.labels)))
    assert [weight.detach().numpy().tobytes() for weight in model.parameters()] == before
    assert optimiser.num_steps == 0


def test_random_items_are_pushed_away_where_asked(one: World) -> None:
    batch = whole(one)
    model = one.model(intermediate_margin=50.0)
    without = step(one.model(), batch)
    assert step(model, batch).metric_loss > without.metric_loss
    assert gradients(model)["plugin.unclicked_encoder.linear.weight"].any()


@pytest.mark.parametrize("fusion", FUSIONS)
def test_the_gate_is_reported_where_there_is_one(one: World, fusion: str) -> None:
    model = one.model(fusion=fusion, metric="none")
    batch = whole(one)
    rows = model.eval().encode(batch)
    report = step(model, batch)
    if fusion != "confidence":
        assert report.gate_mean is None
        return
    has = rows.unclicked_mask
    linear = model.plugin.fusion.linear
    read = model.plugin.encode_unclicked(rows.unclicked_mean, has)
    together = torch.cat([rows.clicked, read], dim=1)[has]
    gate = torch.sigmoid(linear(together)).mean(dim=1).detach().numpy()
    assert report.gate_mean == pytest.approx(float(gate.mean()), abs=1e-6)
    assert report.gate_low == pytest.approx(float(np.quantile(gate, 0.1)), abs=1e-6)
    assert report.gate_high == pytest.approx(float(np.quantile(gate, 0.9)), abs=1e-6)
