"""A training step of SDM with the full plug-in at the paper's size, against plain PyTorch."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import torch

from unclicked.bench.paper_size import SMALL, Sizes, batch_of, catalogue_of, config_of, model_of
from unclicked.bench.ratio import Row, by_turns, compared
from unclicked.bench.straight import StraightStep
from unclicked.config import Config
from unclicked.data.catalogue import Catalogue
from unclicked.model import UnclickedRecommender
from unclicked.sampling import LogUniform, SampledNegatives
from unclicked.tensors import TensorBatch, to_tensors
from unclicked.training.optimiser import Optimiser
from unclicked.training.step import training_step

TITLE = "a training step of SDM + plug-in at the paper's size, against straightforward PyTorch"
AGAINST = "straightforward PyTorch"
NUM_BATCHES = 8
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

    def step(self, batch: TensorBatch, negatives: SampledNegatives) -> float:
        """One step.

        Args:
            batch: The batch.
            negatives: The draw.

        Returns:
            The ranking loss.
        """
        report = training_step(self.model, batch, negatives, self.sampler, self.random, 0)
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
    """Steps of all positions and of the last position.

    Args:
        rounds: Rounds that count.
        small: Tiny sizes, to see that it works.
        say: Called with lines that tell how far it is.

    Returns:
        A row for each.
    """
    sizes = SMALL if small else Sizes()
    catalogue, config = catalogue_of(sizes.num_items), config_of(sizes)
    model = model_of(config, catalogue)
    straight, ours = StraightStep(model, config), OurStep(model, config)
    rows = []
    for last in (False, True):
        batches = prepared_batches(sizes, catalogue, last=last)
        where = "last position" if last else "all positions"
        say(f"step, {where}: {sizes.num_items:,} items, width {sizes.dim}")
        seconds = by_turns(
            {"theirs": _each(straight.step, batches), "ours": _each(ours.step, batches)},
            rounds,
            say,
        )
        milliseconds = {name: [1000 * one for one in values] for name, values in seconds.items()}
        rows.append(
            compared(f"step, {where}", milliseconds["ours"], AGAINST, milliseconds["theirs"], "ms")
        )
    return rows


def _each(
    step: Callable[[TensorBatch, SampledNegatives], float], batches: list[Prepared]
) -> Callable[[], object]:
    """A step on the next batch whenever it is called."""
    following: Iterator[Prepared] = itertools.cycle(batches)
    return lambda: step(*next(following))
