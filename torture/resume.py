"""Trainings that are killed and go on: the end must be the same, bit for bit."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from torture.figures import Figure, count
from torture.world import small_config, small_dataset
from unclicked import artefact
from unclicked.config import Config
from unclicked.data.dataset import PreparedDataset
from unclicked.start import train
from unclicked.training import checkpoint as store
from unclicked.training.log import read_log_lines
from unclicked.training.loop import Training
from unclicked.training.optimiser import Optimiser

CLOCK = ("seconds", "rows_per_second")
SAVE_EVERY = 3
# Where in a step the process dies.
MOMENTS = ("before a step", "after the update", "inside a checkpoint", "after a checkpoint")


def without_clock(value: Any) -> Any:
    """A value without what a clock says."""
    if isinstance(value, dict):
        return {name: without_clock(one) for name, one in value.items() if name not in CLOCK}
    return [without_clock(one) for one in value] if isinstance(value, list) else value


def state_of(run: Path) -> dict[str, Any]:
    """Everything that must be equal at the end of two runs."""
    newest, refused = store.newest_valid(run)
    hashes = {
        f"{folder.name}/{name}": artefact.sha256_file(folder / name)
        for folder in store.list_checkpoints(run)
        for name in ("model.safetensors", "optimizer.safetensors")
    }
    return {
        "tensors": hashes,
        "counters": without_clock(artefact.read_json(newest / "state.json")),
        "log": without_clock(read_log_lines(run / "log.jsonl")),
        "random state": (run.parent / f"{run.name}.random").read_text(),
        "refused": refused,
    }


def in_child(act: Callable[[], None]) -> int:
    """Do something in a forked process; its exit code, or less than 0 for a signal."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            act()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def often_saved() -> None:
    """Checkpoints by number of steps instead of by the clock, so that kills fall everywhere."""

    def save_if_due(self: Training, log: Any) -> None:
        if self.progress.step % SAVE_EVERY == 0:
            self._save(log)

    vars_of: Any = Training
    vars_of._save_if_due = save_if_due


def dying(moment: str, after: int) -> None:
    """Let this process be killed at the n-th time that it comes to a place."""
    left = [after]

    def die() -> None:
        left[0] -= 1
        if left[0] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def before(owner: Any, name: str) -> None:
        plain = getattr(owner, name)

        def act(*given: Any, **more: Any) -> Any:
            die()
            return plain(*given, **more)

        setattr(owner, name, act)

    def behind(owner: Any, name: str) -> None:
        plain = getattr(owner, name)

        def act(*given: Any, **more: Any) -> Any:
            result = plain(*given, **more)
            die()
            return result

        setattr(owner, name, act)

    if moment == "before a step":
        before(Training, "_step")
    elif moment == "after the update":
        behind(Optimiser, "step")
    elif moment == "inside a checkpoint":
        behind(store, "save_file")
    else:
        behind(store, "save_checkpoint")


class World:
    """A data set, a configuration, and the run that nobody disturbed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.dataset: PreparedDataset = small_dataset(folder)
        self.config: Config = small_config(self.dataset, train={"max_epochs": 4})
        self.unbroken = folder / "unbroken"
        if in_child(lambda: self.go(self.unbroken)) != 0:
            raise RuntimeError("the unbroken run failed")
        self.whole = state_of(self.unbroken)
        self.steps = self.whole["counters"]["progress"]["step"]

    def go(self, run: Path, moment: str = "", after: int = 0) -> None:
        """Start or go on, in this process, until the end or the kill."""
        often_saved()
        if moment:
            dying(moment, after)
        train(self.dataset, run, self.config, resume=True)
        hashed = hashlib.sha256(torch.get_rng_state().numpy().tobytes()).hexdigest()
        (run.parent / f"{run.name}.random").write_text(hashed)

    def killed(self, name: str, kills: int, rng: random.Random) -> tuple[bool, int]:
        """A run that is killed some times: whether it ended equal, and how often it died."""
        run, died, code = self.folder / name, 0, -1
        for _ in range(kills):
            moment = rng.choice(MOMENTS)
            saves = moment.endswith("checkpoint")
            most = self.steps // SAVE_EVERY if saves else self.steps
            if kills > 1:
                # Many kills of one run must not let it come to its end too soon.
                most = 1 if saves else SAVE_EVERY + 1
            code = in_child(partial(self.go, run, moment, rng.randint(1, most)))
            died += code == -signal.SIGKILL
            if code == 0:
                break
        ended = (code == 0 or in_child(partial(self.go, run)) == 0) and state_of(run) == self.whole
        steps = [
            line["step"] for line in read_log_lines(run / "log.jsonl") if line["kind"] == "step"
        ]
        once = steps == list(range(1, self.steps + 1))
        if not (ended and once):
            found = state_of(run)
            wrong = [key for key, value in self.whole.items() if found[key] != value]
            print(f"  {name}: differs in {json.dumps(wrong)}, steps once: {once}")
        shutil.rmtree(run, ignore_errors=True)
        return ended and once, died


def repeats(world: World, times: int, threads: int) -> int:
    """Different bits among trainings of one seed on several threads, with batches large enough."""
    config = small_config(
        world.dataset, train={"batch_size": 256, "num_negatives": 500, "num_buckets": 1}
    )

    def once(run: Path) -> None:
        torch.set_num_threads(threads)
        train(world.dataset, run, config)

    found = set()
    for number in range(times):
        run = world.folder / f"repeat-{number}"
        if in_child(partial(once, run)) == 0:
            newest = store.list_checkpoints(run)[0]
            found.add(artefact.sha256_file(newest / "model.safetensors"))
        shutil.rmtree(run, ignore_errors=True)
    return len(found)


def run(long: bool, folder: Path) -> list[Figure]:
    """Kill trainings at random points and let them go on.

    Args:
        long: 50 runs killed once instead of 6, and one killed 20 times instead of 8.
        folder: Where to work.

    Returns:
        The figures.
    """
    torch.set_num_threads(1)
    started = time.perf_counter()
    world, rng = World(folder), random.Random(3)
    single, many = (50, 20) if long else (6, 8)
    equal = died = 0
    for number in range(single):
        good, kills = world.killed(f"once-{number}", 1, rng)
        equal, died = equal + good, died + kills
    often, deaths = world.killed("often", many, rng)
    different = repeats(world, 20 if long else 4, threads=2)
    return [
        count(
            f"resume: runs of {world.steps} steps killed once that ended bit-equal "
            "(weights, optimiser, counters, random state, log)",
            equal,
            single,
            seconds=time.perf_counter() - started,
        ),
        count("resume: of these, killed before the end", died, single),
        Figure("resume: different results at 2 threads", str(different), "1", different == 1),
        Figure(
            "resume: one run killed again and again",
            f"{deaths} kills, {'equal' if often else 'NOT equal'}",
            f"equal after {many // 2} or more of {many}",
            often and deaths >= many // 2,
        ),
    ]
