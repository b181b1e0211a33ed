"""Judging a run: exact ranking of the whole catalogue, one line of metrics for every user."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from unclicked import stored_evaluation
from unclicked.config import Config
from unclicked.data.batching import BatchBuilder, in_order
from unclicked.data.controls import needed_exposures, with_source
from unclicked.data.dataset import PreparedDataset
from unclicked.errors import ArtefactError, UserError, command
from unclicked.metrics import coverage, per_user
from unclicked.model import UnclickedRecommender
from unclicked.progress import bar, silent
from unclicked.retrieval import ExactIndex
from unclicked.run import CHOSEN, Run
from unclicked.tensors import to_tensors

CONTROL_SEED = 21
# Columns of the stored evaluation that are facts of a user, not metrics, begin with this.
LENGTH = "length"
# Users with clicks in the held-out days for whom nothing is left to be found.
NOT_JUDGED = ("users_with_one_click", "users_with_nothing_new")
PER_USER_METRICS = ("HR", "MRR", "R", "F1", "P", "NDCG")


def held_out_builder(dataset: PreparedDataset, config: Config, split: str) -> BatchBuilder:
    """Where batches of a held-out split come from.

    Args:
        dataset: The data set.
        config: The resolved configuration of the run.
        split: "validation" or "test".

    Returns:
        The builder, with the control's lists where the run was trained with one.
    """
    unclicked = config.data.unclicked
    exposures = needed_exposures(dataset, unclicked.source)
    samples = with_source(
        dataset.splits[split],
        unclicked.source,
        dataset.num_items,
        CONTROL_SEED,
        exposures=exposures,
    )
    return BatchBuilder(
        samples=samples,
        click_item=dataset.click_item,
        catalogue=dataset.catalogue,
        profiles=dataset.profiles,
        max_long=config.data.clicked.max_long,
        num_labels=config.train.num_labels,
        cut=unclicked.cut,
        rows="query",
        need_unclicked=config.model.fusion != "none",
    )


@torch.no_grad()
def user_vectors(
    model: UnclickedRecommender, builder: BatchBuilder, batch_size: int, *, quiet: bool = False
) -> Tensor:
    """User vectors of every sample, in order.

    Args:
        model: The model; it is put into evaluation mode.
        builder: Where the batches come from.
        batch_size: Users encoded at once.
        quiet: Whether no bar is shown, because the caller shows one.

    Returns:
        float [S, D].
    """
    model.eval()
    builder = model.asked_of(builder)
    device = next(model.parameters()).device
    count = len(builder.samples)
    parts = []
    with nullcontext(silent()) if quiet else bar("users", count) as shown:
        for chosen in in_order(count, batch_size):
            parts.append(model.user_vectors(to_tensors(builder.build(chosen), device)))
            shown.advance(len(chosen))
    return torch.cat(parts)


def rank(
    model: UnclickedRecommender, builder: BatchBuilder, top_k: int, batch_size: int
) -> NDArray[np.int64]:
    """The best items of every sample by inner product over the whole catalogue.

    Args:
        model: The model.
        builder: Where the samples come from.
        top_k: Length of the lists.
        batch_size: Users encoded at once.

    Returns:
        int64 [S, top_k], item indices; ties by id; 0 where the catalogue is smaller.
    """
    users = user_vectors(model, builder, batch_size)
    tie_rank = torch.from_numpy(np.array(builder.catalogue.id_rank)).to(users.device)
    index = ExactIndex(model.all_item_vectors(), tie_rank=tie_rank)
    _, items = index.search(users, top_k)
    return _padded(items.cpu().numpy(), top_k)


def _padded(ranked: NDArray[np.int64], top_k: int) -> NDArray[np.int64]:
    missing = max(top_k - ranked.shape[1], 0)
    return np.pad(ranked, ((0, 0), (0, missing)))


def validation_hit_rate(
    model: UnclickedRecommender, builder: BatchBuilder, batch_size: int
) -> float:
    """HR@50 of a model as it is.

    Args:
        model: The model.
        builder: The validation split.
        batch_size: Users encoded at once.

    Returns:
        Share of users with a true item among their first 50.
    """
    ranked = rank(model, builder, 50, batch_size)
    truth = (builder.samples.truth_offsets, builder.samples.truth_items)
    return float(per_user(ranked, truth, 50)["HR@50"].mean())


def popularity_ranking(num_items: int, num_users: int, top_k: int) -> NDArray[np.int64]:
    """The most clicked items of the training period, the same for everybody.

    Args:
        num_items: V; items are numbered by descending clicks.
        num_users: Number of rows.
        top_k: Length of the lists.

    Returns:
        int64 [num_users, top_k]; 0 where the catalogue is smaller.
    """
    best = np.arange(1, top_k + 1)
    return np.tile(np.where(best <= num_items, best, 0), (num_users, 1))


def evaluate(
    run: Run,
    dataset: PreparedDataset,
    *,
    split: str = "test",
    top_k: tuple[int, ...] = (50, 80),
    warn: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Judge a run on a held-out split and keep every user's metrics in the run.

    Lengths that an earlier evaluation of the split stored are judged and stored anew beside those
    of `top_k`, so that a comparison at them goes on to work.

    Args:
        run: The run.
        dataset: The data set it was trained on.
        split: "validation" or "test".
        top_k: Lengths of the lists.
        warn: Called with sentences that a person should read.

    Returns:
        Keys "run", "split", "users", "items", "metrics", "popularity" and a few facts; metrics are
        fractions of one.

    Raises:
        ArtefactError: If the data set is another than the run's.
        UserError: If a list length or the split makes no sense.

    Source: section 4.2; exact ranking of the whole catalogue, no item is filtered.
    """
    _check(run, dataset, split, top_k)
    # What an earlier evaluation stored is compared with by others, so its lengths stay.
    judged = tuple(dict.fromkeys((*top_k, *stored_evaluation.stored_lengths(run.path, split))))
    for k in top_k:
        if k > dataset.num_items:
            warn(f"The catalogue has {dataset.num_items} items; lists of {k} end there.")
    if not run.progress.finished:
        warn(
            f"The training of {run.path} has not ended; what is judged is its best so far. Go on "
            "with --resume."
        )
    builder = held_out_builder(dataset, run.config, split)
    samples = builder.samples
    ranked = rank(run.model, builder, max(judged), run.config.evaluate.batch_size)
    popular = popularity_ranking(dataset.num_items, len(samples), max(judged))
    truth = (samples.truth_offsets, samples.truth_items)
    ours, theirs = (_all_metrics(one, truth, judged) for one in (ranked, popular))
    # Items without a training click cannot be learned; they stay in the truth as misses.
    unseen = float((np.asarray(dataset.catalogue.clicks)[samples.truth_items - 1] == 0).mean())
    result: dict[str, Any] = {
        "run": str(run.path),
        "split": split,
        "users": len(samples),
        "items": dataset.num_items,
        "top_k": list(judged),
        "metrics": _means(ours) | _coverage(ranked, judged, dataset.num_items),
        "popularity": _means(theirs) | _coverage(popular, judged, dataset.num_items),
        "truth_items_without_training_click": unseen,
        "not_judged": {name: samples.counts[name] for name in NOT_JUDGED},
        "dataset_sha256": dataset.sha256,
        "step": run.progress.best_step,
    }
    users = dataset.users.values.take(pa.array(samples.user))
    lengths = {f"{LENGTH}:{name}": values for name, values in _lengths(builder).items()}
    columns = {"user_id": users, **lengths, **ours}
    columns |= {f"popularity:{name}": values for name, values in theirs.items()}
    stored_evaluation.store(run.path, split, result, pa.table(columns), warn)
    return _only(result, top_k)


def _only(result: dict[str, Any], top_k: tuple[int, ...]) -> dict[str, Any]:
    """What was asked, without the lengths that an earlier evaluation asked."""
    ends = tuple(f"@{k}" for k in top_k)
    shown = {
        key: {name: value for name, value in result[key].items() if name.endswith(ends)}
        for key in ("metrics", "popularity")
    }
    return {**result, **shown, "top_k": list(top_k)}


def _lengths(builder: BatchBuilder) -> dict[str, NDArray[np.int64]]:
    """Clicks of the session so far and unclicked items of every user, as the data set has them."""
    samples = builder.samples
    begin, end = samples.final_lists(builder.cut)
    return {"short": samples.end - samples.start, "unclicked": end - begin}


def _check(run: Run, dataset: PreparedDataset, split: str, top_k: tuple[int, ...]) -> None:
    if split not in ("validation", "test"):
        raise UserError("SPLIT", f"--split {split}", "expected validation or test.")
    if split == "validation" and "refit" in run.facts.origin:
        raise UserError(
            "SPLIT",
            str(run.path),
            "was trained on the validation days too (--refit), so they judge nothing. Evaluate "
            f"its test split, or {run.path / CHOSEN}.",
        )
    if not top_k or min(top_k) < 1:
        raise UserError("TOP-K", f"--top-k {top_k}", "expected whole numbers of at least 1.")
    if run.facts.dataset_sha256 != dataset.sha256:
        raise ArtefactError(
            "RUN-DATASET",
            str(run.path),
            f"was trained on another data set than {dataset.path} (hash "
            f"{run.facts.dataset_sha256[:12]} against {dataset.sha256[:12]}). Give that one with "
            f"--dataset (it lay in {run.facts.dataset}), or train on this one: "
            f"{command('train', dataset.path, '--out', 'RUN')}",
        )


def _all_metrics(
    ranked: NDArray[np.int64], truth: tuple[Any, Any], top_k: tuple[int, ...]
) -> dict[str, NDArray[np.float64]]:
    found: dict[str, NDArray[np.float64]] = {}
    for k in top_k:
        metrics = per_user(ranked, truth, k)
        found.update({f"{name}@{k}": metrics[f"{name}@{k}"] for name in PER_USER_METRICS})
    return found


def _means(metrics: dict[str, NDArray[np.float64]]) -> dict[str, float]:
    return {name: float(values.mean()) for name, values in metrics.items()}


def _coverage(
    ranked: NDArray[np.int64], top_k: tuple[int, ...], num_items: int
) -> dict[str, float]:
    return {f"coverage@{k}": coverage(ranked[:, :k], num_items) for k in top_k}
