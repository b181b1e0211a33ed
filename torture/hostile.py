"""Hostile files through every door: no code runs, and memory, time and words stay bounded."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torture.figures import Figure, count, none, told
from torture.hostile_case import Case
from torture.hostile_data import data_cases
from torture.hostile_files import reseal
from torture.hostile_runs import run_cases
from torture.world import small_dataset, small_run
from unclicked.cli.main import run as command_line
from unclicked.errors import UnclickedError
from unclicked.recommender import Recommender
from unclicked.run import open_run

MOST_SECONDS, MOST_BYTES, PATIENCE = 5.0, 1 << 30, 60.0
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Answer:
    """What one door said to one hostile artefact."""

    code: int
    out: str
    errors: str
    seconds: float
    grown_bytes: int

    @property
    def refused(self) -> bool:
        """Whether it was refused as a user should see it: exit code 2 or 3 and one line."""
        one = len(self.errors.splitlines()) == 1 and "DEFECT" not in self.errors
        return self.code in (2, 3) and one and self.errors.startswith("error[")


def ask(folder: Path, act: Callable[[], int]) -> Answer:
    """Do something in a child that was forked with everything imported, and measure it."""
    names = folder / "out.txt", folder / "errors.txt"
    first = folder / "first.txt"
    started = time.perf_counter()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        _in_child(names, first, act)
    pid = 0
    while pid == 0:
        pid, status, usage = os.wait4(child, os.WNOHANG)
        if pid == 0 and time.perf_counter() - started > PATIENCE:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.002)
    # Processor time: what others do on the machine is not the file's fault.
    seconds = usage.ru_utime + usage.ru_stime
    out, errors = (name.read_text(errors="replace") for name in names)
    code = os.waitstatus_to_exitcode(status)
    return Answer(code, out, errors, seconds, usage.ru_maxrss * 1024 - int(first.read_text()))


def _in_child(names: tuple[Path, Path], first: Path, act: Callable[[], int]) -> None:
    code = 99
    try:
        for number, name in enumerate(names, start=1):
            os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        # Where a bar is broken the machine must not be: 4 GiB more than there is already.
        size, resident = (int(n) * PAGE for n in Path("/proc/self/statm").read_text().split()[:2])
        first.write_text(str(resident))
        resource.setrlimit(resource.RLIMIT_AS, (size + (4 << 30), size + (4 << 30)))
        code = act()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


class Doors:
    """The entry points, over copies of one good data set and one good run."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.canary = folder, folder / "canary"
        self.dataset = small_dataset(folder)
        self.run = small_run(self.dataset, folder / "run")
        self.data = self.dataset.path
        item = self.dataset.catalogue.items.decode([1])[0]
        self.clicked = ["--clicked", str(item)]
        self.copy = folder / "copy"

    def kinds(self) -> dict[str, list[Callable[[], int]]]:
        """The doors of each kind of artefact, the likeliest to refuse first."""
        data, run, copy, out = (str(p) for p in (self.data, self.run, self.copy, self.folder / "o"))
        settings, requests = str(self.copy / "settings.toml"), str(self.copy / "requests.jsonl")

        def verb(*arguments: str) -> Callable[[], int]:
            return lambda: command_line(list(arguments))

        resume = verb("train", data, "--out", copy, "--resume")
        evaluate = verb("evaluate", copy, "--top-k", "5")
        compare = verb("compare", run, copy, "--metric", "HR@5")
        return {
            "data": [
                verb("train", copy, "--out", out),
                verb("evaluate", run, "--dataset", copy, "--top-k", "5"),
            ],
            "run": [
                verb("recommend", copy, *self.clicked),
                self.load,
                resume,
                verb("evaluate", copy, "--dataset", data, "--top-k", "5"),
                verb("evaluate", copy),
            ],
            "resume": [resume],
            "evaluation": [
                verb("compare", copy, run, "--metric", "HR@5"),
                compare,
            ],
            "config": [
                verb("train", data, "--out", out, "--config", settings),
                verb("train", "--print-config", "--config", settings),
            ],
            "requests": [verb("recommend", run, "--requests", requests)],
            "good": [verb("recommend", copy, *self.clicked), resume, evaluate, compare],
        }

    def load(self) -> int:
        """`Recommender.load`, with the exit code that the command line would give."""
        try:
            Recommender.load(self.copy)
        except UnclickedError as error:
            sys.stderr.write(f"{error}\n")
            return error.exit_code
        sys.stdout.write("loaded\n")
        return 0

    def make(self, case: Case) -> None:
        """A fresh copy with one hostile artefact in it, hashes made to agree."""
        for path in (self.copy, self.folder / "o"):
            shutil.rmtree(path, ignore_errors=True)
        self.canary.unlink(missing_ok=True)
        if case.kind in ("config", "requests"):
            self.copy.mkdir()
            case.act(self.copy, self.canary)
            return
        source = self.data if case.kind == "data" else self.run
        shutil.copytree(source, self.copy, ignore=shutil.ignore_patterns(".lock"))
        case.act(self.copy, self.canary)
        if case.name.startswith("manifest"):
            return
        inner = [self.copy] if case.kind == "data" else [self.copy / "evaluation"]
        if case.kind in ("run", "resume"):
            inner += (self.copy / "checkpoints").iterdir()
        for folder in inner:
            reseal(folder)


@dataclass
class Tally:
    """What went wrong, by kind of wrong."""

    code_ran: list[str]
    let_in: list[str]
    untidy: list[str]
    slow: list[str]
    large: list[str]
    slowest: float = 0.0
    largest: int = 0
    asked: int = 0


def judge(case: Case, doors: Doors, long: bool, tally: Tally) -> None:
    """Bring one artefact to its doors: one of them at least must refuse it."""
    doors.make(case)
    refused = False
    for number, door in enumerate(doors.kinds()[case.kind]):
        answer = ask(doors.folder, door)
        tally.asked += 1
        place = f"{case.name} (door {number}): exit {answer.code}, {answer.errors[:300]!r}"
        tally.slowest = max(tally.slowest, answer.seconds)
        tally.largest = max(tally.largest, answer.grown_bytes)
        if doors.canary.exists():
            tally.code_ran.append(place)
        if answer.seconds > MOST_SECONDS:
            tally.slow.append(f"{place}: {answer.seconds:.1f} s")
        if answer.grown_bytes > MOST_BYTES:
            tally.large.append(f"{place}: {answer.grown_bytes >> 20} MiB")
        if answer.code != 0 and (case.ignored or not answer.refused):
            tally.untidy.append(place)
        # A changed data set is also refused because it is not the run's: that does not count.
        refused |= answer.refused and (case.kind != "data" or number == 0)
        if refused and not long:
            break
    if not refused and not case.ignored:
        tally.let_in.append(case.name)


def run(long: bool, folder: Path) -> list[Figure]:
    """Bring every hostile artefact to the doors.

    Args:
        long: Every door, also after one has refused.
        folder: Where to work.

    Returns:
        The figures.
    """
    started = time.perf_counter()
    doors, cases = Doors(folder), [*data_cases(), *run_cases()]
    # What is compiled and imported at first use is no growth of a hostile file.
    shutil.copytree(doors.run, doors.copy)
    for act in doors.kinds()["good"]:
        with contextlib.redirect_stdout(None), contextlib.redirect_stderr(None):
            act()
    open_run(doors.copy)
    tally = Tally([], [], [], [], [])
    for case in cases:
        judge(case, doors, long, tally)
    for name in ("code_ran", "let_in", "untidy", "slow", "large"):
        for text in getattr(tally, name)[:40]:
            print(f"  {name}: {text}")
    hostile = [case for case in cases if not case.ignored]
    refused = len(hostile) - len(tally.let_in)
    return [
        told("hostile artefacts", f"{len(cases)}, {tally.asked} times at a door"),
        none("hostile: code that ran", len(tally.code_ran), seconds=time.perf_counter() - started),
        count("hostile: refused", refused, len(hostile)),
        none("hostile: other ends than exit 2 or 3 with one line", len(tally.untidy)),
        Figure(
            "hostile: slowest",
            f"{tally.slowest:.2f} s of processor time",
            "at most 5 s",
            not tally.slow,
        ),
        Figure(
            "hostile: largest growth of memory",
            f"{tally.largest >> 20} MiB",
            "at most 1 GiB",
            not tally.large,
        ),
    ]
