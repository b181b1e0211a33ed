"""Where studies work: a folder of cells, of which each is trained once and judged when asked."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unclicked import artefact, disk, sealed
from unclicked.data.dataset import PreparedDataset
from unclicked.errors import ArtefactError, UserError
from unclicked.page.digits import duration, percent
from unclicked.progress import bar
from unclicked.quickstart.children import Job, Trained, run_all
from unclicked.reproduce.cell import (
    ORDER,
    RUN,
    Cell,
    Outcome,
    advised,
    is_judged,
    make_cell,
    read_outcome,
)
from unclicked.reproduce.choices import Choices

CELLS = "cells"
WORKER = "unclicked.reproduce.worker"
TUNINGS = ("validation", "printed")
# What makes a method that method, and what studies sweep.
THE_STUDYS = (
    "model.encoder",
    "model.fusion",
    "model.metric",
    "model.metric_labels",
    "model.margin",
    "model.metric_weight",
    "model.metric_grad_cap",
    "data.unclicked.source",
    "train.seed",
)
# What validation chooses: a table would show a choice that was none.
CHOSEN_BY_VALIDATION = ("train.optimizer", "train.learning_rate")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Workplace:
    """What studies are given to work with.

    Attributes:
        out: Folder of the studies; cells are shared by all of them.
        datasets: Prepared data sets; settings are chosen on the first one's validation.
        seeds: Model seeds of what is judged on the test.
        tuning: "validation" lets validation choose settings; "printed" takes the paper's.
        settings: Settings of every training, by dotted key; they win over a method's.
        at_once: Trainings side by side, each with one thread.
        device: Where models live.
        say: Called with each line that tells how far the work is.
        warn: Called with each sentence that a person should read.
        widen: Rates beyond the edge of a base's grid, of which each is tried where the one before
            was the best, at least 0.
        choices: Settings that are taken as they are where validation would choose them.
    """

    out: Path
    datasets: Sequence[PreparedDataset]
    seeds: Sequence[int] = (1,)
    tuning: str = "validation"
    settings: Mapping[str, Any] = field(default_factory=dict)
    at_once: int = 1
    device: str = "cpu"
    say: Say = lambda line: None
    warn: Say = lambda line: None
    widen: int = 0
    choices: Choices = field(default_factory=Choices)

    def __post_init__(self) -> None:
        """Refuse what could not be worked with.

        Raises:
            UserError: There is nothing to work on, the same twice, or a setting that is a study's.
        """
        names = [one.path.name for one in self.datasets]
        if not names or not self.seeds:
            raise UserError("REPRODUCE-DATA", "reproduce", "needs a data set and a seed.")
        if len({one.sha256 for one in self.datasets}) != len(names):
            found = "found the same data twice. Leave one out."
            raise UserError("REPRODUCE-DATA", "--data", found)
        if len(set(names)) != len(names):
            found = f"found folders of one name: {', '.join(names)}. Rename one."
            raise UserError("REPRODUCE-DATA", "--data", found)
        if self.tuning not in TUNINGS:
            found = f"found {self.tuning!r}, expected one of {', '.join(TUNINGS)}."
            raise UserError("REPRODUCE-TUNING", "--tuning", found)
        if self.at_once < 1:
            found = f"found {self.at_once}, expected at least 1."
            raise UserError("REPRODUCE-AT-ONCE", "--at-once", found)
        if self.widen < 0:
            found = f"found {self.widen}, expected at least 0."
            raise UserError("REPRODUCE-WIDEN", "--widen", found)
        if self.widen and self.tuning != "validation":
            found = "is for settings that validation chooses, expected 0 or --tuning validation."
            raise UserError("REPRODUCE-WIDEN", f"--widen {self.widen}", found)
        if self.choices.source and self.tuning != "validation":
            found = "is for settings that validation would choose, expected --tuning validation."
            raise UserError("REPRODUCE-CHOICES", f"--choices {self.choices.source}", found)
        self._refuse_settings_of_studies()

    def _refuse_settings_of_studies(self) -> None:
        for key in self.settings:
            found = ""
            if key in THE_STUDYS:
                found = "is what the studies themselves set; a table would name it wrongly."
            elif key in CHOSEN_BY_VALIDATION and self.tuning == "validation":
                found = "is what validation chooses; --tuning printed leaves it to you."
            if found:
                raise UserError("REPRODUCE-SET", f"--set {key}", f"{found} Leave it out.")

    def cell(
        self, dataset: PreparedDataset, preset: str, settings: Mapping[str, Any], seed: int
    ) -> Cell:
        """A cell with the settings that this workplace gives to every training.

        Args:
            dataset: The data set.
            preset: Name of a preset.
            settings: Dotted keys and values.
            seed: Seed of the run.

        Returns:
            The cell.

        Raises:
            UserError: A setting is unknown or wrong.
        """
        return make_cell(dataset, preset, {**settings, **self.settings}, seed)

    def folder(self, cell: Cell) -> Path:
        """Folder of a cell.

        Args:
            cell: The cell.

        Returns:
            The folder; it may be missing.
        """
        return self.out / CELLS / cell.key

    def train(
        self, work: Sequence[tuple[str, Cell]], *, judge: str = "", part: str = "trainings"
    ) -> dict[str, Outcome]:
        """Train what is not trained yet, and judge what is not judged yet.

        Args:
            work: Cells, each with what to call it while it is worked on; one may come twice.
            judge: A split on which each cell is judged too; none without.
            part: What this part of a study is called.

        Returns:
            Outcomes by key of the cell.

        Raises:
            ChildError: A training ended badly for another reason than its numbers.
            ResourceError: The disk refuses to write.
        """
        named = {cell.key: (name, cell) for name, cell in reversed(work)}
        keys = dict.fromkeys(cell.key for _, cell in work)
        missing = [key for key in keys if not self._is_done(named[key][1], judge)]
        if named:
            done = len(named) - len(missing)
            self.say(f"{part}: {len(named)}, {done or 'none'} of them done already.")
        self._work([named[key] for key in missing], judge)
        outcomes = {}
        for key, (name, cell) in named.items():
            with advised(self.folder(cell)):
                outcome = read_outcome(self.folder(cell), cell)
            if outcome is None:
                raise ArtefactError("REPRODUCE-CELL", str(self.folder(cell)), f"{name} has no end.")
            outcomes[key] = outcome
        return outcomes

    def _is_done(self, cell: Cell, judge: str) -> bool:
        with advised(self.folder(cell)):
            outcome = read_outcome(self.folder(cell), cell)
            if outcome is None:
                return False
            return bool(outcome.failed) or not judge or is_judged(outcome.run, judge)

    def _work(self, missing: Sequence[tuple[str, Cell]], judge: str) -> None:
        if not missing:
            return
        jobs = [self._job(name, cell, judge) for name, cell in missing]
        named = {cell.key: (name, cell) for name, cell in missing}
        started, ended = time.monotonic(), 0

        def done(job: Job, trained: Trained) -> None:
            nonlocal ended
            ended += 1
            left = (time.monotonic() - started) / ended * (len(jobs) - ended)
            name, cell = named[job.name]
            rest = f", about {duration(left)} left for these" if left else ""
            self.say(f"  {ended} of {len(jobs)}  {self._told(name, cell)}{rest}")
            for text in trained.warnings:
                self.warn(f"{name}: {text}")
            shown.advance()

        with bar("cells", len(jobs)) as shown:
            run_all(jobs, self.at_once, done)

    def _told(self, name: str, cell: Cell) -> str:
        outcome = read_outcome(self.folder(cell), cell)
        went = "has no end"
        if outcome is not None and outcome.failed:
            went = f"broke: {outcome.failed}"
        elif outcome is not None:
            went = f"validation HR@50 {percent(outcome.validation)}, {duration(outcome.seconds)}"
        return f"{cell.dataset.path.name}, {name}, seed {cell.seed}: {went}"

    def _job(self, name: str, cell: Cell, judge: str) -> Job:
        """The order of a cell, written where its process reads it."""
        folder = self.folder(cell)
        # A worker whose parent was killed saves and leaves soon; until then the cell is its own.
        artefact.refuse_busy(folder / RUN)
        with disk.told(folder):
            disk.make_folder(folder)
        order = {
            "dataset": str(cell.dataset.path.resolve()),
            "config": cell.config.model_dump(mode="json"),
            "preset": cell.preset,
            "judge": [judge] if judge else [],
            "device": self.device,
        }
        sealed.replace_json(folder / ORDER, order)
        title = f"{name} of {cell.dataset.path.name}, seed {cell.seed} ({cell.key})"
        # Told, not looked up by the worker: it may be orphaned while it still loads.
        arguments = [str(folder), str(os.getpid())]
        return Job(cell.key, arguments, module=WORKER, error="REPRODUCE-CELL", title=title)
