"""How time and memory of a step and of a search grow with what they depend on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import torch

from unclicked.bench.alone import GIB, Told, run_alone
from unclicked.bench.paper_size import SMALL, Sizes, catalogue_of, config_of, model_of
from unclicked.bench.ratio import Row, compared
from unclicked.bench.step import OurStep, prepared_batches
from unclicked.retrieval import ExactIndex

TITLE = "time and peak memory as items, negatives, lists, sessions and users grow"
BASE: Final = Sizes(num_items=100_000, num_negatives=5_000)
TOP_K: Final = 80
# Per axis: its unit, the points, and how a point changes the sizes.
AXES: Final[dict[str, tuple[str, tuple[int, ...]]]] = {
    "items": ("num_items", (10_000, 31_623, 100_000, 316_228, 1_000_000)),
    "negatives": ("num_negatives", (1_250, 2_500, 5_000, 10_000, 20_000)),
    "unclicked items of a list": ("mean_unclicked", (18, 36, 71, 142, 284)),
    "clicks of a session": ("lengths", (5, 10, 20, 40)),
    "samples of a batch": ("batch_size", (64, 128, 256, 512)),
}
USERS: Final = (512, 1_024, 2_048, 4_096)
STEP = "a step"
SEARCH = f"a search of the best {TOP_K}"


def run(rounds: int, small: bool, say: Callable[[str], None]) -> list[Row]:
    """One child process for each point and round; every axis against its smallest point.

    Args:
        rounds: Rounds that count.
        small: Tiny sizes, to see that it works.
        say: Called with lines that tell how far it is.

    Returns:
        For each point a row of milliseconds and one of peak memory in GiB.
    """
    base = SMALL if small else BASE
    rows = []
    for axis, (field, points) in list(AXES.items())[: 1 if small else None]:
        tasks = {
            point: (step_seconds, _changed(base, field, point))
            for point in (points[:2] if small else points)
        }
        rows += _axis(STEP, axis, tasks, rounds, say)
    users = USERS[:2] if small else USERS
    searches = {count: (search_seconds, base, count) for count in users}
    return rows + _axis(SEARCH, "users", searches, rounds, say)


def _axis(
    what: str,
    axis: str,
    tasks: Mapping[int, tuple[Any, ...]],
    rounds: int,
    say: Callable[[str], None],
) -> list[Row]:
    """Time and peak of every point of an axis, in a process for each point and round."""
    told: dict[int, list[Told]] = {point: [] for point in tasks}
    for number in range(rounds):
        for point, (function, *given) in tasks.items():
            told[point].append(run_alone(function, torch.get_num_threads(), *given))
        say(f"{axis}, round {number + 1} of {rounds}")
    milliseconds = {point: [1000 * one.result for one in told[point]] for point in tasks}
    peaks = {point: [one.peak / GIB for one in told[point]] for point in tasks}
    rows = _against_smallest(what, axis, milliseconds, "ms")
    return rows + _against_smallest(f"peak of {what}", axis, peaks, "GiB")


def step_seconds(ready: Callable[[], None], threads: int, sizes: Sizes) -> float:
    """Best of some steps of all positions.

    Args:
        ready: Called when model, optimiser and batches are there.
        threads: Threads of torch.
        sizes: Sizes of the step.

    Returns:
        Seconds.
    """
    torch.set_num_threads(threads)
    catalogue, config = catalogue_of(sizes.num_items), config_of(sizes)
    ours = OurStep(model_of(config, catalogue), config)
    batches = prepared_batches(sizes, catalogue, last=False, count=2)
    ready()
    seconds = []
    for number in range(6):
        started = time.perf_counter()
        ours.step(*batches[number % 2])
        seconds.append(time.perf_counter() - started)
    return min(seconds[2:])


def search_seconds(ready: Callable[[], None], threads: int, sizes: Sizes, users: int) -> float:
    """Best of some searches.

    Args:
        ready: Called when the items' vectors are there.
        threads: Threads of torch.
        sizes: Sizes of the catalogue.
        users: How many users.

    Returns:
        Seconds.
    """
    torch.set_num_threads(threads)
    random = torch.Generator().manual_seed(0)
    index = ExactIndex(torch.randn(sizes.num_items + 1, sizes.dim, generator=random))
    wanted = torch.randn(users, sizes.dim, generator=random)
    ready()
    seconds = []
    for _ in range(4):
        started = time.perf_counter()
        index.search(wanted, TOP_K)
        seconds.append(time.perf_counter() - started)
    return min(seconds[1:])


def _changed(base: Sizes, field: str, point: int) -> Sizes:
    given: dict[str, Any] = {field: (point,) if field == "lengths" else point}
    return replace(base, **given)


def _against_smallest(
    what: str, axis: str, values: Mapping[int, Sequence[float]], unit: str
) -> list[Row]:
    smallest = min(values)
    return [
        compared(
            f"{what} with {point:,} {axis}",
            list(found),
            f"with {smallest:,}",
            list(values[smallest]),
            unit,
        )
        for point, found in values.items()
    ]
