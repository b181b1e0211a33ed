"""A training step of SDM with the full plug-in at the paper's size, against plain PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from statistics import mean

import torch

from unclicked.bench.floor import floor_seconds, measured_rates
from unclicked.bench.paper_size import SMALL, Sizes, batch_of, catalogue_of, config_of, model_of
from unclicked.bench.ratio import Row, by_turns, compared
from unclicked.bench.straight import StraightStep
from unclicked.config import Config
from unclicked.data.catalogue import Catalogue
from unclicked.model import UnclickedRecommender
from unclicked.processor import fast_bfloat16
from unclicked.sampling import LogUniform, SampledNegatives
from unclicked.tensors import TensorBatch, to_tensors
from unclicked.training.optimiser import Optimiser
from unclicked.training.step import training_step

TITLE = "a training step of SDM + plug-in at the paper's size, against straightforward PyTorch"
AGAINST = "straightforward PyTorch"
FLOOR = "the floor of this processor's products and memory"
# One of each length.
NUM_BATCHES = 4
Prepared = tuple[TensorBatch, SampledNegatives]


class OurStep:
    """Our training step with its optimiser.

    Args:
        model: The model.
        config: Its configuration.
    """

    def __init__(self, model: UnclickedRecommender, config: Config) -> None:
        self.model = model
        self.optimiser = Optimiser(model, config.train)
        self.sampler = LogUniform(model.num_items)
        self.random = torch.Generator()

    def step(
        self, batch: TensorBatch, negatives: SampledNegatives, logits: str = "float32"
    ) -> float:
        """One step.

        Args:
            batch: The batch.
            negatives: The draw.
            logits: Precision of the softmax's products.

        Returns:
            The ranking loss.
        """
        report = training_step(
            self.model, batch, negatives, self.sampler, self.random, 0, logits=logits
        )
        self.optimiser.step()
        return report.ranking_loss


def prepared_batches(
    sizes: Sizes, catalogue: Catalogue, *, last: bool, count: int = NUM_BATCHES
) -> list[Prepared]:
    """Batches with their negatives, made before the clock runs.

    Args:
        sizes: The sizes.
        catalogue: The items.
        last: One row a sample instead of all positions.
        count: Batches.

    Returns:
        Batches and draws; the same for the same arguments.
    """
    sampler, random = LogUniform(sizes.num_items), torch.Generator().manual_seed(0)
    return [
        (
            to_tensors(batch_of(sizes, catalogue, number, last=last), torch.device("cpu")),
            sampler.draw(sizes.num_negatives, random),
        )
        for number in range(count)
    ]


def run(rounds: int, small: bool, say: Callable[[str], None]) -> list[Row]:
    """Steps of all positions and of the last position, against the other side and the floor.

    Args:
        rounds: Rounds that count.
        small: Tiny sizes, to see that it works.
        say: Called with lines that tell how far it is.

    Returns:
        For each a row for single precision and, where it is fast here, for bfloat16; and rows
        whose ratio is the part of the floor's speed that is reached.
    """
    sizes = SMALL if small else Sizes()
    catalogue, config = catalogue_of(sizes.num_items), config_of(sizes)
    model = model_of(config, catalogue)
    sides = StraightStep(model, config), OurStep(model, config)
    precisions = ["float32", "bfloat16"] if fast_bfloat16() else ["float32"]
    rows = []
    for last in (False, True):
        batches = prepared_batches(sizes, catalogue, last=last)
        where = "last position" if last else "all positions"
        say(f"step, {where}: {sizes.num_items:,} items, width {sizes.dim}")
        milliseconds = _measured(sides, batches, precisions, rounds, say)
        rates = measured_rates(sizes, precisions)
        for precision in precisions:
            what = f"step, {where}, {precision}"
            ours = milliseconds[precision]
            floors = [
                1000 * floor_seconds(model, batch, sizes, rates, precision) for batch, _ in batches
            ]
            rows.append(compared(what, ours, AGAINST, milliseconds[AGAINST], "ms"))
            rows.append(compared(what, ours, FLOOR, [mean(floors)] * rounds, "ms"))
    return rows


def _measured(
    sides: tuple[StraightStep, OurStep],
    batches: list[Prepared],
    precisions: list[str],
    rounds: int,
    say: Callable[[str], None],
) -> dict[str, list[float]]:
    """Milliseconds of every round, by side; every round goes once through all batches."""
    straight, ours = sides
    steps = {AGAINST: _each(straight.step, batches)} | {
        name: _each(partial(ours.step, logits=name), batches) for name in precisions
    }
    seconds = by_turns(steps, rounds, say)
    return {name: [1000 * one / len(batches) for one in values] for name, values in seconds.items()}


def _each(
    step: Callable[[TensorBatch, SampledNegatives], float], batches: list[Prepared]
) -> Callable[[], object]:
    """A step on every batch."""
    return lambda: [step(*one) for one in batches]
