"""Trainings in child processes, some at a time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, Any

from unclicked.errors import UnclickedError

POLL_SECONDS = 0.1
WARNING = "warning: "


class ChildError(UnclickedError):
    """A training that did not end well; it carries that process's exit code.

    Args:
        name: Name of the run.
        code: Exit code as the system gave it; negative for a signal.
        line: The last thing it said.
        error: Name of the error.
    """

    def __init__(self, name: str, code: int, line: str, error: str = "QUICKSTART-TRAIN") -> None:
        # A process that a signal ended is reported as a shell would.
        self.exit_code = code if code > 0 else 128 - code
        said = f": {line}" if line else " and said nothing."
        super().__init__(
            error,
            f"run {name}",
            f"training ended with exit code {self.exit_code}{said}",
        )


@dataclass(frozen=True)
class Job:
    """One training.

    Attributes:
        name: Name of the run.
        arguments: What comes after the module's name.
        module: What Python is to run.
        error: Name of the error where it does not end well.
        title: What an error calls it; its name without.
    """

    name: str
    arguments: Sequence[str]
    module: str = "unclicked"
    error: str = "QUICKSTART-TRAIN"
    title: str = ""


@dataclass(frozen=True)
class Trained:
    """How a training went.

    Attributes:
        seconds: How long it took.
        warnings: Sentences it said a person should read.
    """

    seconds: float
    warnings: tuple[str, ...]


@dataclass
class _Running:
    job: Job
    process: subprocess.Popen[bytes]
    said: IO[bytes]
    started: float


def side_by_side() -> int:
    """How many trainings of one thread each this process may run at once.

    Returns:
        2 where it may use two cores or more, else 1.
    """
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(2, usable or 1)


def assignments(settings: Mapping[str, Any]) -> list[str]:
    """Settings as `--set` takes them.

    Args:
        settings: Dotted keys and values; a text is taken as it is.

    Returns:
        Texts `key=value`.

    Example:
        >>> assignments({"model.dim": 16, "model.fusion": "none", "model.use_user_id": True})
        ['model.dim=16', 'model.fusion=none', 'model.use_user_id=true']
    """
    return [
        f"{key}={value if isinstance(value, str) else json.dumps(value)}"
        for key, value in settings.items()
    ]


def training_arguments(
    dataset: Path, run: Path, settings: Mapping[str, Any], seed: int
) -> list[str]:
    """Arguments of a training with the preset `recommended`.

    Args:
        dataset: The prepared data set.
        run: Folder of the run.
        settings: Dotted keys and values.
        seed: Seed of the run.

    Returns:
        What comes after `unclicked`.

    Example:
        >>> training_arguments(Path("d"), Path("r"), {"model.fusion": "none"}, 3)[3:]
        ['r', '--seed', '3', '--threads', '1', '--set', 'model.fusion=none']
    """
    options = ["--seed", str(seed), "--threads", "1"]
    sets = [part for text in assignments(settings) for part in ("--set", text)]
    return ["train", str(dataset), "--out", str(run), *options, *sets]


def run_all(
    jobs: Sequence[Job],
    at_once: int,
    done: Callable[[Job, Trained], None],
    look: Callable[[], None] = lambda: None,
) -> dict[str, Trained]:
    """Train in child processes; a child never outlives this call.

    Args:
        jobs: The trainings, the longest first.
        at_once: How many run side by side, each with one thread.
        done: Called when one has ended well.
        look: Called again and again while they run, to show progress.

    Returns:
        How each went, by name.

    Raises:
        ChildError: If one did not end well; the others are stopped.
    """
    waiting = list(jobs)
    running: list[_Running] = []
    finished: dict[str, Trained] = {}
    with _ended_by_signals() as gate, ExitStack() as files:
        try:
            while waiting or running:
                while waiting and len(running) < at_once:
                    said = files.enter_context(tempfile.TemporaryFile())
                    with gate.shut():
                        running.append(_start(waiting.pop(0), said))
                time.sleep(POLL_SECONDS)
                look()
                for child in [one for one in running if one.process.poll() is not None]:
                    running.remove(child)
                    finished[child.job.name] = _result(child)
                    done(child.job, finished[child.job.name])
        finally:
            for child in running:
                child.process.terminate()
            for child in running:
                child.process.wait()
    return finished


def _start(job: Job, said: IO[bytes]) -> _Running:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", job.module, *job.arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=said,
        env=environment,
    )
    return _Running(job, process, said, time.monotonic())


def _result(child: _Running) -> Trained:
    seconds = time.monotonic() - child.started
    child.said.seek(0)
    text = child.said.read().decode("utf-8", "replace")
    lines = [one for one in text.splitlines() if one.strip()]
    code = child.process.returncode
    if code != 0:
        line = lines[-1] if lines else ""
        raise ChildError(child.job.title or child.job.name, code, line, child.job.error)
    warnings = [one.removeprefix(WARNING) for one in lines if one.startswith(WARNING)]
    return Trained(seconds, tuple(warnings))


class _Gate:
    """A handler of signals that waits while a child is started.

    An exception out of the middle of a start would leave a child that nobody knows.
    """

    def __init__(self) -> None:
        self.interrupt = signal.getsignal(signal.SIGINT)
        self._shut = False
        self._came: int | None = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self._shut:
            self._came = number
        elif number == signal.SIGTERM:
            raise SystemExit(128 + number)
        elif callable(self.interrupt):
            self.interrupt(number, frame)

    @contextmanager
    def shut(self) -> Iterator[None]:
        """Keep a signal until the block has ended."""
        self._shut = True
        try:
            yield
        finally:
            self._shut = False
            if self._came is not None:
                self(self._came, None)


@contextmanager
def _ended_by_signals() -> Iterator[_Gate]:
    """Let SIGTERM unwind like an interrupt, so that the children are stopped too."""
    gate = _Gate()
    if threading.current_thread() is not threading.main_thread():
        yield gate
        return
    old = {signal.SIGTERM: signal.signal(signal.SIGTERM, gate)}
    # An interrupt that a caller has set to nothing stays nothing.
    if callable(gate.interrupt):
        old[signal.SIGINT] = signal.signal(signal.SIGINT, gate)
    try:
        yield gate
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
