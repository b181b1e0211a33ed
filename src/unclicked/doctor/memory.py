"""How much memory a training would take, before it takes it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from unclicked.config import Config
from unclicked.data.dataset import PreparedDataset
from unclicked.run import build_model

FLOAT = 4
INTEGER = 8
# Python with torch, numpy and pyarrow loaded, before anything of ours.
PROCESS = 450 << 20
# Tensors of one shape that a step keeps at once: values, what their gradients need, gradients.
KEPT = 4


@dataclass(frozen=True)
class TrainingMemory:
    """Bytes that a training takes at its largest batch.

    Attributes:
        process: The process itself.
        weights: Weights, the optimiser's state and gradients of what is no table.
        batch: Everything that one step computes.
    """

    process: int
    weights: int
    batch: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.process + self.weights + self.batch


def training_memory(dataset: PreparedDataset, config: Config) -> TrainingMemory:
    """Estimate what a training takes.

    With B sessions in a batch, T the longest, R = B T rows, M long-term values, S negatives, K
    labels, D the width, n the batch's distinct items at most and L the mean length of an unclicked
    list, a step holds about R (S + K) + 2 n D + 6 B T D + B T T D / 8 + 1.5 B M D + R L numbers of
    four bytes, four times: with what their gradients need. The fourth is the attention of heads
    that are 16 wide. Unclicked items as negatives add R n. The weights are counted on the model
    itself, without making them; Adam keeps two numbers for each, AdaGrad one.

    Args:
        dataset: What would be trained on.
        config: The resolved configuration.

    Returns:
        The estimate; good to a factor of two, but for an encoder that reads unclicked items, whose
        longer sequence is not counted.
    """
    with torch.device("meta"):
        model = build_model(
            config, dataset.catalogue, dataset.profile_vocabularies, len(dataset.users)
        )
    tables = model.tables()
    sizes = {name: weight.numel() for name, weight in model.named_parameters()}
    dense = sum(size for name, size in sizes.items() if name not in tables)
    copies = 2 if config.train.optimizer == "adagrad" else 3
    weights = FLOAT * (copies * sum(sizes.values()) + dense)
    buffers = sum(one.numel() * one.element_size() for one in model.buffers())
    return TrainingMemory(PROCESS, weights + buffers, _batch(dataset, config))


def _batch(dataset: PreparedDataset, config: Config) -> int:
    samples = dataset.splits["train"]
    size = min(config.train.batch_size, len(samples))
    lengths = np.sort(samples.end - samples.start)[-size:]
    longest, dim = int(lengths.max(initial=1)), config.model.dim
    rows = int(lengths.sum()) if config.train.loss_positions == "all" else size
    labels = config.train.num_labels
    if config.train.ranking_loss == "sampled_softmax":
        candidates = min(config.train.num_negatives, dataset.num_items) + labels
        compared = rows * candidates
    else:
        # Labels' vectors of every row, their differences and squares.
        candidates, compared = labels, 3 * rows * labels * dim
    listed = float(dataset.card["mean_length"]["unclicked"])
    long = config.data.clicked.max_long
    met = rows * (1 + labels) + size * long + rows * listed + candidates
    distinct = min(int(met), dataset.num_items)
    drawn = config.train.ranking_loss == "sampled_softmax"
    if drawn and config.train.unclicked_negatives > 0:
        compared += rows * distinct
    numbers = (
        compared
        + 2 * distinct * dim
        + 6 * size * longest * dim
        + size * longest * longest * dim / 8
        + 1.5 * size * long * dim
        + rows * listed
    )
    return int(KEPT * FLOAT * numbers) + INTEGER * int(rows * listed)
