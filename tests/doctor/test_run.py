"""The doctor's look at a run."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from unclicked.data.dataset import PreparedDataset
from unclicked.dataset_settings import resolve_for
from unclicked.doctor import run as room
from unclicked.doctor.finding import Diagnosis, Finding
from unclicked.doctor.run import examine_run
from unclicked.start import train
from unclicked.training.checkpoint import list_checkpoints


def by_name(diagnosis: Diagnosis) -> dict[str, Finding]:
    """The findings by name."""
    return {one.name: one for one in diagnosis.findings}


@pytest.fixture
def copied(tiny_run: Path, tmp_path: Path) -> Path:
    """A copy of the tiny run, to be spoilt."""
    shutil.copytree(tiny_run, tmp_path / "run")
    return tmp_path / "run"


def test_a_sound_run(tiny_run: Path) -> None:
    diagnosis = examine_run(tiny_run)
    found = by_name(diagnosis)
    assert not diagnosis.failed
    for name in ("settings", "vocabulary", "data set", "versions", "no effect", "numbers"):
        assert found[name].level == "ok", found[name]
    assert sum(name.startswith("checkpoint") for name in found) == len(list_checkpoints(tiny_run))
    assert "of 2" in found["validation"].found
    assert "items where they were" in found["session"].found
    assert "items where they were" in found["unclicked items"].found
    assert diagnosis.next_step == f"unclicked evaluate {tiny_run}"


def test_a_broken_checkpoint_fails(copied: Path) -> None:
    path = list_checkpoints(copied)[0] / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    diagnosis = examine_run(copied)
    assert diagnosis.failed
    (failed,) = [one for one in diagnosis.findings if one.level == "fail"]
    assert "model.safetensors" in failed.found
    shutil.rmtree(copied / "checkpoints")
    assert by_name(examine_run(copied))["checkpoints"].level == "fail"


def test_broken_settings_fail(copied: Path) -> None:
    text = (copied / "run.json").read_text()
    (copied / "run.json").write_text(text.replace('"preset": "recommended"', '"preset": "sdm"'))
    diagnosis = examine_run(copied)
    assert diagnosis.failed
    assert "run.json" in diagnosis.findings[0].found


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"dataset": Path("gone")}, "is not there"),
        ({"dataset": Path(__file__).parent}, "manifest.json"),
        ({"dataset_sha256": "0" * 64}, "another one now"),
    ],
)
def test_a_data_set_that_moved_or_changed(
    tiny_run: Path, changes: dict[str, Any], word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = replace(room.read_facts(tiny_run), **changes)
    monkeypatch.setattr(room, "read_facts", lambda path: facts)
    found = by_name(examine_run(tiny_run))["data set"]
    assert found.level == "warn"
    assert word in found.found


def test_other_versions_are_told(tiny_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = room.machine_facts() | {"torch": "9.9"}
    monkeypatch.setattr(room, "machine_facts", lambda: now)
    found = by_name(examine_run(tiny_run))["versions"]
    assert found.level == "warn"
    assert "now 9.9" in found.found


def test_settings_without_effect_are_told(tiny_data: PreparedDataset, tmp_path: Path) -> None:
    settings = {
        "model": {"dim": 8, "metric": "none", "margin": 2.0},
        "train": {"max_epochs": 1, "num_buckets": 1, "patience": 5},
    }
    train(tiny_data, tmp_path / "run", resolve_for(tiny_data.config, "recommended", settings))
    told = [one.found for one in examine_run(tmp_path / "run").findings if one.name == "no effect"]
    assert [text.split(":")[0] for text in told] == ["model.margin", "train.patience"]
