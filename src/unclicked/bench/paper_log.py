"""Samples of the paper's size, drawn at random, from which batches are cut as in training."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unclicked.bench.paper_size import PROFILE, Sizes
from unclicked.config import Config
from unclicked.data.batching import BatchBuilder
from unclicked.data.catalogue import Catalogue
from unclicked.data.rules import Samples

Ints = NDArray[np.int64]


def builder_of(sizes: Sizes, catalogue: Catalogue, config: Config, count: int) -> BatchBuilder:
    """Samples, each of a user of its own, with clicks drawn log-uniformly.

    Args:
        sizes: Sizes of a step.
        catalogue: The items.
        config: Settings of the run.
        count: Number of samples.

    Returns:
        What batches are cut from; the same for the same arguments.
    """
    rng = np.random.default_rng(0)
    long = _spread(rng, sizes.mean_long, count)
    short = np.resize(np.array(sizes.lengths), count)
    # After the last trained position of a session come its labels.
    begins = _begins(long + short + sizes.num_labels)
    lists = _begins(_spread(rng, sizes.mean_unclicked, count))
    start, end = begins[:-1] + long, begins[:-1] + long + short
    samples = Samples(
        user=np.arange(count),
        start=start,
        end=end,
        long_start=begins[:-1],
        label_end=end + sizes.num_labels,
        position_offsets=_begins(short),
        row_start=np.arange(1, count + 1),
        row_now=np.repeat(np.arange(1, count + 1), short),
        row_offsets=np.concatenate([[0], lists]),
        row_items=_drawn(rng, sizes, int(lists[-1])),
        row_counts=np.ones(int(lists[-1]), np.int32),
        truth_offsets=np.zeros(count + 1, np.int64),
        truth_items=np.zeros(0, np.int32),
        counts={},
    )
    profiles = np.stack([rng.integers(1, n + 1, count) for n in PROFILE.values()], axis=1)
    return BatchBuilder(
        samples,
        _drawn(rng, sizes, int(begins[-1])),
        catalogue,
        profiles.astype(np.int32),
        max_long=config.data.clicked.max_long,
        num_labels=sizes.num_labels,
        cut=config.data.unclicked.cut,
        rows=config.train.loss_positions,
        new_users=True,
        long="fields",
    )


def _spread(rng: np.random.Generator, mean: int, count: int) -> Ints:
    return rng.integers(mean - mean // 2, mean + mean // 2 + 1, count)


def _begins(lengths: Ints) -> Ints:
    return np.concatenate([[0], np.cumsum(lengths)])


def _drawn(rng: np.random.Generator, sizes: Sizes, count: int) -> NDArray[np.int32]:
    chance = rng.random(count) * np.log(sizes.num_items + 1)
    items: NDArray[np.int32] = np.minimum(np.exp(chance), sizes.num_items).astype(np.int32)
    return items
