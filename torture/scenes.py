"""The verbs that write, each with a state before, a state after, and what may lie around."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from torture.command import call as in_this_process
from torture.forks import replaced
from torture.scene import Scene, Tree, tree
from torture.scene_export import Export
from unclicked import artefact
from unclicked.data import making
from unclicked.data import prepare as preparation
from unclicked.data import write_dataset as files
from unclicked.errors import UnclickedError
from unclicked.sources.simulate import simulate
from unclicked.stored_evaluation import KIND as EVALUATION
from unclicked.training import checkpoint as store
from unclicked.training.log import read_log_lines

CLOCKS = ("seconds", "rows_per_second")
TRAINING = {
    "model.dim": "8",
    "train.max_epochs": "2",
    "train.batch_size": "32",
    "train.num_buckets": "1",
    "train.num_negatives": "20",
    # A checkpoint after every step.
    "train.checkpoint_minutes": "0.0000001",
}


class Prepare(Scene):
    """`prepare` into an empty place, or in place of an older data set.

    Args:
        folder: The folder.
        log: A simulated log.
        older: A data set of other rules that is replaced, if one is.
    """

    name = "prepare"

    def __init__(self, folder: Path, log: Path, older: Path | None = None) -> None:
        super().__init__(folder)
        self.log = log
        self.old: Tree = {}
        if older is not None:
            self.name = "prepare --overwrite"
            shutil.copytree(older, self.before / "data")
            self.old = tree(older)

    @property
    def arguments(self) -> list[str]:
        """What comes after `unclicked`."""
        return [*prepare_arguments(self.log, self.folder / "data"), *self._replace]

    @property
    def _replace(self) -> list[str]:
        return ["--overwrite"] if self.old else []

    def fault(self) -> str:
        """The data set is the old one, or the new one, to the byte."""
        artefact.recover(self.folder / "data")
        found = tree(self.folder / "data")
        wanted = [self.old]
        if self.expected is not None:
            wanted.append(_below(self.expected, "data"))
        return "" if found in wanted else "a data set that is neither the old nor the new one"

    def result(self) -> Any:
        """Every file and every name."""
        return tree(self.folder)


def prepare_arguments(log: Path, out: Path) -> list[str]:
    """Arguments of `prepare` for a simulated log.

    Args:
        log: Folder of the log.
        out: Folder of the data set.

    Returns:
        What comes after `unclicked`.
    """
    tables = [part for one in ("items", "users") for part in (f"--{one}", f"{log}/{one}.parquet")]
    return ["prepare", f"{log}/impressions.parquet", *tables, "--out", str(out)]


def _below(found: Tree, name: str) -> Tree:
    return {
        key.removeprefix(f"{name}/"): value
        for key, value in found.items()
        if key.startswith(f"{name}/")
    }


class Train(Scene):
    """`train --resume`, which begins where there is nothing.

    Args:
        folder: The folder.
        data: A data set.
    """

    name = "train"

    def __init__(self, folder: Path, data: Path) -> None:
        super().__init__(folder)
        self.data = data

    @property
    def arguments(self) -> list[str]:
        """What comes after `unclicked`."""
        settings = [part for item in TRAINING.items() for part in ("--set", "=".join(item))]
        run = str(self.folder / "run")
        return ["train", str(self.data), "--out", run, "--resume", "--threads", "1", *settings]

    def fault(self) -> str:
        """Every checkpoint is whole, and the log knows all its steps, each once."""
        run = self.folder / "run"
        checkpoints = store.list_checkpoints(run)
        try:
            if (run / "run.json").exists():
                artefact.check_seal(run / "run.json", artefact.read_json(run / "run.json"))
                artefact.verify(run / "vocabulary", "unclicked run vocabulary")
            for folder in checkpoints:
                artefact.verify(folder, store.KIND)
            last = store.read_progress(checkpoints[0])[0].step if checkpoints else 0
            steps = _steps(run)
        except UnclickedError as error:
            return str(error)
        if steps != list(range(1, len(steps) + 1)) or len(steps) < last:
            return f"a checkpoint of step {last} and a log of the steps {steps}"
        return ""

    def result(self) -> Any:
        """Weights and optimiser to the byte, counters and log without clocks, every name."""
        run = self.folder / "run"
        found: dict[str, Any] = {
            name: value
            for name, value in tree(self.folder).items()
            if name.endswith(".safetensors") or "vocabulary" in name
        }
        found["names"] = sorted(tree(self.folder))
        for folder in store.list_checkpoints(run):
            progress = json.loads((folder / store.STATE).read_text("utf-8"))
            for line in progress["progress"]["history"]:
                _without_clocks(line)
            found[f"{folder.name} counters"] = progress
        for number, line in enumerate(read_log_lines(run / "log.jsonl"), start=1):
            found[f"log line {number:05d}"] = _without_clocks(line)
        return found


def _steps(run: Path) -> list[int]:
    lines = read_log_lines(run / "log.jsonl")
    return [line["step"] for line in lines if line["kind"] == "step"]


def _without_clocks(line: dict[str, Any]) -> dict[str, Any]:
    for name in CLOCKS:
        line.pop(name, None)
    return line


class Evaluate(Scene):
    """`evaluate` of a run that has an older evaluation of both splits.

    Args:
        folder: The folder.
        run: A run that was judged with other list lengths.
    """

    name = "evaluate"

    def __init__(self, folder: Path, run: Path) -> None:
        super().__init__(folder)
        shutil.copytree(run, self.before / "run")
        self.old = tree(run / "evaluation")

    @property
    def arguments(self) -> list[str]:
        """What comes after `unclicked`."""
        run = str(self.folder / "run")
        return ["evaluate", run, "--split", "test", "--top-k", "3,7", "--threads", "1"]

    def fault(self) -> str:
        """The evaluation is the old one or the new one, to the byte, and verifies."""
        folder = self.folder / "run" / "evaluation"
        try:
            artefact.verify(folder, EVALUATION)
        except UnclickedError as error:
            return str(error)
        wanted = [self.old]
        if self.expected is not None:
            wanted.append(_below(self.expected, "run/evaluation"))
        return "" if tree(folder) in wanted else "an evaluation that is neither old nor new"

    def result(self) -> Any:
        """Every file and every name; what a lock file says of its last holder does not count."""
        return {k: v for k, v in tree(self.folder).items() if not k.endswith(".lock")}


@contextmanager
def all_scenes(folder: Path) -> Iterator[list[Scene]]:
    """The scenes on a small log, with all that is slow done once.

    The log is decoded once: reading changes nothing on the disk, and what hurts is what is written.

    Args:
        folder: Where to work.

    Yields:
        The scenes, warmed up and ready to be hurt.
    """
    torch.set_num_threads(1)
    log = folder / "log"
    simulate(log, preset="tiny", num_users=12, num_items=60)
    plans = replaced(preparation, "plan_log", _remembered(preparation.plan_log))
    read = replaced(preparation, "read_rows", _replayed(preparation.read_rows))
    tables = replaced(files, "side_table", _remembered(files.side_table, 2))
    # Faults are counted by the calls of one thread: the log is written before the samples.
    threads = replaced(making, "ThreadPoolExecutor", AtOnce)
    with plans, read, tables, threads:
        # In this process, so that every fork finds the kernels compiled and torch awake.
        _in_process(prepare_arguments(log, folder / "data"))
        rules = ["--set", "data.unclicked.max_length=20"]
        _in_process([*prepare_arguments(log, folder / "older"), *rules])
        train = Train(folder / "train", folder / "data")
        train.reset()
        _in_process(train.arguments)
        run, bundle = folder / "train" / "run", folder / "bundle"
        _in_process(["export", str(run), "--out", str(bundle)])
        for split in ("validation", "test"):
            _in_process(["evaluate", str(run), "--split", split, "--top-k", "5"])
        yield [
            Prepare(folder / "prepare", log),
            Prepare(folder / "replace", log, folder / "older"),
            train,
            Evaluate(folder / "evaluate", run),
            # Judged by now, so that its card, and with it the bundle, is another one.
            Export(folder / "export", run, bundle),
        ]


def _remembered(plain: Callable[..., Any], num_keys: int = 0) -> Callable[..., Any]:
    found: dict[str, Any] = {}

    def once(*arguments: Any) -> Any:
        key = str(arguments[:num_keys])
        if key not in found:
            found[key] = plain(*arguments)
        return found[key]

    return once


class AtOnce(ThreadPoolExecutor):
    """An executor that does what it is given at once, in the thread that asks."""

    def submit(self, function: Any, /, *arguments: Any, **named: Any) -> Future[Any]:
        """The result, or the error, as a future that is done."""
        future: Future[Any] = Future()
        try:
            future.set_result(function(*arguments, **named))
        except BaseException as error:
            future.set_exception(error)
        return future


def _replayed(plain: Callable[..., Any]) -> Callable[..., Any]:
    """Decode once, and hand the same pieces of rows on whenever it is asked again."""
    pieces: list[Any] = []
    accounts: list[Any] = []

    def once(plans: Any, options: Any, take: Callable[[Any], None], **more: Any) -> Any:
        if accounts:
            for piece in pieces:
                take(piece)
            return accounts[0]

        def taken(piece: Any) -> None:
            pieces.append(piece)
            take(piece)

        accounts.append(plain(plans, options, taken, **more))
        return accounts[0]

    return once


def _in_process(arguments: list[str]) -> None:
    outcome = in_this_process(arguments)
    if outcome.code != 0:
        raise RuntimeError(f"{arguments} ended with {outcome.code}: {outcome.err}")
