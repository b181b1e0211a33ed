"""A new bundle takes over by itself; a bad one changes nothing."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from unclicked import artefact
from unclicked.bundle import contents, export_bundle
from unclicked.bundle.contents import CATALOGUE
from unclicked.run import open_run
from unclicked.sealed import seal, sha256_file
from unclicked.serving.models import Models, Slot


@pytest.fixture
def folder(tiny_bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_bundle, tmp_path / "bundle"))


def opened(folder: Path) -> tuple[Models, list[tuple[str, bool]]]:
    told: list[tuple[str, bool]] = []
    models = Models({"main": Slot(folder)}, 8, lambda name, well: told.append((name, well)))
    models.load()
    return models, told


def look(models: Models) -> None:
    asyncio.run(models.look("main", models.slots["main"]))


def sealed_again(folder: Path) -> None:
    """The manifest as an attacker or a careless tool would mend it."""
    path = folder / artefact.MANIFEST
    manifest = json.loads(path.read_text())
    for name, facts in manifest["files"].items():
        facts["sha256"] = sha256_file(folder / name)
        facts["bytes"] = (folder / name).stat().st_size
    del manifest["sha256"]
    artefact.write_json(path, seal(manifest))


def test_an_export_to_the_same_place_takes_over(folder: Path, tiny_run: Path) -> None:
    models, told = opened(folder)
    old = models.current("main")
    look(models)
    assert models.current("main") is old
    run = open_run(tiny_run)
    config = run.config.model_copy(
        update={"evaluate": run.config.evaluate.model_copy(update={"batch_size": 7})}
    )
    export_bundle(replace(run, facts=replace(run.facts, config=config)), folder)
    look(models)
    new = models.current("main")
    assert old is not None
    assert new is not None
    assert new is not old
    assert new.sha256 != old.sha256
    assert told == [("main", True)]
    assert models.problems() == []


def flip(folder: Path) -> None:
    path = folder / contents.WEIGHTS
    content = bytearray(path.read_bytes())
    content[-100] ^= 64
    path.write_bytes(bytes(content))
    (folder / artefact.MANIFEST).touch()


def cut(folder: Path) -> None:
    path = folder / CATALOGUE / "items.parquet"
    path.write_bytes(path.read_bytes()[:-10])
    (folder / artefact.MANIFEST).touch()


def other_answers(folder: Path) -> None:
    path = folder / contents.GOLDEN
    golden = json.loads(path.read_text())
    golden[3]["items"] = golden[3]["items"][::-1]
    artefact.write_json(path, golden)
    sealed_again(folder)


def other_format(folder: Path) -> None:
    path = folder / contents.FACTS
    artefact.write_json(path, json.loads(path.read_text()) | {"format": 99})
    sealed_again(folder)


def gone(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))


@pytest.mark.parametrize("harm", [flip, cut, other_answers, other_format, gone])
def test_a_bad_bundle_changes_nothing(
    folder: Path, tiny_bundle: Path, harm: Callable[[Path], None]
) -> None:
    models, told = opened(folder)
    old = models.current("main")
    harm(folder)
    look(models)
    look(models)
    assert models.current("main") is old
    assert told == [("main", False)]
    assert len(models.problems()) == 1
    # A good one afterwards is served.
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(tiny_bundle, folder)
    (folder / artefact.MANIFEST).touch()
    look(models)
    assert models.problems() == []
    assert told[-1] == ("main", True)
