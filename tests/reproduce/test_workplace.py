"""Cells are trained once, judged when asked, shared by studies, and gone on with after a stop."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from unclicked import artefact
from unclicked.data.dataset import PreparedDataset
from unclicked.errors import ArtefactError, BusyError, UserError
from unclicked.evaluation import evaluate
from unclicked.quickstart.children import ChildError, Job, Trained
from unclicked.reproduce import workplace
from unclicked.reproduce.cell import Cell
from unclicked.reproduce.workplace import Workplace
from unclicked.run import open_run
from unclicked.stored_evaluation import is_stored, stored_lengths

BASE = {"model.fusion": "none", "model.metric": "none"}


def cell_of(place: Workplace, seed: int = 0, **settings: object) -> Cell:
    more = {key.replace("__", "."): value for key, value in settings.items()}
    return place.cell(place.datasets[0], "recommended", {**BASE, **more}, seed)


def test_a_finished_cell_never_runs_again(place: Workplace, in_process: list[str]) -> None:
    first, second = cell_of(place), cell_of(place, seed=1)
    outcomes = place.train([("a", first), ("b", second), ("a again", first)])
    assert in_process == [first.key, second.key]
    again = place.train([("b", second), ("a", first)])
    assert len(in_process) == 2
    assert again == outcomes
    assert 0.0 < outcomes[first.key].validation <= 1.0
    assert outcomes[first.key].epochs == 1


def test_a_trained_cell_is_judged_without_training_it_again(
    place: Workplace, in_process: list[str]
) -> None:
    cell = cell_of(place)
    run = place.train([("a", cell)])[cell.key].run
    weights = {path: path.read_bytes() for path in sorted(run.rglob("*.safetensors"))}
    assert weights
    assert not is_stored(run, "test")
    place.train([("a", cell)], judge="test")
    assert is_stored(run, "test")
    assert {path: path.read_bytes() for path in sorted(run.rglob("*.safetensors"))} == weights
    place.train([("a", cell)], judge="test")
    assert in_process == [cell.key, cell.key]


def test_a_changed_setting_is_a_new_cell(place: Workplace, in_process: list[str]) -> None:
    one, other = cell_of(place), cell_of(place, train__learning_rate=0.2)
    place.train([("a", one)])
    place.train([("a", other)])
    assert in_process == [one.key, other.key]


def test_broken_numbers_are_an_outcome(place: Workplace) -> None:
    # A step of this size leaves no finite number.
    cell = cell_of(place, train__learning_rate=1e30, train__clip_norm=0.0)
    outcome = place.train([("wild", cell)], judge="test")[cell.key]
    assert outcome.failed.startswith("error[")
    assert outcome.validation == 0.0
    assert not is_stored(outcome.run, "test")


def test_what_a_study_sets_cannot_be_set(place: Workplace) -> None:
    with pytest.raises(UserError, match="what the studies themselves set"):
        replace(place, settings={"model.fusion": "none"})


@pytest.mark.parametrize(
    "key",
    ["model.margin", "model.metric_weight", "model.metric_grad_cap", "model.metric_labels"],
)
def test_what_a_grid_or_a_sweep_sets_cannot_be_set(place: Workplace, key: str) -> None:
    with pytest.raises(UserError, match="what the studies themselves set"):
        replace(place, settings={key: 0.3})


def test_what_validation_chooses_cannot_be_set(place: Workplace) -> None:
    for key in ("train.learning_rate", "train.optimizer"):
        with pytest.raises(UserError, match="what validation chooses"):
            replace(place, settings={key: 0.3})


def test_the_printed_numbers_leave_the_rate_free(place: Workplace) -> None:
    settings = {"train.learning_rate": 0.3}
    assert replace(place, tuning="printed", settings=settings).settings == settings


def test_the_same_data_twice_is_refused(place: Workplace, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(place.datasets[0].path, copy)
    with pytest.raises(UserError, match="the same data twice"):
        replace(place, datasets=[*place.datasets, PreparedDataset.open(copy)])


def test_trainings_side_by_side_are_at_least_one(place: Workplace) -> None:
    with pytest.raises(UserError, match="found -1, expected at least 1"):
        replace(place, at_once=-1)


def test_an_evaluation_with_other_lengths_is_made_anew(place: Workplace) -> None:
    cell = cell_of(place)
    run = place.train([("a", cell)])[cell.key].run
    evaluate(open_run(run), place.datasets[0], split="test", top_k=(10,))
    place.train([("a", cell)], judge="test")
    assert set(stored_lengths(run, "test")) == {10, 50, 80}


def test_two_data_sets_of_one_name_are_refused(place: Workplace) -> None:
    other = replace(place.datasets[0], sha256="another")
    with pytest.raises(UserError, match="one name: tiny, tiny"):
        replace(place, datasets=[*place.datasets, other])


def test_a_cell_that_another_process_holds_is_left_alone(place: Workplace) -> None:
    cell = cell_of(place)
    run = place.folder(cell) / "run"
    run.mkdir(parents=True)
    (run.parent / "cell.json").write_text("theirs")
    with artefact.lock(run), pytest.raises(BusyError, match=r"process \d+ on "):
        place.train([("a", cell)])
    assert (run.parent / "cell.json").read_text() == "theirs"


def test_warnings_name_their_method(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    real = workplace.run_all

    def run_all(jobs: list[Job], at_once: int, done: Callable[[Job, Trained], None]) -> None:
        real(jobs, at_once, lambda job, trained: done(job, Trained(0.0, ("look here",))))

    monkeypatch.setattr(workplace, "run_all", run_all)
    lines: list[str] = []
    warned: list[str] = []
    heard = replace(place, say=lines.append, warn=warned.append)
    heard.train([("a", cell_of(place))])
    assert warned == ["a: look here"]
    assert lines[0] == "trainings: 1, none of them done already."
    assert [line.split(":")[0] for line in lines[1:]] == ["  1 of 1  tiny, a, seed 0"]
    heard.train([("a", cell_of(place)), ("b", cell_of(place, seed=1))], part="runs")
    assert lines[2] == "runs: 2, 1 of them done already."


def test_a_damaged_cell_says_what_to_remove(place: Workplace, in_process: list[str]) -> None:
    cell = cell_of(place)
    place.train([("a", cell)], judge="test")
    folder = place.folder(cell)
    done = (folder / "done.json").read_text()
    (folder / "done.json").write_text(done[:20])
    with pytest.raises(ArtefactError, match=rf"Remove {folder} and start again"):
        place.train([("a", cell)])
    shutil.rmtree(folder)
    place.train([("a", cell)], judge="test")
    assert in_process == [cell.key, cell.key]


def test_a_child_that_fails_ends_the_work(
    out: Path, tiny_dataset: PreparedDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Workplace(out, [tiny_dataset], settings={"model.dim": 8})
    cell = cell_of(place)
    folder = place.folder(cell) / "run"
    folder.mkdir(parents=True)
    (folder / "somebody.txt").write_text("mine")
    with pytest.raises(ChildError, match="a of tiny, seed 0.*exit code 2") as caught:
        place.train([("a", cell)])
    assert caught.value.exit_code == 2
    assert (folder / "somebody.txt").read_text() == "mine"


@pytest.mark.slow
def test_a_stopped_study_goes_on_where_it_was(out: Path, tiny_dataset: PreparedDataset) -> None:
    def command(where: Path) -> list[str]:
        settings = ["model.dim=8", "train.max_epochs=3", "train.batch_size=8"]
        return [
            *(sys.executable, "-m", "unclicked", "reproduce", "table3", "--seeds", "1"),
            *("--data", str(tiny_dataset.path), "--out", str(where), "--tuning", "printed"),
            *(part for one in settings for part in ("--set", one)),
        ]

    process = subprocess.Popen(command(out), stdout=subprocess.DEVNULL)
    until = time.monotonic() + 120
    while not list(out.glob("cells/*/done.json")) and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 143
    before = {path: path.read_bytes() for path in out.glob("cells/*/done.json")}
    assert before
    assert not (out / "results.parquet").exists()
    subprocess.run(command(out), check=True, stdout=subprocess.DEVNULL)
    assert {path: path.read_bytes() for path in before} == before
    unbroken = out.with_name("unbroken")
    subprocess.run(command(unbroken), check=True, stdout=subprocess.DEVNULL)
    assert (out / "table3.md").read_bytes() == (unbroken / "table3.md").read_bytes()
