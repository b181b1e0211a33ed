"""The training loop on a toy world: when it stops, what it keeps, how it goes on."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.model_twin import world

from unclicked.errors import NumericError
from unclicked.settings import resolve
from unclicked.training import checkpoint as store
from unclicked.training import ranking, step
from unclicked.training.log import read_log_lines
from unclicked.training.loop import Stopped, Training

SETTINGS: dict[str, Any] = {
    "model": {"dim": 16, "intermediate_margin": 1.0, "metric_weight": 0.1},
    "train": {
        "batch_size": 16,
        "num_negatives": 6,
        "num_labels": 3,
        "num_buckets": 2,
        "max_epochs": 3,
        "initial_accumulator": 1e-6,
        "learning_rate": 0.05,
    },
}


def training(
    run: Path, validate: Callable[[], float] = lambda: 0.5, **train: Any
) -> tuple[Training, list[str]]:
    """A fresh run on the toy world, and the warnings it will give."""
    one, said = world(3, num_users=20), []
    config = resolve(SETTINGS, {"train": train})
    settings = config.model.model_dump() | {"encoder_options": {}}
    made = Training(
        run=run,
        config=config,
        model=one.model(**settings).float(),
        builder=one.builder(),
        validate=validate,
        warn=said.append,
        device=torch.device("cpu"),
    )
    run.mkdir(exist_ok=True)
    return made, said


def content(run: Path) -> tuple[dict[str, bytes], list[dict[str, Any]]]:
    """The last checkpoint's tensors, and the log without what a clock says."""
    last = store.list_checkpoints(run)[0]
    files = {path.name: path.read_bytes() for path in last.glob("*.safetensors")}
    lines = [
        {k: v for k, v in line.items() if k not in ("seconds", "rows_per_second")}
        for line in read_log_lines(run / "log.jsonl")
    ]
    return files, lines


def interrupt(made: Training, step: int, act: Callable[[], None]) -> None:
    """Let something happen in the middle of a step."""
    plain = made._step

    def acting(ready: Any) -> Any:
        if made.progress.step + 1 == step:
            act()
        return plain(ready)

    made._step = acting


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("straight") / "run"
    training(run)[0].fit()
    return run


def test_every_epoch_sees_every_row_and_the_loss_falls(straight: Path) -> None:
    lines = read_log_lines(straight / "log.jsonl")
    steps = [line for line in lines if line["kind"] == "step"]
    assert [line["step"] for line in steps] == list(range(1, len(steps) + 1))
    rows = {
        epoch: sum(line["num_rows"] for line in steps if line["epoch"] == epoch)
        for epoch in (1, 2, 3)
    }
    one = world(3, num_users=20)
    expected = len(one.builder().build(np.arange(len(one.samples))).row_sample)
    assert set(rows.values()) == {expected}
    mean = {
        epoch: np.mean([line["ranking_loss"] for line in steps if line["epoch"] == epoch])
        for epoch in (1, 3)
    }
    assert mean[3] < mean[1]
    assert [line["epoch"] for line in lines if line["kind"] == "epoch"] == [1, 2, 3]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("where", ["first", "middle", "last of an epoch"])
def test_stopped_and_resumed_is_bit_for_bit_straight(
    straight: Path, tmp_path: Path, number: signal.Signals, where: str
) -> None:
    lines = read_log_lines(straight / "log.jsonl")
    ends = [line["step"] for line in lines if line["kind"] == "epoch"]
    step = {"first": 1, "middle": ends[0] + 2, "last of an epoch": ends[1]}[where]
    before = signal.getsignal(number)
    first, _ = training(tmp_path / "run")
    interrupt(first, step, lambda: os.kill(os.getpid(), number))
    with pytest.raises(Stopped) as caught:
        first.fit()
    assert caught.value.exit_code == 128 + number
    assert signal.getsignal(number) is before
    assert first.progress.step == step
    again, said = training(tmp_path / "run")
    again.resume()
    assert again.progress.step == step
    again.fit()
    assert content(tmp_path / "run") == content(straight)
    assert again.progress.finished
    assert not said


def test_warm_up_permuted_labels_and_thinned_lists_go_on_where_they_were(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    changed = {"metric": "infonce", "metric_warmup_steps": 8, "metric_labels": "permuted"}
    changed |= {"unclicked_dropout": 0.5}
    monkeypatch.setitem(SETTINGS, "model", SETTINGS["model"] | changed)
    training(tmp_path / "straight")[0].fit()
    first, _ = training(tmp_path / "run")
    interrupt(first, 5, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(Stopped):
        first.fit()
    again, _ = training(tmp_path / "run")
    again.resume()
    again.fit()
    assert content(tmp_path / "run") == content(tmp_path / "straight")
    lines = [line for line in content(tmp_path / "run")[1] if line["kind"] == "step"]
    assert len(lines) > 9
    expected = [0.1 * min(1.0, number / 8) for number in range(len(lines))]
    assert [line["metric_weight"] for line in lines] == pytest.approx(expected, abs=1e-6)


def test_a_crash_goes_on_from_the_last_checkpoint(straight: Path, tmp_path: Path) -> None:
    def crash() -> None:
        raise RuntimeError("power")

    first, _ = training(tmp_path / "run", checkpoint_minutes=1e-9)
    interrupt(first, 5, crash)
    with pytest.raises(RuntimeError, match="power"):
        first.fit()
    again, _ = training(tmp_path / "run")
    again.resume()
    assert again.progress.step == 4
    again.fit()
    assert content(tmp_path / "run") == content(straight)


def test_resuming_a_finished_run_does_nothing(straight: Path) -> None:
    before = content(straight)
    again, _ = training(straight)
    again.resume()
    assert again.fit().finished
    assert content(straight) == before


def test_it_stops_when_validation_no_longer_improves(tmp_path: Path) -> None:
    values = iter([0.1, 0.5, 0.4, 0.5, 0.9])
    made, _ = training(tmp_path / "run", lambda: next(values), max_epochs=9, patience=2)
    progress = made.fit()
    assert [line["validation_HR@50"] for line in progress.history] == [0.1, 0.5, 0.4, 0.5]
    per_epoch = progress.step // 4
    assert (progress.best_value, progress.best_step) == (0.5, 2 * per_epoch)
    kept = [int(folder.name) for folder in store.list_checkpoints(tmp_path / "run")]
    assert kept == [4 * per_epoch, 2 * per_epoch]


def test_a_second_signal_does_not_wait(tmp_path: Path) -> None:
    made, _ = training(tmp_path / "run")

    def twice() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    interrupt(made, 2, twice)
    with pytest.raises(KeyboardInterrupt):
        made.fit()


def test_a_broken_number_names_step_and_samples(straight: Path, tmp_path: Path) -> None:
    made, _ = training(tmp_path / "run")
    lines = read_log_lines(straight / "log.jsonl")
    steps = next(line["step"] for line in lines if line["kind"] == "epoch")
    weight = made.model.tower.table("item_id").weight

    def poison() -> None:
        weight.data[1:] = float("nan")

    interrupt(made, steps + 3, poison)
    with pytest.raises(NumericError, match=rf"step {steps + 3}, rows .*The samples are \[") as one:
        made.fit()
    assert one.value.exit_code == 5
    assert "\n" not in str(one.value)
    fresh, _ = training(tmp_path / "run")
    fresh.resume()
    assert all(bool(torch.isfinite(w).all()) for w in fresh.model.parameters())


@pytest.mark.parametrize("loss", ["ranking loss", "metric loss"])
def test_a_broken_loss_names_the_very_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loss: str
) -> None:
    made, _ = training(tmp_path / "run")
    name, owner = (
        ("fused_sampled_softmax", ranking) if loss == "ranking loss" else ("_metric", step)
    )
    plain = getattr(owner, name)

    def last_is_broken(*given: Any, **more: Any) -> Any:
        found = plain(*given, **more)
        place = 1 if loss == "ranking loss" else 0
        values = torch.cat([found[place][:-1], found[place][-1:] + float("nan")])
        return (*found[:place], values, *found[place + 1 :])

    monkeypatch.setattr(owner, name, last_is_broken)
    before = [weight.detach().clone() for weight in made.model.parameters()]
    made.model.train()
    message = rf"step 1, rows \d+ of the batch: the {loss} is NaN.*The samples are \[3\]"
    with pytest.raises(NumericError, match=message):
        made._step(made._ready((0, np.array([0, 1, 2, 3]))))
    after = made.model.parameters()
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))
