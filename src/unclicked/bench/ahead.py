"""What drawing negatives and building batches adds to a step, made ahead or in between."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import numpy as np
import torch

from unclicked.bench.paper_log import builder_of
from unclicked.bench.paper_size import SMALL, Sizes, catalogue_of, config_of, model_of
from unclicked.bench.ratio import Row, by_turns, compared
from unclicked.bench.step import OurStep, Prepared
from unclicked.data.batching import BatchBuilder, bucketed_order
from unclicked.in_turn import in_turn
from unclicked.sampling import LogUniform
from unclicked.tensors import to_tensors
from unclicked.training.loop import AHEAD
from unclicked.training.randomness import generator_for

TITLE = "drawing negatives and building batches in the background, against between the steps"
STEPS = 12
Wanted = tuple[int, np.ndarray]


class Maker:
    """Makes what a step needs, as the training loop does.

    Args:
        builder: Where batches come from.
        num_negatives: Negatives of a step.
    """

    def __init__(self, builder: BatchBuilder, num_negatives: int) -> None:
        self.builder = builder
        self.num_negatives = num_negatives
        self.sampler = LogUniform(len(builder.catalogue.items))

    def make(self, wanted: Wanted) -> Prepared:
        """The batch and the negatives of a step.

        Args:
            wanted: Number of the step and its samples.

        Returns:
            Both.
        """
        step, chosen = wanted
        negatives = self.sampler.draw(self.num_negatives, generator_for(0, step, 1))
        return to_tensors(self.builder.build(chosen), torch.device("cpu")), negatives


def run(rounds: int, small: bool, say: Callable[[str], None]) -> list[Row]:
    """Steps at the paper's size whose batches are made ahead, in between, or are at hand.

    Args:
        rounds: Rounds that count.
        small: Tiny sizes, to see that it works.
        say: Called with lines that tell how far it is.

    Returns:
        For all positions and for the last, a row against making them in between, and one against
        steps whose batches are at hand: where its ratio is 1, nothing is left to be hidden.
    """
    sizes = SMALL if small else Sizes()
    catalogue = catalogue_of(sizes.num_items)
    rows = []
    for where in ("all", "last"):
        config = config_of(sizes, {"loss_positions": where})
        builder = builder_of(sizes, catalogue, config, STEPS * sizes.batch_size)
        ours = OurStep(model_of(config, catalogue), config)
        lengths = builder.samples.end - builder.samples.start
        batches = bucketed_order(lengths, config.train.num_buckets, sizes.batch_size, 0)[:STEPS]
        say(f"{len(batches)} steps, {where} positions")
        maker = Maker(builder, sizes.num_negatives)
        rows += _rows(where, ours, maker.make, list(enumerate(batches)), rounds, say)
    return rows


def _rows(
    where: str,
    ours: OurStep,
    make: Callable[[Wanted], Prepared],
    wanted: list[Wanted],
    rounds: int,
    say: Callable[[str], None],
) -> list[Row]:
    """Both rows of one kind of position."""
    at_hand = [make(one) for one in wanted]

    def made_ahead() -> None:
        with closing(in_turn(make, wanted, threads=1, ahead=AHEAD)) as ready:
            for one in ready:
                ours.step(*one)

    def in_between() -> None:
        for one in wanted:
            ours.step(*make(one))

    def alone() -> None:
        for one in at_hand:
            ours.step(*one)

    sides = {"ahead": made_ahead, "between": in_between, "alone": alone}
    milliseconds = {
        name: [1000 * one / len(wanted) for one in values]
        for name, values in by_turns(sides, rounds, say).items()
    }
    what = f"a step of {where} positions with what it needs, made ahead"
    return [
        compared(what, milliseconds["ahead"], against, milliseconds[name], "ms")
        for name, against in (
            ("between", "the same made in between"),
            ("alone", "a step alone, all at hand"),
        )
    ]
