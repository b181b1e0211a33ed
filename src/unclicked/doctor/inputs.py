"""What a run's lists depend on: each input in turn is taken from another user."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unclicked.data.dataset import PreparedDataset
from unclicked.doctor.finding import Finding
from unclicked.encoders.asks import long_input_of
from unclicked.evaluation import held_out_builder
from unclicked.metrics import per_user
from unclicked.model import UnclickedRecommender
from unclicked.retrieval import ExactIndex
from unclicked.run import Run
from unclicked.tensors import TensorBatch, to_tensors

# A batch in which one input is that of the users at these places.
Exchange = Callable[[TensorBatch, Tensor], TensorBatch]
LENGTH = 50
MOST_USERS = 512
# Of 50 items; half an item is what near ties do by themselves.
HARDLY = 49.5


@dataclass(frozen=True)
class Reading:
    """What becomes of lists when an input is another user's.

    Attributes:
        kept: Items of a list of 50 that stay, in the mean over users.
        hit_rate: HR@50 with the true input, a fraction of one.
        change: HR@50 with the other's input less that.
        length: Length of the lists: 50, or the catalogue where it is smaller.
    """

    kept: float
    hit_rate: float
    change: float
    length: int


def readings(run: Run, dataset: PreparedDataset) -> dict[str, Reading]:
    """Give each validation user the session, long-term clicks, ... of another one, one at a time.

    Args:
        run: The run.
        dataset: The data set it was trained on.

    Returns:
        By input that the model is given: "session", "long-term clicks", "profile" and "unclicked
        items"; of the first 512 users. Empty with fewer than two.
    """
    builder = held_out_builder(dataset, run.config, "validation")
    count = min(len(builder.samples), MOST_USERS)
    if count < 2:
        return {}
    model = run.model.eval()
    builder = model.asked_of(builder)
    batch = to_tensors(builder.build(np.arange(count)), next(model.parameters()).device)
    offsets = builder.samples.truth_offsets[: count + 1]
    truth = (offsets, builder.samples.truth_items[: offsets[-1]])
    tie_rank = torch.from_numpy(np.array(builder.catalogue.id_rank))
    length = min(LENGTH, dataset.num_items)
    index = ExactIndex(model.all_item_vectors(), tie_rank=tie_rank)

    @torch.no_grad()
    def ranked(one: TensorBatch) -> tuple[NDArray[np.int64], float]:
        items = index.search(model.user_vectors(one), length)[1].cpu().numpy()
        return items, float(per_user(items, truth, length)[f"HR@{length}"].mean())

    own, hit_rate = ranked(batch)
    # Half way round, so that nobody keeps her own and neighbours in time are apart.
    other = torch.arange(count, device=batch.mask.device).roll(count // 2)
    found = {}
    for name, exchange in _inputs(model, batch).items():
        lists, changed = ranked(exchange(batch, other))
        same = [len(np.intersect1d(*pair)) for pair in zip(own, lists, strict=True)]
        found[name] = Reading(float(np.mean(same)), hit_rate, changed - hit_rate, length)
    return found


def _inputs(model: UnclickedRecommender, batch: TensorBatch) -> dict[str, Exchange]:
    """How each input that the model is given is exchanged."""
    found: dict[str, Exchange] = {"session": _session}
    has_long = bool((batch.long_items > 0).any()) or any(
        bool((values > 0).any()) for values in batch.long_fields.values()
    )
    if long_input_of(model.encoder) != "none" and has_long:
        found["long-term clicks"] = _long_term
    if model.profile is not None:
        found["profile"] = _profile
    if model.unclicked_readers() and len(batch.unclicked):
        found["unclicked items"] = _unclicked
    return found


def _session(batch: TensorBatch, other: Tensor) -> TensorBatch:
    # A held-out batch has one row for each sample, in order: the moment of prediction.
    return replace(
        batch,
        clicked=batch.clicked[other],
        mask=batch.mask[other],
        row_position=batch.row_position[other],
    )


def _long_term(batch: TensorBatch, other: Tensor) -> TensorBatch:
    fields = {name: values[other] for name, values in batch.long_fields.items()}
    return replace(batch, long_items=batch.long_items[other], long_fields=fields)


def _profile(batch: TensorBatch, other: Tensor) -> TensorBatch:
    return replace(batch, user=batch.user[other], profile=batch.profile[other])


def _unclicked(batch: TensorBatch, other: Tensor) -> TensorBatch:
    return replace(batch, unclicked_list=batch.unclicked_list[other])


def input_findings(run: Run, dataset: PreparedDataset) -> Iterator[Finding]:
    """Say of each input whether lists depend on it.

    Args:
        run: The run.
        dataset: The data set it was trained on.

    Yields:
        One finding an input.
    """
    for name, one in readings(run, dataset).items():
        found = (
            f"another user's leaves {one.kept:.1f} of {one.length} items where they were, and "
            f"moves HR@{one.length} from {one.hit_rate:.1%} by {100 * one.change:+.1f} points"
        )
        if one.kept * LENGTH < HARDLY * one.length:
            yield Finding(name, "ok", found)
        else:
            rate = 0.1 * run.config.train.dense_rate
            advice = (
                "Lists hardly depend on it: it says little on this log, or training silenced it. "
                f"Try train.dense_rate={rate:g} or another model.encoder, and compare."
            )
            yield Finding(name, "warn", found, advice)
