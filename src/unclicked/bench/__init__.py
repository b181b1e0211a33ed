"""Benchmarks as ratios: both sides by turns in one process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from unclicked.bench import ahead, evaluate, memory, peers, prepare, scale, step
from unclicked.bench.ratio import Row


@dataclass(frozen=True)
class Benchmark:
    """A benchmark by name.

    Attributes:
        title: What is measured, in one line.
        run: Takes the number of rounds, whether all sizes are small (a check that it works), and
            a function for lines that tell how far it is; returns the rows.
    """

    title: str
    run: Callable[[int, bool, Callable[[str], None]], list[Row]]


BENCHMARKS: dict[str, Benchmark] = {
    "step": Benchmark(step.TITLE, step.run),
    "ahead": Benchmark(ahead.TITLE, ahead.run),
    "peers": Benchmark(peers.TITLE, peers.run),
    "memory": Benchmark(memory.TITLE, memory.run),
    "scale": Benchmark(scale.TITLE, scale.run),
    "evaluate": Benchmark(evaluate.TITLE, evaluate.run),
    "prepare": Benchmark(prepare.TITLE, prepare.run),
}
