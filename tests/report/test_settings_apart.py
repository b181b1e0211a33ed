"""A cause is claimed only where two runs differ in reading unclicked items alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from unclicked import run as run_room
from unclicked.config import Config
from unclicked.report import settings_apart as room
from unclicked.run import RunFacts

BASE = {"model": {"fusion": "none", "metric": "none"}}
NEGATIVES: dict[str, Any] = {"train": {"unclicked_negatives": 1.0}}
SAS = {"model": BASE["model"] | {"encoder": "sasrec"}}
READS = {"encoder_options": {"reads_unclicked": True}}


def facts_of(settings: dict[str, Any]) -> RunFacts:
    config = Config.model_validate(settings)
    return RunFacts(config, "", Path("data"), "a", "", run_room.machine_facts(), {})


@pytest.mark.parametrize(
    ("base", "run", "only"),
    [
        (BASE, {}, True),
        (BASE, {"train": {"seed": 3}, "model": {"margin": 2.0}}, True),
        (BASE, {"train": {"max_epochs": 3}}, False),
        (BASE, {"model": {"dim": 64}}, False),
        (BASE, {"data": {"unclicked": {"source": "shuffled"}}}, False),
        (BASE, BASE, False),
        ({}, BASE, False),
        (SAS, {"model": SAS["model"] | READS}, True),
        (BASE, {"model": SAS["model"] | READS}, False),
        (
            {"model": SAS["model"] | {"encoder_options": {"num_layers": 2}}},
            {"model": SAS["model"] | READS},
            False,
        ),
        ({}, {}, False),
        # Both were trained on unclicked items: one reads them, the other was pushed from them.
        (BASE | NEGATIVES, NEGATIVES, False),
        (BASE, NEGATIVES, False),
    ],
)
def test_only_unclicked(
    monkeypatch: pytest.MonkeyPatch, base: dict[str, Any], run: dict[str, Any], only: bool
) -> None:
    stored = {Path("base"): facts_of(base), Path("run"): facts_of(run)}
    monkeypatch.setattr(room, "read_facts", stored.__getitem__)
    assert room.only_unclicked(Path("base"), Path("run")) is only


def test_what_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = {Path("base"): facts_of(BASE), Path("run"): facts_of({"train": {"seed": 3}})}
    monkeypatch.setattr(room, "read_facts", stored.__getitem__)
    assert room.settings_apart(Path("base"), Path("run")) == {
        "model.fusion": ("none", "confidence"),
        "model.metric": ("none", "symmetric"),
        "train.seed": (0, 3),
    }
    assert room.settings_apart(None, Path("run")) == {}
    assert not room.only_unclicked(None, Path("run"))
