"""SIGKILL at random moments of `prepare`, `train`, `evaluate` and `export`."""

from __future__ import annotations

import random
import time
from pathlib import Path

from torture.figures import Figure, Progress, count, none, told
from torture.forks import Fork, in_memory
from torture.scene import Scene
from torture.scenes import Train, all_scenes

KILLS = {"prepare": 250, "prepare --overwrite": 250, "train": 500, "evaluate": 500, "export": 500}
SHORT = 12
# So many kills in a row before a training may end.
IN_A_ROW = 5


def run(long: bool, folder: Path) -> list[Figure]:
    """Kill, look at what a reader finds, run again, compare with an unbroken run.

    Args:
        long: 2,000 kills instead of a few dozen.
        folder: Where to work.

    Returns:
        Kills by verb, and what went wrong.
    """
    figures, faults = [], []
    with in_memory(folder) as place, all_scenes(place) as scenes:
        for scene in scenes:
            wanted = KILLS[scene.name] if long else SHORT
            started = time.perf_counter()
            killed, found = _torture(scene, wanted)
            seconds = time.perf_counter() - started
            figures.append(count(f"kill {scene.name}: SIGKILLs", killed, wanted, seconds=seconds))
            faults += [f"{scene.name}: {fault}" for fault in found]
    figures += [told("kill: wrong", fault) for fault in faults[:10]]
    figures.append(none("kill: lost, wrong or left over after the next start", len(faults)))
    return figures


def _torture(scene: Scene, wanted: int) -> tuple[int, list[str]]:
    """Kills that struck, and what was wrong after them."""
    dice = random.Random(scene.name)
    seconds = sorted(scene.learn() for _ in range(3))[1]
    faults: list[str] = []
    killed = 0
    progress = Progress(f"kill {scene.name}", wanted)
    for attempt in range(4 * wanted):
        progress.say(killed, len(faults))
        if killed == wanted:
            break
        if not isinstance(scene, Train) or attempt % IN_A_ROW == 0:
            scene.reset()
        # A kill that came too late says how long it takes just now.
        ended = Fork(scene.arguments, scene.said).end(dice.uniform(0, seconds))
        if ended.code == -9:
            killed += 1
        elif ended.code == 0:
            seconds = 0.8 * seconds + 0.2 * ended.seconds
        else:
            faults.append(f"ended with {ended.code}: {ended.said.strip()[-300:]}")
        fault = scene.fault()
        last = attempt % IN_A_ROW == IN_A_ROW - 1 or killed == wanted
        if not fault and (last or not isinstance(scene, Train)):
            fault = scene.fault_after_rerun()
        if fault:
            faults.append(fault)
            scene.reset()
    return killed, faults
