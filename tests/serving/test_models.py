"""A new bundle takes over by itself; a bad one changes nothing."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from unclicked import artefact
from unclicked.bundle import contents, export_bundle
from unclicked.bundle.contents import CATALOGUE
from unclicked.run import open_run
from unclicked.sealed import seal, sha256_file
from unclicked.serving.batcher import Batcher
from unclicked.serving.memory_state import MemoryStore
from unclicked.serving.models import Models, Slot
from unclicked.serving.recommending import Asked, Recommending
from unclicked.serving.served import Served, load_served


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
    # After a refusal a bundle must stay as it is for one look.
    look(models)
    look(models)
    assert models.problems() == []
    assert told[-1] == ("main", True)


def test_a_bundle_that_is_being_copied_is_served_when_it_is_whole(
    folder: Path, tiny_bundle: Path
) -> None:
    models, told = opened(folder)
    old = models.current("main")
    shutil.rmtree(folder)
    folder.mkdir()
    # As rsync may do: the manifest is there before the rest.
    names = sorted(path.relative_to(tiny_bundle) for path in tiny_bundle.rglob("*"))
    shutil.copy(tiny_bundle / artefact.MANIFEST, folder)
    look(models)
    assert told == [("main", False)]
    assert models.current("main") is old
    for name in names:
        if (tiny_bundle / name).is_dir():
            (folder / name).mkdir()
        else:
            shutil.copy(tiny_bundle / name, folder / name)
            # Looked at after every file, and refused no more than once.
            look(models)
    assert told == [("main", False)]
    look(models)
    assert told == [("main", False), ("main", True)]
    assert models.current("main") is not old
    assert models.problems() == []


def test_a_file_changed_under_its_manifest_is_noticed(folder: Path) -> None:
    models, told = opened(folder)
    path = folder / contents.WEIGHTS
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    look(models)
    assert told == [("main", False)]
    assert contents.WEIGHTS in models.problems()[0]


def test_what_failed_for_a_moment_is_tried_again_and_told_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unclicked.serving.models.RETRY_SECONDS", 0.05)
    models, told = opened(folder)
    (folder / artefact.MANIFEST).touch()
    failing = [MemoryError(), OSError(5, "Input/output error"), OSError(5, "Input/output error")]

    def load(path: Path, most: int) -> Served:
        if failing:
            raise failing.pop()
        return load_served(path, most)

    monkeypatch.setattr("unclicked.serving.models.load_served", load)
    look(models)
    look(models)
    # Before its time it is left alone.
    assert len(failing) == 2
    for pause in (0.06, 0.12, 0.24):
        time.sleep(pause)
        look(models)
    assert failing == []
    assert told == [("main", False), ("main", True)]


def test_a_bundle_that_changes_while_it_is_opened_is_left_for_the_next_look(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models, told = opened(folder)
    old = models.current("main")
    (folder / artefact.MANIFEST).touch()
    changed: list[bool] = []

    def load(path: Path, most: int) -> Served:
        found = load_served(path, most)
        if not changed:
            changed.append(True)
            (folder / contents.WEIGHTS).touch()
        return found

    monkeypatch.setattr("unclicked.serving.models.load_served", load)
    look(models)
    assert models.current("main") is old
    assert told == []
    look(models)
    assert models.current("main") is not old
    assert told == [("main", True)]


def test_whoever_holds_a_model_is_answered_by_it_after_a_swap(folder: Path) -> None:
    """All users of a body are of one model, also where they are computed one after another."""
    models, _ = opened(folder)
    recommending = Recommending(models, MemoryStore(1, max_users=1))
    used: list[Served] = []

    def compute(asked: Sequence[Asked]) -> list[Any]:
        used.extend(one.served for one in asked)
        # A swap right after the first user was computed.
        models.slots["main"].served = load_served(folder, 8)
        return recommending.compute(asked)

    async def ask() -> Any:
        batcher = Batcher(compute, max_batch=1, queue=8, timeout_seconds=60)
        users = {"users": [{"clicked": []}, {"clicked": []}]}
        found = await recommending.answer(users, batcher)
        batcher.close()
        return found

    old = models.current("main")
    assert len(asyncio.run(ask())["users"]) == 2
    assert len(used) == 2
    assert all(one is old for one in used)
    assert models.current("main") is not old


def test_a_look_that_fails_is_not_the_last_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    models, told = opened(folder)
    (folder / artefact.MANIFEST).touch()
    looks: list[str] = []

    def failing() -> None:
        looks.append("swapped")
        raise OSError(28, "No space left on device")

    models.swapped = failing

    async def watch() -> None:
        task = asyncio.create_task(models.watch(0.01))
        while not looks:
            await asyncio.sleep(0.01)
        models.swapped = lambda: None
        (folder / artefact.MANIFEST).touch()
        while ("main", True) not in told:
            assert not task.done()
            await asyncio.sleep(0.01)
        task.cancel()

    asyncio.run(asyncio.wait_for(watch(), 30))
    assert "No space left" in capsys.readouterr().err
