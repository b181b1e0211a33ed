"""Memory of training beyond the tables and the optimiser's state, at the paper's size."""

from __future__ import annotations

from collections.abc import Callable

from unclicked.bench.alone import GIB, run_alone
from unclicked.bench.paper_size import SMALL, Sizes, catalogue_of, config_of, model_of
from unclicked.bench.ratio import Row, compared
from unclicked.bench.step import AGAINST, OurStep, prepared_batches
from unclicked.bench.straight import StraightStep

TITLE = "peak memory of training beyond tables and optimiser state, against plain PyTorch"
STEPS = 8


def run(rounds: int, small: bool, say: Callable[[str], None]) -> list[Row]:
    """Peaks of both sides, each in a fresh process in every round.

    Args:
        rounds: Rounds that count.
        small: Tiny sizes, to see that it works.
        say: Called with lines that tell how far it is.

    Returns:
        A row for all positions and one for the last.
    """
    rows = []
    for last in (False, True):
        peaks: dict[str, list[float]] = {"ours": [], "theirs": []}
        where = "last position" if last else "all positions"
        for number in range(rounds):
            for side, values in peaks.items():
                told = run_alone(train, side, small, last)
                values.append((told.peak - told.before) / GIB)
            say(f"{where}, round {number + 1} of {rounds}")
        what = f"peak beyond tables and optimiser state, {where}"
        rows.append(compared(what, peaks["ours"], AGAINST, peaks["theirs"], "GiB"))
    return rows


def train(ready: Callable[[], None], side: str, small: bool, last: bool) -> int:
    """Some steps of one side.

    Args:
        ready: Called when model, optimiser and batches are there.
        side: "ours", or "theirs".
        small: Tiny sizes.
        last: Last positions instead of all.

    Returns:
        The number of steps.
    """
    sizes = SMALL if small else Sizes()
    catalogue, config = catalogue_of(sizes.num_items), config_of(sizes)
    model = model_of(config, catalogue)
    batches = prepared_batches(sizes, catalogue, last=last)
    made: OurStep | StraightStep
    if side == "ours":
        made = OurStep(model, config)
    else:
        made = StraightStep(model, config)
        # Its tables are copies of these.
        del model
    ready()
    for step in range(STEPS):
        made.step(*batches[step % len(batches)])
    return STEPS
