"""The verb `train`: what it prints, how it stops and goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pyarrow import parquet

import unclicked
from unclicked import artefact
from unclicked.cli.main import run
from unclicked.cli.train import _warn_of_lists
from unclicked.data.dataset import PreparedDataset
from unclicked.data.skip_verdict import no_signal
from unclicked.presets import PRESETS
from unclicked.run import open_run
from unclicked.settings import preset_settings, resolve
from unclicked.training.checkpoint import list_checkpoints

SMALL = ["--set", "model.dim=16", "--set", "train.num_buckets=2", "--set", "train.batch_size=32"]


@pytest.mark.parametrize("preset", list(PRESETS))
def test_print_config_reads_back(preset: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "--preset", preset, "--print-config", "--set", "model.margin=2"]) == 0
    out, err = capsys.readouterr()
    wanted = resolve(preset_settings(preset), {"model": {"margin": 2.0}})
    assert resolve(tomllib.loads(out)) == wanted
    assert err == ""
    assert f"# preset: {preset}\n" in out
    given = ["--print-config", "--set", "model.margin=2", "--json"]
    assert run(["train", "--preset", preset, *given]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["preset"] == preset
    assert resolve(found["config"]) == wanted


def test_a_printed_configuration_trains_the_same(
    tiny_data: PreparedDataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    options = ["--set", "model.dim=16", "--set", "train.max_epochs=1", "--seed", "3"]
    options += ["--set", "train.num_buckets=1"]
    assert run(["train", "--print-config", *options]) == 0
    Path("c.toml").write_text(capsys.readouterr().out)
    for name, given in (("a", options), ("b", ["--preset", "sdm", "--config", "c.toml"])):
        assert run(["train", str(tiny_data.path), "--out", name, *given]) == 0
    a, b = (open_run(Path(name)) for name in "ab")
    assert a.config == b.config
    assert a.config.train.seed == 3
    weights = [(list_checkpoints(Path(n))[0] / "model.safetensors").read_bytes() for n in "ab"]
    assert weights[0] == weights[1]
    out, err = capsys.readouterr()
    assert out.splitlines()[-1] == "next: unclicked evaluate b"
    assert "best validation HR@50" in out
    assert err == ""


def test_a_process_stops_on_sigterm_and_resumes(tiny_data: PreparedDataset, tmp_path: Path) -> None:
    out = tmp_path / "run"
    words = [sys.executable, "-m", "unclicked", "train", str(tiny_data.path), "--out", str(out)]
    words += [*SMALL, "--set", "train.max_epochs=400", "--set", "train.patience=400"]
    with subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    ) as process:
        began = time.monotonic()
        while not list_checkpoints(out) and time.monotonic() - began < 60:
            time.sleep(0.05)
        assert run([*words[3:], "--resume"]) == 75
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 143
    assert err == "stopped by signal 15 after saving; go on with --resume\n"
    newest = list_checkpoints(out)[0]
    artefact.verify(newest, "unclicked checkpoint")
    assert int(newest.name) > 0


def test_a_second_writer_is_told(
    tiny_run: Path, capsys: pytest.CaptureFixture[str], tiny_data: PreparedDataset
) -> None:
    options = ["--set", "model.dim=16", "--set", "train.num_buckets=2"]
    options += ["--set", "train.max_epochs=2", "--resume"]
    words = ["train", str(tiny_data.path), "--out", str(tiny_run), *options]
    with artefact.lock(tiny_run):
        assert run(words) == 75
    assert capsys.readouterr().err.startswith("error[BUSY] ")
    assert run(words) == 0


def test_another_preset_does_not_go_on_silently(
    tiny_data: PreparedDataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    words = ["train", str(tiny_data.path), "--out", str(out)]
    settings = [*SMALL, "--set", "train.max_epochs=1", "--set", "train.num_negatives=20"]
    assert run([*words, "--preset", "sdm", *settings]) == 0
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    capsys.readouterr()
    assert run([*words, "--resume", "--preset", "recommended"]) == 2
    err = capsys.readouterr().err
    assert "error[RUN-CONFIG]" in err
    assert "was started with the preset sdm, found --preset recommended" in err
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before
    assert run([*words, "--resume", "--preset", "sdm"]) == 0
    assert run([*words, "--resume"]) == 0
    assert artefact.read_json(out / "run.json")["preset"] == "sdm"


def test_a_run_goes_on_without_its_options_repeated(
    tiny_data: PreparedDataset, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    words = ["train", str(tiny_data.path), "--out", str(out)]
    assert run([*words, *SMALL, "--set", "train.max_epochs=1"]) == 0
    before = artefact.read_json(out / "run.json")["config"]
    assert run([*words, "--resume"]) == 0
    assert artefact.read_json(out / "run.json")["config"] == before
    assert open_run(out).config.model.dim == 16


def test_settings_not_given_stay_those_of_the_run_that_goes_on(
    tiny_data: PreparedDataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    words = ["train", str(tiny_data.path), "--out", str(out)]
    # The batch size of `sdm` is 256, that of `recommended` 128: neither may come in by itself.
    started = ["--preset", "sdm", *SMALL, "--set", "train.max_epochs=1", "--seed", "3"]
    assert run([*words, *started, "--set", "train.num_negatives=20"]) == 0
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    file = tmp_path / "same.toml"
    file.write_text("[train]\nlearning_rate = 0.1\n")
    for agreeing in (
        ["--set", "model.dim=16"],
        ["--seed", "3"],
        ["--config", str(file)],
        ["--preset", "sdm", "--set", "train.batch_size=32", "--set", "train.seed=3"],
    ):
        assert run([*words, "--resume", *agreeing]) == 0, agreeing
    capsys.readouterr()
    assert run([*words, "--resume", "--set", "model.dim=32", "--seed", "3"]) == 2
    err = capsys.readouterr().err
    # Only what was given and differs is named, not what the presets hold.
    assert "was started with other settings (model.dim: 16 there, 32 now)" in err
    assert run([*words, "--resume", "--seed", "4"]) == 2
    assert "(train.seed: 3 there, 4 now)" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_a_refit_goes_on_with_its_own_settings_too(
    tiny_data: PreparedDataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", str(tiny_data.path), "--out", str(tmp_path / "run"), "--refit"]
    assert run([*words, "--preset", "sdm", *SMALL, "--set", "train.max_epochs=1"]) == 0
    assert run([*words, "--resume", "--set", "model.dim=16"]) == 0
    capsys.readouterr()
    assert run([*words, "--resume", "--set", "model.dim=32"]) == 2
    assert "(model.dim: 16 there, 32 now)" in capsys.readouterr().err


def test_a_log_of_clicks_alone_is_told_where_a_plug_in_would_read_more(
    tiny_log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = parquet.read_table(tiny_log / "impressions.parquet")
    data = unclicked.prepare(log.filter(log["clicked"]), out=tmp_path / "data")
    few = [*SMALL, "--set", "train.max_epochs=1"]
    base = ["--set", "model.fusion=none", "--set", "model.metric=none"]
    assert run(["train", str(data.path), "--out", str(tmp_path / "a"), *few]) == 0
    assert "is a click, so that no unclicked item is seen" in capsys.readouterr().err
    assert run(["train", str(data.path), "--out", str(tmp_path / "b"), *few, *base]) == 0
    assert "unclicked item" not in capsys.readouterr().err


NEGATIVES = {"train": {"unclicked_negatives": 1.0}, "model": {"fusion": "none", "metric": "none"}}
NO_GAIN, COST = "warning: They tell nothing.", " On simulated logs whose skips were random"


@pytest.mark.parametrize(
    ("nats", "low", "changes", "told"),
    [
        (0.001, -0.001, {}, NO_GAIN + COST),
        (0.019, 0.015, {}, NO_GAIN + COST),
        (0.021, 0.015, {}, ""),
        (None, None, {}, ""),
        (0.001, -0.001, {"model": {"fusion": "none", "metric": "none"}}, ""),
        (0.001, -0.001, {"model": {"fusion": "none"}}, NO_GAIN + COST),
        (0.001, -0.001, {"model": {"unclicked_dropout": 0.5}}, NO_GAIN + "\n"),
        (0.001, -0.001, NEGATIVES, NO_GAIN + "\n"),
    ],
)
def test_lists_that_say_nothing_are_told_before_the_training(
    nats: float | None,
    low: float | None,
    changes: dict[str, Any],
    told: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    measured = {"nats": nats, "ci95": [low, 1.0], "verdict": "They tell nothing."}
    stored = no_signal("no log") if nats is None else measured
    card = {"clicks": 1, "rows": {"kept": 2}, "skip_signal": stored}
    data: Any = SimpleNamespace(card=card, path="data")
    _warn_of_lists(data, resolve(changes))
    warning = capsys.readouterr().err
    assert warning.startswith(told)
    assert bool(warning) == bool(told)
    del card["skip_signal"]
    _warn_of_lists(data, resolve(changes))
    assert capsys.readouterr().err == ""
