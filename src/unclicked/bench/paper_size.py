"""A model and batches of the paper's size, drawn at random: arithmetic does not read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from unclicked.config import Config
from unclicked.data.batching import Batch
from unclicked.data.catalogue import Catalogue, FieldCodes
from unclicked.data.vocabulary import Vocabulary
from unclicked.model import UnclickedRecommender
from unclicked.settings import preset_settings, resolve

Ints = NDArray[np.int64]
PROFILE: Final = {"age": 8, "sex": 3, "city": 300}
FIELD_WIDTHS: Final = {"item_id": 64, "leaf_category": 16, "category": 16, "brand": 16, "shop": 16}


@dataclass(frozen=True)
class Sizes:
    """Sizes of a step.

    Attributes:
        num_items: V.
        dim: D; a multiple of 8.
        batch_size: Samples in a batch.
        num_negatives: S.
        lengths: Clicks of a session, of which each batch has one.
        mean_long: Mean of long-term items; half to one and a half times as many.
        mean_unclicked: Mean of unclicked items, likewise.
        num_labels: K.
    """

    num_items: int = 1_078_723
    dim: int = 128
    batch_size: int = 256
    num_negatives: int = 20_000
    lengths: tuple[int, ...] = (9, 12, 15, 18)
    mean_long: int = 21
    mean_unclicked: int = 71
    num_labels: int = 5


SMALL: Final = Sizes(
    num_items=2_000, dim=16, batch_size=8, num_negatives=50, lengths=(3, 4), mean_long=4,
    mean_unclicked=6,
)  # fmt: skip


def config_of(sizes: Sizes, changed: Mapping[str, Any] | None = None) -> Config:
    """The paper's preset `sru2b` at some sizes, without dropout.

    Args:
        sizes: The sizes.
        changed: Further settings of the table `[train]`.

    Returns:
        The configuration.
    """
    widths = {name: width * sizes.dim // 128 for name, width in FIELD_WIDTHS.items()}
    model = {
        "dim": sizes.dim,
        "field_dims": widths,
        "encoder_options": {"dropout": 0.0},
    }
    train = {
        "batch_size": sizes.batch_size,
        "num_negatives": sizes.num_negatives,
        "num_labels": sizes.num_labels,
        **(changed or {}),
    }
    return resolve(preset_settings("sru2b"), {"model": model, "train": train})


def catalogue_of(num_items: int) -> Catalogue:
    """Items with four fields of one value each.

    Args:
        num_items: V.

    Returns:
        The catalogue; values are drawn evenly.
    """
    rng = np.random.default_rng(0)
    counts = {
        "leaf_category": max(4, num_items // 100),
        "category": max(2, num_items // 3_000),
        "brand": max(4, num_items // 20),
        "shop": max(4, num_items // 10),
    }
    fields = {}
    for name, count in counts.items():
        codes = np.concatenate([rng.integers(1, count + 1, num_items + 1), [count + 1]])
        codes[0] = 0
        offsets = np.arange(num_items + 3)
        values = Vocabulary(pa.array(np.arange(count)))
        fields[name] = FieldCodes(values, offsets, codes.astype(np.int32))
    ranks = np.arange(num_items + 1)
    return Catalogue(
        Vocabulary(pa.array(np.arange(num_items))), np.zeros(num_items, np.int64), ranks, fields
    )


def model_of(config: Config, catalogue: Catalogue) -> UnclickedRecommender:
    """A model with fresh weights.

    Args:
        config: Its configuration.
        catalogue: Its items.

    Returns:
        The model, in training mode.
    """
    torch.manual_seed(0)
    return UnclickedRecommender(config.model, catalogue, PROFILE, 0).train()


def batch_of(sizes: Sizes, catalogue: Catalogue, number: int, *, last: bool = False) -> Batch:
    """A batch, items drawn log-uniformly as the negatives are.

    Args:
        sizes: The sizes.
        catalogue: The items.
        number: Number of the batch; it decides everything.
        last: One row a sample, its last, instead of all positions.

    Returns:
        The batch.
    """
    rng = np.random.default_rng(number)
    count, length = sizes.batch_size, sizes.lengths[number % len(sizes.lengths)]

    def drawn(size: int) -> Ints:
        chance = rng.random(size) * np.log(sizes.num_items + 1)
        items: Ints = np.minimum(np.exp(chance).astype(np.int64), sizes.num_items)
        return items

    def spread(mean: int) -> Ints:
        return rng.integers(mean - mean // 2, mean + mean // 2 + 1, count)

    clicked = drawn(count * length).reshape(count, length)
    per_long = spread(sizes.mean_long)
    there = np.arange(per_long.max()) < per_long[:, None]
    long_items = np.where(there, drawn(there.size).reshape(there.shape), 0)
    lists = spread(sizes.mean_unclicked)
    flat = drawn(int(lists.sum()))
    sample = np.arange(count) if last else np.repeat(np.arange(count), length)
    position = np.full(count, length - 1) if last else np.tile(np.arange(length), count)
    labels = drawn(len(sample) * sizes.num_labels).reshape(len(sample), sizes.num_labels)
    items = np.unique(np.concatenate([[0], clicked.ravel(), flat, labels.ravel()]))
    fields = {
        name: field.codes[field.offsets[long_items]].astype(np.int64)
        for name, field in catalogue.fields.items()
    }
    return Batch(
        items=items,
        clicked=np.searchsorted(items, clicked),
        mask=np.ones_like(clicked, dtype=np.bool_),
        # The encoder reads the fields of long-term items, not their vectors.
        long_items=np.zeros((count, 0), np.int64),
        long_fields={"item_id": long_items, **fields},
        user=np.zeros(count, np.int64),
        profile=np.stack([rng.integers(1, n + 1, count) for n in PROFILE.values()], axis=1),
        row_sample=sample,
        row_position=position,
        row_is_last=position == length - 1,
        unclicked=np.searchsorted(items, flat),
        unclicked_offsets=np.concatenate([[0], np.cumsum(lists)]),
        unclicked_counts=np.ones(len(flat), np.int32),
        unclicked_list=sample,
        labels=labels,
    )
