"""The scripts behind the claims about the metric loss: a control differs in one thing alone."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from unclicked.data.dataset import PreparedDataset
from unclicked.dataset_settings import resolve_for
from unclicked.dotted import nest
from unclicked.reproduce.methods import Method

SCRIPTS = Path(__file__).parents[2] / "scripts"
CHOSEN = {"train.optimizer": "adam", "train.learning_rate": 0.005}


def loaded(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


METRIC_LOSS, FINALISTS = loaded("metric_loss"), loaded("finalists")


def differ(one: Method, other: Method) -> dict[str, tuple[Any, Any]]:
    """Settings that two methods do not share."""
    both: tuple[Mapping[str, Any], Mapping[str, Any]] = (one.settings, other.settings)
    names = sorted({*both[0], *both[1]})
    pairs = {name: (both[0].get(name), both[1].get(name)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


@pytest.mark.parametrize("name", METRIC_LOSS.ATTEMPTS)
def test_an_attempt_and_its_controls_differ_in_one_thing(
    name: str, tiny_data: PreparedDataset
) -> None:
    methods, pairs = METRIC_LOSS.controlled(name, CHOSEN)
    by_name = {method.name: method for method in methods}
    assert {one for pair in pairs for one in pair} <= set(by_name)
    for method in methods:
        # Whatever it sets is known and fits.
        config = resolve_for(tiny_data.config, "recommended", nest(method.settings))
        assert config.train.optimizer == "adam"
        assert config.model.fusion == "confidence"
    own, shuffled = by_name[name], by_name[f"{name}, shuffled"]
    assert differ(own, shuffled) == {"data.unclicked.source": (None, "shuffled")}
    if METRIC_LOSS.ATTEMPTS[name][0] == "none":
        return
    permuted = by_name[f"{name}, labels permuted"]
    assert differ(own, permuted) == {"model.metric_labels": (None, "permuted")}
    without = by_name[pairs[0][0]]
    config = resolve_for(tiny_data.config, "recommended", nest(without.settings))
    assert config.model.metric == "none"
    # The gate is the same on both sides.
    assert "model.gate_activation" not in differ(own, without)


def test_the_finalists_are_compared_with_what_they_differ_from() -> None:
    by_name = {method.name: method for method in FINALISTS.FINALISTS}
    assert {one for pair in FINALISTS.PAIRS for one in pair} == set(by_name)
    full, fusion = by_name[FINALISTS.FULL], by_name[FINALISTS.FUSION]
    for source in ("shuffled", "random"):
        found = differ(fusion, by_name[f"{FINALISTS.FUSION}, {source}"])
        assert found == {"data.unclicked.source": (None, source)}
    assert differ(full, by_name[FINALISTS.PERMUTED]) == {"model.metric_labels": (None, "permuted")}


@pytest.mark.slow
def test_the_whole_script_screens_and_judges(tiny_data: PreparedDataset, tmp_path: Path) -> None:
    options = ["--only", "cap 0.03", "--best", "1", "--seeds", "1", "--set", "train.max_epochs=1"]
    found = subprocess.run(
        [sys.executable, str(SCRIPTS / "metric_loss.py"), "--data", str(tiny_data.path)]
        + ["--out", str(tmp_path / "out"), *options],
        capture_output=True,
        text=True,
        check=True,
    )
    rows = [line.split(" | ")[0] for line in found.stdout.splitlines() if line.startswith("| ")]
    for name in ("SDM", "fusion alone", "cap 0.03", "cap 0.03, labels permuted"):
        assert f"| {name}" in rows
    assert "What the metric loss adds" in found.stdout
