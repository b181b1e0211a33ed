"""SIGKILL, ENOSPC and EIO at every system call by which a verb changes its folder."""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path

from torture import calls
from torture.calls import Call
from torture.figures import Figure, Progress, count, none, told
from torture.forks import Ended, in_memory
from torture.scene import Scene
from torture.scenes import all_scenes

# Trials of each verb in the short form.
SHORT = 24


def run(long: bool, folder: Path) -> list[Figure]:
    """Let each call fail in turn, look at what is there, run again, compare.

    Args:
        long: Every call and fault instead of an even sample.
        folder: Where to work.

    Returns:
        Trials by verb and of how many, and what went wrong.
    """
    if not calls.is_there():
        return [Figure("inject", "strace is not installed", "strace", False)]
    figures: list[Figure] = []
    faults: list[str] = []
    codes: Counter[str] = Counter()
    with in_memory(folder) as place, all_scenes(place) as scenes:
        for scene in scenes:
            figures.append(_torture(scene, long, faults, codes))
            # An hour's work is not lost with the last of its four parts.
            print(f"        {figures[-1].line}", file=sys.stderr, flush=True)
    ends = ", ".join(f"{number} {code}" for code, number in sorted(codes.items()))
    figures.append(told("inject: how the hurt runs ended", ends))
    figures += [told("inject: wrong", fault) for fault in faults[:20]]
    figures.append(none("inject: lost, wrong, unexplained or left over", len(faults)))
    return figures


def _torture(scene: Scene, long: bool, faults: list[str], codes: Counter[str]) -> Figure:
    started = time.perf_counter()
    scene.learn()
    scene.reset()
    found = calls.changing_calls(scene.arguments, scene.said, scene.folder)
    trials = [(call, fault) for call in found for fault in calls.FAULTS]
    number = len(trials) if long else min(SHORT, len(trials))
    chosen = [trials[place * len(trials) // number] for place in range(number)]
    hit = 0
    progress = Progress(f"inject {scene.name}", number)
    for done, (call, fault) in enumerate(chosen):
        progress.say(done, len(faults))
        scene.reset()
        ended, on_folder = calls.hurt(scene.arguments, scene.said, scene.folder, call, fault)
        hit += on_folder
        codes["killed" if ended.code == -9 else f"exit {ended.code}"] += 1
        wrong = _wrong(scene, ended, fault)
        if wrong:
            faults.append(f"{scene.name}, {fault} at {_short(call, scene)}: {wrong}")
    name = f"inject {scene.name}: {number} of {len(trials)} faults at {len(found)} calls, hit"
    return count(name, hit, number, seconds=time.perf_counter() - started)


def _wrong(scene: Scene, ended: Ended, fault: str) -> str:
    """What is wrong with how a run ended, what it left, or what the next one makes of it."""
    said = ended.said.strip()
    if fault == "SIGKILL":
        if ended.code != -9:
            return f"ended with {ended.code}"
    elif ended.code not in (0, 4) or "Traceback" in said or "DEFECT" in said:
        return f"ended with {ended.code}: {said[-300:]}"
    elif ended.code == 4 and (str(scene.folder) not in said or "error[DISK]" not in said):
        return f"does not say where: {said[-300:]}"
    elif ended.code == 0 and fault != "SIGKILL":
        return scene.fault() or scene.fault_after_rerun()
    return scene.fault() or scene.fault_after_rerun()


def _short(call: Call, scene: Scene) -> str:
    return call.text.replace(str(scene.folder), "")[:160]
