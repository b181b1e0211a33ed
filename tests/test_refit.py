"""Refit: what it trains on, for how long, and that nothing of the test reaches it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from unclicked.config import Config
from unclicked.data.dataset import PreparedDataset
from unclicked.data.stored_log import stored_timelines
from unclicked.errors import UserError
from unclicked.evaluation import evaluate
from unclicked.recommender import resolve_for
from unclicked.refit import train_and_refit
from unclicked.run import CHOSEN, open_run, read_facts
from unclicked.start import train, training_builder
from unclicked.training.log import read_log_lines


@pytest.fixture(scope="module")
def config(tiny_data: PreparedDataset) -> Config:
    settings = {"model": {"dim": 16}, "train": {"max_epochs": 3, "num_buckets": 2, "patience": 3}}
    return resolve_for(tiny_data.config, "recommended", settings)


@pytest.fixture(scope="module")
def refitted(
    tiny_data: PreparedDataset, config: Config, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    run = tmp_path_factory.mktemp("refit") / "run"
    train_and_refit(tiny_data, run, config)
    return run


def test_the_validation_days_are_trained_on_and_the_test_is_not(
    tiny_data: PreparedDataset, config: Config
) -> None:
    bounds = tiny_data.card["boundaries"]
    time = stored_timelines(tiny_data).click_time_us
    ends = {}
    for wide in (False, True):
        samples = training_builder(tiny_data, config, last_only=False, with_validation=wide).samples
        ends[wide] = max(int(time[end - 1]) for end in samples.label_end.tolist())
    assert ends[False] < bounds["validation_us"]
    assert bounds["validation_us"] <= ends[True] < bounds["test_us"]


def test_as_many_epochs_as_were_best(refitted: Path) -> None:
    lines = [
        one for one in read_log_lines(refitted / CHOSEN / "log.jsonl") if "rows_per_second" in one
    ]
    values = [one["validation_HR@50"] for one in lines]
    best = int(np.argmax(values)) + 1
    facts = read_facts(refitted)
    assert facts.origin["refit"]["epochs"] == best == facts.config.train.max_epochs
    assert facts.origin["refit"]["validation_hit_rate"] == max(values)
    epochs = [one for one in read_log_lines(refitted / "log.jsonl") if one["kind"] == "epoch"]
    assert [one["epoch"] for one in epochs] == list(range(1, best + 1))
    assert all("validation_HR@50" not in one for one in epochs)


def test_the_last_checkpoint_is_the_one_that_answers(refitted: Path) -> None:
    run = open_run(refitted)
    assert run.progress.best_step == run.progress.step > 0


def test_the_validation_split_can_no_longer_judge(
    refitted: Path, tiny_data: PreparedDataset
) -> None:
    run = open_run(refitted)
    with pytest.raises(UserError, match="trained on the validation days too"):
        evaluate(run, tiny_data, split="validation")
    assert evaluate(run, tiny_data, split="test")["users"] == len(tiny_data.splits["test"])


def test_resume_makes_nothing_twice(
    refitted: Path, tiny_data: PreparedDataset, config: Config
) -> None:
    before = {
        path: path.read_bytes()
        for path in refitted.rglob("*")
        if path.name != ".lock" and path.is_file()
    }
    train_and_refit(tiny_data, refitted, config, resume=True)
    after = {
        path: path.read_bytes()
        for path in refitted.rglob("*")
        if path.name != ".lock" and path.is_file()
    }
    assert before == after


def test_a_plain_run_does_not_move_into_a_refit_that_stopped(
    refitted: Path, tiny_data: PreparedDataset, config: Config, tmp_path: Path
) -> None:
    (tmp_path / "run" / CHOSEN).mkdir(parents=True)
    with pytest.raises(UserError, match="not empty"):
        train(tiny_data, tmp_path / "run", config)


def test_run_json_says_so(refitted: Path) -> None:
    content = json.loads((refitted / "run.json").read_text())
    assert content["origin"]["refit"]["chosen"] == CHOSEN
    assert torch.__version__ == content["machine"]["torch"]
