"""The ranking loss by item numbers, and a whole step and run on the squared error."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tests.model_twin import NUM_ITEMS, World, world
from torch import Tensor

from unclicked.config import ModelConfig, TrainConfig
from unclicked.data.dataset import PreparedDataset
from unclicked.dataset_settings import resolve_for
from unclicked.errors import UserError
from unclicked.model import UnclickedRecommender
from unclicked.run import build_model
from unclicked.sampling import LogUniform, SampledNegatives
from unclicked.start import train
from unclicked.tensors import TensorBatch, to_tensors
from unclicked.training.checkpoint import list_checkpoints
from unclicked.training.log import read_log_lines
from unclicked.training.optimiser import Optimiser
from unclicked.training.ranking import (
    UnclickedNegatives,
    ranking_loss,
    scored_items,
    unclicked_negatives,
)
from unclicked.training.step import training_step

SAMPLER = LogUniform(NUM_ITEMS)
LABELS = torch.tensor([[7, 3], [3, 0], [0, 0]])


def drawn(items: list[int]) -> SampledNegatives:
    index = torch.tensor(items)
    return SampledNegatives(index, 0, torch.zeros(len(items), dtype=torch.float64))


def vectors_of(items: Tensor) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    table = torch.randn(NUM_ITEMS + 1, 3, generator=generator, dtype=torch.float64)
    return table[items]


def users() -> Tensor:
    return torch.randn(3, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def test_what_is_scored() -> None:
    assert scored_items(LABELS, None).tolist() == [0, 3, 7]
    assert scored_items(LABELS, drawn([5, 7, 1])).tolist() == [0, 1, 3, 5, 7]


def test_the_squared_error_by_a_loop() -> None:
    scored, user = scored_items(LABELS, None), users()
    mean, found = ranking_loss(user, LABELS, scored, vectors_of(scored), None, SAMPLER)
    assert float(mean) == pytest.approx(float(found.sum()) / 3, abs=1e-12)
    for row, labels in enumerate(([7, 3], [3], [])):
        own = [float((user[row] - vectors_of(torch.tensor(k))).square().sum()) for k in labels]
        expected = sum(own) / len(own) if own else 0.0
        assert found[row].item() == pytest.approx(expected, abs=1e-12)


def test_the_sampled_softmax_by_a_loop() -> None:
    """The whole catalogue is drawn, so every expected count is 1 and its logarithm 0."""
    every = SAMPLER.draw(NUM_ITEMS, torch.Generator())
    scored, user = scored_items(LABELS, every), users()
    mean, found = ranking_loss(user, LABELS, scored, vectors_of(scored), every, SAMPLER)
    assert float(mean) == pytest.approx(float(found.sum()) / 3, abs=1e-12)
    logits = user @ vectors_of(torch.arange(1, NUM_ITEMS + 1)).T
    for row, labels in enumerate(([7, 3], [3], [])):
        own = [float(torch.logsumexp(logits[row], 0) - logits[row, k - 1]) for k in labels]
        expected = sum(own) / len(own) if own else 0.0
        assert found[row].item() == pytest.approx(expected, abs=1e-10)


class Uncorrected(LogUniform):
    """A sampler whose labels have an expected count of one."""

    def log_expected(self, items: Tensor, drawn: SampledNegatives) -> Tensor:
        return torch.zeros(items.shape, dtype=torch.float64)


def given(rows: list[list[int]]) -> UnclickedNegatives:
    length = max(map(len, rows))
    padded = [row + [0] * (length - len(row)) for row in rows]
    return UnclickedNegatives(torch.tensor(padded), 0.5)


def test_unclicked_items_as_negatives_by_a_loop() -> None:
    """Each counts half beside its one place in the catalogue; item 9 was not drawn."""
    some = [one for one in range(1, NUM_ITEMS + 1) if one != 9]
    negatives, user = drawn(some), users()
    lists = [[5, 9], [], [2]]
    unclicked = given(lists)
    scored = scored_items(LABELS, negatives, unclicked)
    assert 9 in scored
    vectors = vectors_of(scored).requires_grad_()
    mean, found = ranking_loss(
        user, LABELS, scored, vectors, negatives, Uncorrected(NUM_ITEMS), unclicked=unclicked
    )
    scores = torch.exp(user @ vectors_of(torch.arange(NUM_ITEMS + 1)).T)
    # A drawn label is taken out and stands there as the label itself.
    for row, labels in enumerate(([7, 3], [3])):
        total = sum(float(scores[row, one]) for one in {*some, *labels})
        total += 0.5 * sum(float(scores[row, one]) for one in lists[row])
        own = [math.log(total / float(scores[row, one])) for one in labels]
        assert found[row].item() == pytest.approx(sum(own) / len(own), abs=1e-12)
    # A row without labels has no loss, whatever it was shown.
    assert found[2] == 0
    assert float(mean.detach()) == pytest.approx(float(found.sum()) / 3, abs=1e-12)
    mean.backward()
    assert vectors.grad is not None
    assert bool(torch.isfinite(vectors.grad).all())
    # Item 9 is a negative of the first row alone: its gradient is its share times her vector.
    share = 0.5 * float(scores[0, 9])
    total = sum(float(scores[0, one]) for one in {*some, 7, 3})
    total += 0.5 * float(scores[0, 5] + scores[0, 9])
    at = torch.searchsorted(scored, 9)
    torch.testing.assert_close(vectors.grad[at], share / total * user[0] / 3)


def test_unclicked_negatives_beside_a_corrected_draw() -> None:
    """A real draw of half the catalogue: labels and negatives stand there by expected counts."""
    negatives, user = SAMPLER.draw(6, torch.Generator().manual_seed(4)), users()
    lists = [[5, 9], [], [2]]
    scored = scored_items(LABELS, negatives, given(lists))
    vectors = vectors_of(scored)
    _, found = ranking_loss(
        user, LABELS, scored, vectors, negatives, SAMPLER, unclicked=given(lists)
    )
    scores = torch.exp(user @ vectors_of(torch.arange(NUM_ITEMS + 1)).T)
    expected = torch.exp(SAMPLER.log_expected(torch.arange(NUM_ITEMS + 1), negatives))
    assert float(expected[1:].max()) < 1
    for row, labels in enumerate(([7, 3], [3])):
        corrected = scores[row] / expected
        total = sum(float(corrected[one]) for one in {*negatives.index.tolist(), *labels})
        total += 0.5 * sum(float(scores[row, one]) for one in lists[row])
        own = [math.log(total / float(corrected[one])) for one in labels]
        assert found[row].item() == pytest.approx(sum(own) / len(own), rel=1e-9)
    # Where nobody passed anything over, it is the fused loss.
    nothing = UnclickedNegatives(torch.zeros(3, 0, dtype=torch.int64), 0.5)
    asked = (user, LABELS, scored, vectors, negatives, SAMPLER)
    alike = [ranking_loss(*asked, unclicked=one)[1] for one in (None, nothing)]
    torch.testing.assert_close(*alike)


def test_unclicked_negatives_of_a_batch_by_a_loop(one: World) -> None:
    batch = whole(one)
    found = unclicked_negatives(batch, 2.0)
    assert found is not None
    assert found.weight == 2.0
    hits = 0
    for row, labels in enumerate(batch.labels.tolist()):
        which = int(batch.unclicked_list[row])
        begin, end = batch.unclicked_offsets[which : which + 2].tolist()
        listed = batch.items[batch.unclicked[begin:end]].tolist()
        hits += len(set(listed) & set(labels))
        kept = [item for item in found.items[row].tolist() if item > 0]
        assert kept == [item for item in listed if item not in labels]
    assert hits > 0
    assert unclicked_negatives(batch, 0.0) is None


@pytest.fixture(scope="module")
def one() -> World:
    return world(3)


def fixed(one: World, **settings: Any) -> UnclickedRecommender:
    given = {"dim": 16, "encoder_options": {"dropout": 0.0}} | settings
    torch.manual_seed(3)
    config = ModelConfig.model_validate(given)
    sizes, num_users = one.profile_sizes, len(one.users)
    made = UnclickedRecommender(config, one.catalogue, sizes, num_users, fixed_item_vectors=True)
    return made.double()


def whole(one: World) -> TensorBatch:
    chosen = np.arange(0, len(one.samples), 6)
    return to_tensors(one.builder().build(chosen), torch.device("cpu"))


@pytest.mark.parametrize("fusion", ["none", "subtract", "confidence"])
@pytest.mark.parametrize("metric", ["none", "symmetric"])
@pytest.mark.parametrize("source", ["input", "output"])
def test_a_step_descends_both_losses_and_leaves_the_item_vectors(
    one: World, fusion: str, metric: str, source: str
) -> None:
    """Gradients against differences of the two losses, from the encoder's side of the cut."""
    settings = {"fusion": fusion, "metric": metric, "label_source": source, "metric_weight": 0.3}
    model, batch = fixed(one, **settings).train(), whole(one)
    before = model.all_item_vectors().clone()
    report = training_step(model, batch, None, SAMPLER, torch.Generator(), 0)
    weight = dict(model.encoder.named_parameters())["join.gate.bias"]
    assert weight.grad is not None
    direction = torch.randn_like(weight)
    ahead, back = (total_loss(model, batch, weight, sign * direction) for sign in (1e-5, -1e-5))
    slope = (ahead - back) / 2e-5
    assert float((weight.grad * direction).sum()) == pytest.approx(slope, rel=1e-6)
    assert report.ranking_norm > 0
    collected = {name: table.collect_gradients() for name, table in model.tables().items()}
    assert collected["output.weight"] is None
    assert collected["tower.tables.0.weight"] is not None
    Optimiser(model, TrainConfig(ranking_loss="mse")).step()
    assert torch.equal(model.all_item_vectors(), before)


@torch.no_grad()
def total_loss(
    model: UnclickedRecommender, batch: TensorBatch, weight: Tensor, change: Tensor
) -> float:
    """Eq. 9 with the squared error, row by row, at changed weights of the encoder."""
    weight += change
    rows = model.encode(batch)
    n = model.plugin.encode_unclicked(rows.unclicked_mean, rows.unclicked_mask)
    user, every = model.plugin.fuse(rows.clicked, n), model.all_item_vectors()
    total = 0.0
    for row in range(len(user)):
        labels = [k for k in batch.labels[row].tolist() if k > 0]
        own = [float((user[row] - every[k]).square().sum()) for k in labels]
        total += sum(own) / len(own)
        if model.config.metric == "symmetric" and rows.unclicked_mask[row]:
            from_input = model.config.label_source == "input"
            places = [k for k in batch.label_places[row].tolist() if k > 0]
            source = rows.items[places] if from_input else every[labels]
            mean = source.mean(dim=0, keepdim=True)
            c = model.plugin.encode_labels(mean, torch.tensor([True]))[0]
            h = rows.clicked[row]
            pull = 2 * float((h - c).square().sum())
            push = float((h - n[row]).square().sum() + (c - n[row]).square().sum())
            total += 0.3 * max(0.0, pull - push + model.config.margin)
    weight -= change
    return total / len(user)


def test_item_vectors_have_length_one_and_stay(one: World) -> None:
    model = fixed(one)
    length = model.all_item_vectors().norm(dim=1)
    assert length[0] == 0.0
    torch.testing.assert_close(length[1:], torch.ones(NUM_ITEMS).double(), atol=1e-6, rtol=0)
    assert len({tuple(vector) for vector in model.all_item_vectors().tolist()}) == NUM_ITEMS + 1
    assert not model.train().item_vectors(torch.arange(NUM_ITEMS)).requires_grad
    # The largest inner product is then the smallest distance.
    for user in torch.randn(20, 16, dtype=torch.float64):
        items = model.all_item_vectors()[1:]
        nearest = (user - items).square().sum(dim=1).argsort()
        assert torch.equal(nearest, (items @ user).argsort(descending=True))


def test_tied_item_vectors_are_refused(one: World) -> None:
    with pytest.raises(UserError, match=r"model\.tie_item_vectors: found true.*Set it to false"):
        fixed(one, tie_item_vectors=True)


def test_a_run_is_pushed_from_unclicked_items(tiny_data: PreparedDataset, tmp_path: Path) -> None:
    losses = {}
    for weight in (0.0, 1.0):
        settings = {
            "model": {"dim": 16, "fusion": "none", "metric": "none"},
            "train": {"unclicked_negatives": weight, "max_epochs": 1, "num_buckets": 1},
        }
        run = tmp_path / str(weight)
        assert train(tiny_data, run, resolve_for(tiny_data.config, "recommended", settings)) > 0
        lines = read_log_lines(run / "log.jsonl")
        losses[weight] = next(line["ranking_loss"] for line in lines if line["kind"] == "step")
    # The same weights, batch and draw: a row with a list has a larger denominator.
    assert losses[1.0] > losses[0.0]


@pytest.mark.parametrize("fusion", ["none", "confidence"])
def test_a_run_learns_and_its_item_vectors_stay(
    tiny_data: PreparedDataset, tmp_path: Path, fusion: str
) -> None:
    settings = {
        "model": {"dim": 16, "fusion": fusion, "metric": "none", "encoder": "binn"},
        "train": {"ranking_loss": "mse", "max_epochs": 2, "num_buckets": 1, "batch_size": 64},
    }
    config = resolve_for(tiny_data.config, "recommended", settings)
    start = build_model(
        config, tiny_data.catalogue, tiny_data.profile_vocabularies, len(tiny_data.users)
    )
    assert train(tiny_data, tmp_path / "run", config) > 0
    stored = load_file(list_checkpoints(tmp_path / "run")[-1] / "model.safetensors")
    weights = dict(start.named_parameters())
    assert torch.equal(stored["output.weight"], weights["output.weight"])
    assert not torch.equal(stored["tower.tables.0.weight"], weights["tower.tables.0.weight"])
    lines = read_log_lines(tmp_path / "run" / "log.jsonl")
    losses = [line["ranking_loss"] for line in lines if line["kind"] == "step"]
    assert all(math.isfinite(loss) for loss in losses)
    assert np.mean(losses[-5:]) < np.mean(losses[:5])


@pytest.mark.parametrize("tries", [0, 5])
def test_refined_corrects_the_negatives_alone(tries: int) -> None:
    index = torch.tensor([5, 7, 1])
    expected = torch.zeros(3, dtype=torch.float64)
    if tries:
        expected = torch.log(SAMPLER.expected_count(index - 1, tries, 3))
    negatives = SampledNegatives(index, tries, expected)
    labels = torch.tensor([[7, 3], [3, 0], [2, 4]])
    scored = scored_items(labels, negatives)
    vectors = vectors_of(scored)
    mean, rows = ranking_loss(users(), labels, scored, vectors, negatives, SAMPLER, logq="refined")
    table = vectors_of(torch.arange(NUM_ITEMS + 1))
    by_hand = []
    for row, of_row in enumerate(labels.tolist()):
        losses = []
        for label in of_row:
            if label == 0:
                continue
            chance = math.log(1 + 1 / label) / math.log(NUM_ITEMS + 1) if tries else 0.0
            others = sum(
                math.exp(float(users()[row] @ table[one]) - float(expected[place])) * (1 - chance)
                for place, one in enumerate(index.tolist())
                if one not in of_row
            )
            score = float(users()[row] @ table[label])
            losses.append(math.log(math.exp(score) + others) - score)
        by_hand.append(sum(losses) / len(losses))
    assert rows.tolist() == pytest.approx(by_hand, rel=1e-9)
    assert float(mean) == pytest.approx(sum(by_hand) / 3, rel=1e-9)


def test_a_run_with_the_refined_correction(tiny_data: PreparedDataset, tmp_path: Path) -> None:
    settings = {"train": {"logq": "refined", "max_epochs": 2}, "model": {"dim": 16}}
    config = resolve_for(tiny_data.config, "recommended", settings)
    train(tiny_data, tmp_path / "run", config)
    lines = [
        line for line in read_log_lines(tmp_path / "run" / "log.jsonl") if line["kind"] == "step"
    ]
    assert lines[-1]["ranking_loss"] < lines[0]["ranking_loss"]
    settings["train"]["unclicked_negatives"] = 0.5
    config = resolve_for(tiny_data.config, "recommended", settings)
    with pytest.raises(UserError, match="expected one of the two"):
        train(tiny_data, tmp_path / "both", config)
