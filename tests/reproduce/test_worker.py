"""The process of one cell does not outlive the one that started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from unclicked.data.dataset import PreparedDataset
from unclicked.reproduce.workplace import Workplace

# Starts a worker as a study does, tells its number, and waits to be killed.
PARENT = """
import os, subprocess, sys, time
order = [sys.argv[1], str(os.getpid())]
child = subprocess.Popen([sys.executable, "-m", "unclicked.reproduce.worker", *order])
print(child.pid, flush=True)
time.sleep(600)
"""


def gone(pid: int) -> bool:
    """Whether a process is no more, or only its entry is."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    entry = Path(f"/proc/{pid}/stat")
    return entry.exists() and entry.read_text().rpartition(")")[2].split()[0] == "Z"


def test_a_worker_leaves_when_its_parent_is_killed(
    out: Path, tiny_dataset: PreparedDataset
) -> None:
    settings = {"model.dim": 8, "train.max_epochs": 500, "train.patience": 500}
    place = Workplace(out, [tiny_dataset], settings=settings)
    base = {"model.fusion": "none", "model.metric": "none"}
    cell = place.cell(tiny_dataset, "recommended", base, 0)
    place._job("a", cell, "")
    command = [sys.executable, "-c", PARENT, str(place.folder(cell))]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    run = place.folder(cell) / "run"
    until = time.monotonic() + 60
    while not (run / "log.jsonl").exists() and time.monotonic() < until:
        time.sleep(0.05)
    os.kill(parent.pid, signal.SIGKILL)
    parent.communicate()
    until = time.monotonic() + 30
    while not gone(worker) and time.monotonic() < until:
        time.sleep(0.1)
    assert gone(worker)
    # It saved before it left, so that the next one goes on there.
    assert list((run / "checkpoints").glob("*/manifest.json"))
    assert not (place.folder(cell) / "done.json").exists()


def test_a_worker_whose_parent_is_gone_already_does_nothing(
    out: Path, tiny_dataset: PreparedDataset
) -> None:
    settings = {"model.dim": 8, "train.max_epochs": 500, "train.patience": 500}
    place = Workplace(out, [tiny_dataset], settings=settings)
    base = {"model.fusion": "none", "model.metric": "none"}
    cell = place.cell(tiny_dataset, "recommended", base, 0)
    place._job("a", cell, "")
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    arguments = [str(place.folder(cell)), str(dead.pid)]
    worker = subprocess.run(
        [sys.executable, "-m", "unclicked.reproduce.worker", *arguments],
        timeout=60,
        stderr=subprocess.DEVNULL,
    )
    # By the signal itself, or by the training that heard it and saved.
    assert worker.returncode in (-signal.SIGTERM, 128 + signal.SIGTERM)
    assert not (place.folder(cell) / "done.json").exists()
