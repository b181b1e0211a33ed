"""Benchmarks as ratios: both sides by turns in one process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from unclicked.bench import ahead, evaluate, gradient, memory, peers, prepare, scale, serve, step
from unclicked.bench.peers.install import install
from unclicked.bench.ratio import Row
from unclicked.bench.scale_picture import draw


@dataclass(frozen=True)
class Benchmark:
    """A benchmark by name.

    Attributes:
        title: What is measured, in one line.
        run: Takes the number of rounds, whether all sizes are small (a check that it works), and
            a function for lines that tell how far it is, and for a `Note` of what is left out;
            returns the rows.
        draw: Draws the rows into a file, where there is a picture of them.
        install: Installs what it is measured against into a folder, where that is not with us;
            returns the names of what is new.
    """

    title: str
    run: Callable[[int, bool, Say], list[Row]]
    draw: Callable[[Sequence[Row], Path], None] | None = None
    install: Callable[[Path, Say], list[str]] | None = None


Say = Callable[[str], None]


BENCHMARKS: dict[str, Benchmark] = {
    "step": Benchmark(step.TITLE, step.run),
    "ahead": Benchmark(ahead.TITLE, ahead.run),
    "gradient": Benchmark(gradient.TITLE, gradient.run),
    "peers": Benchmark(peers.TITLE, peers.run, install=install),
    "memory": Benchmark(memory.TITLE, memory.run),
    "scale": Benchmark(scale.TITLE, scale.run, draw=draw),
    "evaluate": Benchmark(evaluate.TITLE, evaluate.run),
    "prepare": Benchmark(prepare.TITLE, prepare.run),
    "serve": Benchmark(serve.TITLE, serve.run),
}
