"""Starting and resuming a run: what is refused, and what a run is trained on."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from unclicked import artefact
from unclicked.config import Config
from unclicked.data.dataset import PreparedDataset
from unclicked.doctor.inputs import readings
from unclicked.encoders.base import EncoderShape, LastPositionEncoder
from unclicked.errors import ArtefactError, BusyError, UserError
from unclicked.evaluation import held_out_builder, user_vectors
from unclicked.recommendation import Request, recommend
from unclicked.recommender import resolve_for
from unclicked.run import open_run, read_facts
from unclicked.start import train, training_builder
from unclicked.training.checkpoint import list_checkpoints


def settings(data: PreparedDataset, preset: str = "recommended", **model: Any) -> Config:
    train_ = {"max_epochs": 2, "num_buckets": 2, "num_negatives": 50}
    return resolve_for(data.config, preset, {"model": {"dim": 16} | model, "train": train_})


@pytest.fixture
def run(tiny_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_run, tmp_path / "run"))


def same(run: Path) -> Config:
    return read_facts(run).config


def test_a_lock_that_could_not_be_removed_is_removed_at_the_next_start(
    tiny_data: PreparedDataset, run: Path
) -> None:
    ours, evaluations = (run / f".{name}.unclicked-lock" for name in ("vocabulary", "evaluation"))
    for path in (ours, evaluations):
        path.touch()
    train(tiny_data, run, same(run), resume=True)
    assert not ours.exists()
    # Another process may hold this one.
    assert evaluations.exists()


def test_a_finished_run_resumes_to_the_same_value(tiny_data: PreparedDataset, run: Path) -> None:
    before = [path.name for path in list_checkpoints(run)]
    best = train(tiny_data, run, same(run), resume=True)
    assert best == open_run(run).progress.best_value
    assert [path.name for path in list_checkpoints(run)] == before


def test_a_full_folder_is_not_overwritten(tiny_data: PreparedDataset, run: Path) -> None:
    with pytest.raises(UserError, match=r"is not empty.*--resume"):
        train(tiny_data, run, same(run))


def test_a_run_that_was_stopped_while_it_was_made_may_be_made_again(
    tiny_data: PreparedDataset, run: Path
) -> None:
    config = same(run)
    for name in ("run.json", "log.jsonl"):
        (run / name).unlink()
    for name in ("checkpoints", "evaluation"):
        shutil.rmtree(run / name, ignore_errors=True)
    assert train(tiny_data, run, config, resume=True) > 0


def test_another_configuration_is_refused_by_name(tiny_data: PreparedDataset, run: Path) -> None:
    config = same(run)
    other = replace_in(config, margin=4.0, metric="asymmetric")
    there = (
        r"\(model\.metric: symmetric there, asymmetric now; model\.margin: 5\.0 there, 4\.0 now\)"
    )
    with pytest.raises(UserError, match=there + r"\. Give --resume and no settings") as caught:
        train(tiny_data, run, other, resume=True)
    assert caught.value.exit_code == 2


def test_a_deep_setting_and_a_longer_training_are_named_with_both_values(
    tiny_data: PreparedDataset, run: Path
) -> None:
    config = same(run)
    window = config.data.unclicked.model_copy(update={"max_length": 7})
    other = config.model_copy(
        update={
            "train": config.train.model_copy(update={"max_epochs": 9}),
            "data": config.data.model_copy(update={"unclicked": window}),
        }
    )
    with pytest.raises(UserError) as caught:
        train(tiny_data, run, other, resume=True)
    assert "train.max_epochs: 2 there, 9 now" in str(caught.value)
    assert "data.unclicked.max_length: 100 there, 7 now" in str(caught.value)


def replace_in(config: Config, **model: Any) -> Config:
    return config.model_copy(update={"model": config.model.model_copy(update=model)})


def test_another_data_set_is_refused(tiny_data: PreparedDataset, run: Path) -> None:
    other = replace(tiny_data, sha256="0" * 64)
    with pytest.raises(ArtefactError, match="was trained on another data set") as caught:
        train(other, run, same(run), resume=True)
    assert caught.value.exit_code == 3


def test_another_encoder_is_refused(tiny_data: PreparedDataset, run: Path) -> None:
    with pytest.raises(UserError, match="encoder 'sdm', now 'Mine'"):
        train(tiny_data, run, same(run), resume=True, encoder_name="Mine")


def test_one_writer_at_a_time(tiny_data: PreparedDataset, run: Path) -> None:
    with artefact.lock(run), pytest.raises(BusyError):
        train(tiny_data, run, same(run), resume=True)


def test_another_machine_is_spoken_of(tiny_data: PreparedDataset, run: Path) -> None:
    said: list[str] = []
    facts = artefact.read_json(run / "run.json")
    facts["machine"]["threads"] = 99
    artefact.write_json(run / "run.json", artefact.seal(facts))
    train(tiny_data, run, same(run), resume=True, warn=said.append)
    assert len(said) == 1
    assert "threads 99" in said[0]


def test_two_runs_of_one_seed_are_the_same_bytes(
    tiny_data: PreparedDataset, tiny_run: Path, tmp_path: Path
) -> None:
    torch.rand(5)
    train(tiny_data, tmp_path / "again", same(tiny_run))
    ours, theirs = (list_checkpoints(run)[0] for run in (tiny_run, tmp_path / "again"))
    for name in ("model.safetensors", "optimizer.safetensors"):
        assert (ours / name).read_bytes() == (theirs / name).read_bytes()


class Mean(nn.Module):
    """The mean of the clicked vectors, for the last position alone."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, items: Tensor, mask: Tensor, context: Any) -> Tensor:
        kept = items * mask[..., None]
        return self.scale * kept.sum(1) / mask.sum(1, keepdim=True)


def test_an_encoder_of_the_last_position_trains_on_final_clicks(
    tiny_data: PreparedDataset, tmp_path: Path
) -> None:
    config = settings(tiny_data)
    builder = training_builder(tiny_data, config, last_only=True)
    whole = tiny_data.splits["train"]
    expected = int((whole.end < whole.label_end).sum())
    assert 0 < len(builder.samples) == expected < len(whole)
    for number in range(len(builder.samples)):
        assert len(builder.build(np.array([number])).row_sample) == 1

    def make(shape: EncoderShape) -> nn.Module:
        return LastPositionEncoder(Mean())

    best = train(tiny_data, tmp_path / "r", config, encoder=make, encoder_name="Mean")
    assert 0 < best <= 1
    with pytest.raises(UserError, match="was trained with the encoder Mean"):
        open_run(tmp_path / "r")
    assert open_run(tmp_path / "r", make).progress.finished


def test_no_session_with_a_later_click_is_said(tiny_data: PreparedDataset) -> None:
    whole = tiny_data.splits["train"]
    ended = replace(tiny_data, splits={"train": replace(whole, label_end=whole.end)})
    with pytest.raises(UserError, match="no session has a later click"):
        training_builder(ended, settings(tiny_data), last_only=True)


@pytest.mark.parametrize(
    ("fusion", "metric", "needed"),
    [("none", "none", False), ("none", "symmetric", True), ("subtract", "none", True)],
)
def test_lists_are_read_only_where_they_matter(
    tiny_data: PreparedDataset, fusion: str, metric: str, needed: bool
) -> None:
    config = settings(tiny_data, fusion=fusion, metric=metric)
    assert config.model.sees_unclicked == needed
    builder = training_builder(tiny_data, config, last_only=False)
    assert builder.need_unclicked == needed
    as_negatives = settings(tiny_data, fusion=fusion, metric=metric)
    train = as_negatives.train.model_copy(update={"unclicked_negatives": 1.0})
    as_negatives = as_negatives.model_copy(update={"train": train})
    assert training_builder(tiny_data, as_negatives, last_only=False).need_unclicked


READS = {"encoder": "sasrec", "encoder_options": {"reads_unclicked": True}}
BASE = {"fusion": "none", "metric": "none"}


def test_an_encoder_that_reads_unclicked_items_is_given_them(
    tiny_data: PreparedDataset, tmp_path: Path
) -> None:
    config = settings(tiny_data, **READS, **BASE)
    assert config.model.sees_unclicked
    train(tiny_data, tmp_path / "r", config)
    run = open_run(tmp_path / "r")
    builder = held_out_builder(tiny_data, config, "test")
    vectors = user_vectors(run.model, builder, 16)
    # Every other user's list is emptied: row 0 is the empty one.
    last = builder.samples.position_offsets[1:] - 1
    emptied, row_now = last[::2], builder.samples.row_now.copy()
    assert bool((row_now[emptied] > 0).all())
    row_now[emptied] = 0
    samples = replace(builder.samples, row_now=row_now)
    other = user_vectors(run.model, replace(builder, samples=samples), 16)
    # Lists have other lengths then, so that sums are rounded otherwise.
    torch.testing.assert_close(vectors[1::2], other[1::2], atol=1e-5, rtol=1e-4)
    assert bool(((vectors - other)[::2].abs().amax(dim=1) > 1e-3).all())
    found = readings(run, tiny_data)
    assert list(found)[-1] == "unclicked items"
    assert found["unclicked items"].kept < found["unclicked items"].length
    asked = Request(tiny_data.catalogue.items.decode([1, 2]))
    skipped = replace(asked, unclicked=tiny_data.catalogue.items.decode([3, 4, 5]))
    first, second = (one["items"] for one in recommend(run, [asked, skipped]))
    assert first != second


def test_the_cut_and_the_control_are_the_configuration_s(tiny_data: PreparedDataset) -> None:
    layer = {"data": {"unclicked": {"cut": "session_start", "source": "shuffled"}}}
    config = resolve_for(tiny_data.config, "recommended", layer)
    builder = training_builder(tiny_data, config, last_only=False)
    assert builder.cut == "session_start"
    assert not np.array_equal(builder.samples.row_start, tiny_data.splits["train"].row_start)


def test_matched_lists_reach_training_and_judging(tiny_data: PreparedDataset) -> None:
    layer = {"data": {"unclicked": {"source": "matched"}}}
    config = resolve_for(tiny_data.config, "recommended", layer)
    training = training_builder(tiny_data, config, last_only=False)
    for split, builder in {
        "train": training,
        "test": held_out_builder(tiny_data, config, "test"),
    }.items():
        before, after = tiny_data.splits[split].row_items, builder.samples.row_items
        assert len(before) == len(after)
        assert (np.asarray(before) != after).all()


@pytest.mark.parametrize("fast", [True, False])
def test_rounding_that_only_costs_time_is_told(
    fast: bool, tiny_data: PreparedDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unclicked.start.fast_bfloat16", lambda: fast)
    config = settings(tiny_data)
    changed = config.train.model_copy(update={"logits": "bfloat16", "max_epochs": 1})
    config, told = config.model_copy(update={"train": changed}), []
    train(tiny_data, tmp_path / "run", config, warn=told.append)
    assert any("train.logits = float32 is faster" in text for text in told) != fast
