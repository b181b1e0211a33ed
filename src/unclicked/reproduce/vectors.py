"""Vectors of test users as a run makes them, to be looked at; no ranking reads them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unclicked.config import Config
from unclicked.data.batching import BatchBuilder, in_order
from unclicked.data.dataset import PreparedDataset
from unclicked.data.rules import Samples
from unclicked.errors import ArtefactError, UserError
from unclicked.evaluation import held_out_builder
from unclicked.model import UnclickedRecommender
from unclicked.run import Run
from unclicked.tensors import to_tensors

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
SPLIT = "test"


@dataclass(frozen=True)
class Vectors:
    """Vectors of U users by one run, all of the run's width D.

    Attributes:
        users: int64 [U], places among the data set's test users, ascending.
        clicked: h, float64 [U, D].
        unclicked: n, float64 [U, D]; None where the run has no unclicked vector.
        labels: c, float64 [U, D], from the first new items of each user's later clicks; None where
            the run has no label vector.
        user: What ranks, float64 [U, D]: h itself, or fused with n.
        targets: float64 [U, D], mean of the vectors that the same items are scored with; there for
            every run, in the space of `user`.
    """

    users: Ints
    clicked: Floats
    unclicked: Floats | None
    labels: Floats | None
    user: Floats
    targets: Floats


def refuse_other_data(run: Run, dataset: PreparedDataset) -> None:
    """Refuse a data set that a run was not trained on.

    Args:
        run: The run.
        dataset: The data set.

    Raises:
        ArtefactError: It is another one.
    """
    if run.facts.dataset_sha256 != dataset.sha256:
        raise ArtefactError(
            "RUN-DATASET", str(run.path), f"was trained on another data set than {dataset.path}."
        )


def choose_users(dataset: PreparedDataset, config: Config, max_users: int, seed: int) -> Ints:
    """Draw test users that have an unclicked list and something to be found.

    Args:
        dataset: The data set.
        config: The resolved configuration of the run, for the list's cut and source.
        max_users: How many at most, at least 1.
        seed: Seed of the draw, at least 0.

    Returns:
        int64 [U], places among the test users, ascending; all of them where they are few.

    Raises:
        UserError: No test user has an unclicked item.
    """
    samples = held_out_builder(dataset, config, SPLIT).samples
    begin, end = samples.final_lists(config.data.unclicked.cut)
    able = np.flatnonzero((end > begin) & (np.diff(samples.truth_offsets) > 0))
    if not len(able):
        raise UserError(
            "REPRODUCE-LISTS",
            str(dataset.path),
            "no test user has an unclicked item, expected at least one. Lower "
            "data.unclicked.min_exposures or lengthen data.unclicked.window_days.",
        )
    if len(able) <= max_users:
        return able
    drawn: Ints = np.random.default_rng(seed).choice(able, max_users, replace=False)
    return np.sort(drawn)


def sampled_vectors(run: Run, dataset: PreparedDataset, max_users: int, seed: int) -> Vectors:
    """Vectors of test users that have an unclicked list, drawn by a seed.

    Args:
        run: The run.
        dataset: The data set it was trained on.
        max_users: How many users at most, at least 1.
        seed: Seed of the draw, at least 0.

    Returns:
        Their vectors.

    Raises:
        ArtefactError: The data set is another than the run's.
        UserError: No test user has an unclicked item.
    """
    return vectors_of(run, dataset, choose_users(dataset, run.config, max_users, seed))


@torch.no_grad()
def vectors_of(run: Run, dataset: PreparedDataset, users: Ints) -> Vectors:
    """Vectors of given test users.

    Args:
        run: The run.
        dataset: The data set it was trained on.
        users: int64 [U], places among the test users.

    Returns:
        Their vectors, in this order.

    Source: section 5.4; Eq. 3 for n and c, section 4.3 for the user vector.
    Differs: c is made of the items that are new to the user, as they alone are to be found.
    """
    refuse_other_data(run, dataset)
    run.model.eval()
    options = run.model.plugin.options
    builder = held_out_builder(dataset, run.config, SPLIT)
    # A run may measure n in its loss alone; then judging has no need of the lists, but looking has.
    builder = run.model.asked_of(replace(builder, need_unclicked=options.needs_unclicked))
    parts: list[tuple[Tensor, ...]] = []
    for chosen in in_order(len(users), run.config.evaluate.batch_size):
        places = users[chosen]
        parts.append(
            (*_clicked(run.model, builder, places), *_labels(run, builder.samples, places))
        )
    h, n, user, c, targets = (
        torch.cat(part).cpu().numpy().astype(np.float64) for part in zip(*parts, strict=True)
    )
    return Vectors(
        users=users,
        clicked=h,
        unclicked=n if options.needs_unclicked else None,
        labels=c if options.needs_labels else None,
        user=user,
        targets=targets,
    )


def _clicked(
    model: UnclickedRecommender, builder: BatchBuilder, places: Ints
) -> tuple[Tensor, Tensor, Tensor]:
    """h, n and the user vector."""
    device = next(model.parameters()).device
    rows = model.encode(to_tensors(builder.build(places), device))
    n = model.plugin.encode_unclicked(rows.unclicked_mean, rows.unclicked_mask)
    return rows.clicked, n, model.plugin.fuse(rows.clicked, n)


def _labels(run: Run, samples: Samples, places: Ints) -> tuple[Tensor, Tensor]:
    """c, and the mean of the vectors that the labels are scored with."""
    model = run.model
    items = first_items(samples, places, run.config.train.num_labels)
    labels = torch.from_numpy(items).to(next(model.parameters()).device)
    distinct, place = torch.unique(labels, return_inverse=True)
    scored = model.item_vectors(distinct)[place]
    mask = labels > 0
    from_output = model.config.label_source == "output"
    read = scored if from_output else model.tower(distinct)[place]
    c = model.plugin.encode_labels(read, mask)
    count = mask.sum(dim=1, keepdim=True).clamp(min=1)
    return c, scored.masked_fill(~mask.unsqueeze(-1), 0.0).sum(dim=1) / count


def first_items(samples: Samples, places: Ints, count: int) -> Ints:
    """The first items of each user's truth, which is in the order of clicking.

    Args:
        samples: Held-out samples.
        places: int64 [U], places among them.
        count: K, how many items, at least 1.

    Returns:
        int64 [U, K], item indices; 0 where there are fewer.
    """
    begin, end = samples.truth_offsets[places], samples.truth_offsets[places + 1]
    at = begin[:, None] + np.arange(count)
    there = at < end[:, None]
    return np.where(there, samples.truth_items[np.where(there, at, 0)], 0).astype(np.int64)
