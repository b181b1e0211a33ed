"""The process of one side: builds a model of a library and takes its steps, told by JSON lines.

It runs in the environment of a peer, in which Unclicked is not installed, and so imports nothing of
ours. The file named as its argument has `build(order, batches)`, which returns a function from the
number of a batch, and the order for this step, to the loss.
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

# Linux tells peaks in KiB, macOS in bytes.
PEAK_UNIT = 1 if sys.platform == "darwin" else 1024
Step = Callable[[int, dict[str, Any]], float]


def batches_of(order: dict[str, Any]) -> list[dict[str, Any]]:
    """Batches drawn log-uniformly, as the items of our side are: one of each length.

    Args:
        order: Sizes, under the names of `unclicked.bench.paper_size.Sizes`.

    Returns:
        For each batch `clicked` (samples x length), `long` (samples x mean_long), `label` (samples)
        and `profile` (samples x 3), int64; items count from 1.
    """
    import numpy as np

    rng = np.random.default_rng(0)
    num_items, count = order["num_items"], order["batch_size"]

    def drawn(*shape: int) -> Any:
        chance = rng.random(shape) * np.log(num_items + 1)
        return np.minimum(np.exp(chance).astype(np.int64), num_items)

    return [
        {
            "clicked": drawn(count, length),
            "long": drawn(count, order["mean_long"]),
            "label": drawn(count),
            "profile": np.stack([rng.integers(1, one + 1, count) for one in order["profile"]], 1),
        }
        for length in order["lengths"]
    ]


def peak_bytes(told: str = "/proc/self/status") -> int:
    """Largest resident memory that this process has had.

    Args:
        told: Where Linux tells it.

    Returns:
        Bytes.
    """
    # What `getrusage` tells there includes the memory of the process that started this one.
    try:
        with Path(told).open(encoding="utf-8") as lines:
            peaks = [int(line.split()[1]) for line in lines if line.startswith("VmHWM:")]
    except OSError:
        peaks = []
    if peaks:
        return peaks[0] * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * PEAK_UNIT


def read(path: str) -> Callable[[dict[str, Any], list[dict[str, Any]]], Step]:
    """The function `build` of a file.

    Args:
        path: A Python file.

    Returns:
        The function.
    """
    # By its path: no folder of ours is on the path of imports, where a file could hide a library.
    spec = importlib.util.spec_from_file_location("side", path)
    if spec is None or spec.loader is None:
        raise ImportError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    build: Callable[[dict[str, Any], list[dict[str, Any]]], Step] = module.build
    return build


def answer(orders: IO[str], answers: IO[str], path: str) -> None:
    """Do what is ordered until nothing more comes.

    Args:
        orders: One JSON object a line: `{"do": "build", ...}` with the sizes once, then
            `{"do": "step", ...}`, which takes one step on every batch.
        answers: Where one JSON object a line goes: `seconds`, `peak` (the process's largest
            resident memory so far, in bytes) and `loss`, or `error`.
        path: The file with `build`.
    """
    step, batches = None, []
    for line in orders:
        order = json.loads(line)
        losses: list[float] = []
        started = time.perf_counter()
        try:
            if order["do"] == "build":
                batches = batches_of(order)
                step = read(path)(order, batches)
            elif step is None:
                raise RuntimeError("step before build")
            else:
                losses = [step(number, order) for number in range(len(batches))]
            seconds = time.perf_counter() - started
            if not all(math.isfinite(one) for one in losses):
                raise ArithmeticError(f"losses {losses}")
        except Exception as error:
            # Whatever the library raises, the other side is told in one line.
            said: dict[str, Any] = {"error": f"{type(error).__name__}: {error}"}
        else:
            said = {"seconds": seconds, "peak": peak_bytes(), "losses": losses}
        answers.write(json.dumps(said) + "\n")
        answers.flush()


def main() -> None:
    """Answer on stdout; whatever a library prints goes to stderr."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    # A library may read the arguments too.
    answer(sys.stdin, answers, sys.argv.pop())


if __name__ == "__main__":
    main()
