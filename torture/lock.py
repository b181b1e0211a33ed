"""One writer for a folder: the second is refused at once, and a dead one is in nobody's way."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from torture.command import call_process
from torture.figures import Figure, count, told
from torture.forks import Fork, call, in_memory
from torture.scenes import all_scenes, prepare_arguments

SHORT, LONG = 20, 100
FAST_SECONDS = 1.0
# Takes a lock as a verb does, tells that it holds it, and stays.
HOLDERS = {
    "prepare": "from unclicked.artefact import claim as hold",
    "train": "from unclicked.artefact import lock as hold",
}
HOLD = """
import sys, time
from pathlib import Path
with hold(Path(sys.argv[1])):
    print(1, flush=True)
    time.sleep(600)
"""


def run(long: bool, folder: Path) -> list[Figure]:
    """Start second writers while a first one works, and writers after a killed one.

    Args:
        long: 100 of each instead of 20.
        folder: Where to work.

    Returns:
        Refusals in time, restarts after a kill, and how fast a whole process says no.
    """
    number = LONG if long else SHORT
    with in_memory(folder) as place, all_scenes(place) as scenes:
        prepare, train = scenes[0].arguments, scenes[2].arguments
        seconds = scenes[0].learn(), scenes[2].learn()
        out, run_ = scenes[0].folder / "data", scenes[2].folder / "run"
        figures = [
            *_refused("prepare", prepare, prepare, out, number),
            *_refused("train", train, train, run_, number),
            *_refused("prepare", prepare, _train_into(train, out), out, number),
            *_refused("train", train, prepare_arguments(place / "log", run_), run_, number),
            _restarts("prepare", prepare, out, number, seconds[0]),
            _restarts("train", train, run_, number, seconds[1]),
            *_judged_at_once(place, scenes[3].arguments, number),
        ]
        return [*figures, *_from_the_shell(place)]


def _train_into(arguments: Sequence[str], out: Path) -> list[str]:
    place = list(arguments).index("--out") + 1
    return [*arguments[:place], str(out), *arguments[place + 1 :]]


def _hold(verb: str, folder: Path) -> subprocess.Popen[str]:
    """A process that holds a folder as a verb does."""
    if verb == "train":
        folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-c", HOLDERS[verb] + HOLD, str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    if process.stdout is None or process.stdout.readline() != "1\n":
        raise RuntimeError("the lock was not taken")
    return process


def _refused(
    verb: str, first: Sequence[str], second: Sequence[str], folder: Path, number: int
) -> list[Figure]:
    """Second writers beside one that holds the folder."""
    shutil.rmtree(folder, ignore_errors=True)
    process = _hold(verb, folder)
    said = folder.parent.with_suffix(".said")
    who = f"process {process.pid} on {socket.gethostname()}"
    refused, slowest = 0, 0.0
    try:
        for _ in range(number):
            ended = call(second, said)
            fast = ended.cpu_seconds < FAST_SECONDS
            refused += ended.code == 75 and who in ended.said and fast
            slowest = max(slowest, ended.seconds)
    finally:
        process.kill()
        process.communicate()
    name = f"lock: {second[0]} refused while {first[0]} writes, naming pid and host, < 1 s of work"
    shutil.rmtree(folder, ignore_errors=True)
    return [
        count(name, refused, number),
        told("lock: slowest of these by the clock", f"{slowest:.3f} s"),
    ]


def _restarts(
    name: str, arguments: Sequence[str], folder: Path, number: int, seconds: float
) -> Figure:
    """Writers that begin right after another was killed with the lock in its hand."""
    begun = time.perf_counter()
    well = 0
    said = folder.parent.with_suffix(".said")
    for trial in range(number):
        shutil.rmtree(folder, ignore_errors=True)
        process = Fork(arguments, said)
        # In the middle of the work, which is when the lock is held.
        process.end(seconds * (0.2 + 0.6 * trial / number))
        well += call(arguments, said).code == 0
    took = time.perf_counter() - begun
    return count(f"lock: {name} again right after kill -9", well, number, seconds=took)


def _judged_at_once(place: Path, arguments: Sequence[str], number: int) -> list[Figure]:
    """Both splits judged at the same moment, again and again: every evaluation stays whole."""
    from unclicked.stored_evaluation import load

    run_ = place / "evaluate" / "run"
    shutil.rmtree(run_.parent, ignore_errors=True)
    shutil.copytree(place / "evaluate.before", run_.parent)
    other = [*arguments, "--split", "validation"]
    wrong: list[str] = []
    begun = time.perf_counter()
    trials = max(number // 4, 1)
    for trial in range(trials):
        both = [Fork(arguments, place / "a.said"), Fork(other, place / "b.said")]
        ended = [one.end() for one in both]
        # Lengths of earlier evaluations stay beside those that were asked for.
        kept = [load(run_, split)[0]["top_k"] for split in ("test", "validation")]
        whole = [{3, 7} <= set(one) for one in kept]
        if [one.code for one in ended] != [0, 0] or not all(whole):
            ends = "; ".join(f"exit {one.code}: {one.said.strip()[-300:]}" for one in ended)
            wrong.append(f"pair {trial}: whole {whole}; {ends}")
    took = time.perf_counter() - begun
    name = "lock: two evaluations at once, both kept"
    return [
        count(name, trials - len(wrong), trials, seconds=took),
        *(told("lock: wrong", pair) for pair in wrong),
    ]


def _from_the_shell(place: Path) -> list[Figure]:
    """A whole process, from the shell to its exit code, and Ctrl-C in the middle of the work."""
    out = place / "shell" / "data"
    process = _hold("prepare", out)
    try:
        outcome = call_process(prepare_arguments(place / "log", out))
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    # A process that a shell starts in the background ignores SIGINT, and so would its children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    stops = 0
    for number, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
        # What the killed one left would be taken for what is waited for.
        shutil.rmtree(out.parent, ignore_errors=True)
        fork = Fork(prepare_arguments(place / "log", out), place / "shell.said")
        while not (out.parent / f".{out.name}.unclicked-writing").exists():
            time.sleep(0.001)
        os.kill(fork.pid, number)
        ended = fork.end()
        left = [path.name for path in out.parent.iterdir()]
        stops += ended.code == code and left == []
    return [
        Figure(
            "lock: a whole process refused, from its start",
            f"exit {outcome.code} after {outcome.seconds:.2f} s",
            "exit 75",
            outcome.code == 75,
        ),
        count("lock: prepare stopped by SIGTERM or SIGINT, 143 or 130, nothing left", stops, 2),
    ]
