"""One training step: both losses, the cap of one by the other, one backward pass."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn import functional

from unclicked.errors import NumericError
from unclicked.model import Rows, UnclickedRecommender
from unclicked.sampling import LogUniform, SampledNegatives
from unclicked.tensors import TensorBatch
from unclicked.training.metric_step import metric_weight_at, permuted_rows
from unclicked.training.ranking import ranking_loss, scored_items, unclicked_negatives
from unclicked.training.ranks import ALONE, Ranks
from unclicked.training.share import Share, share_of
from unclicked.training.step_report import Losses, Norms, StepReport, report_of

NUM_RANDOM_ITEMS = 5


def training_step(
    model: UnclickedRecommender,
    batch: TensorBatch,
    negatives: SampledNegatives | None,
    sampler: LogUniform,
    generator: torch.Generator,
    step: int,
    ranks: Ranks = ALONE,
    idle: bool = False,
    *,
    logits: str = "float32",
    unclicked_weight: float = 0.0,
    logq: str = "tf",
) -> StepReport:
    """Compute both losses of a batch and leave the gradients on the parameters and table rows.

    The graph is cut at the clicked, unclicked and label vectors. There the gradients of the
    ranking loss and of the weighted metric loss are known apart, so that the second can be capped
    by the first without a further backward pass; their sum then goes through encoder and towers.

    Of several ranks each computes some of the samples. Both losses stay means over all rows of the
    whole batch and the cap compares norms over all rows; gradients are this rank's part of a sum.

    Args:
        model: The model, in training mode.
        batch: The batch, or this rank's part of it; every row has a label.
        negatives: One draw for the whole batch; None is the squared error, which needs none.
        sampler: The sampler that drew them.
        generator: Randomness of this step, for random items where the intermediate term is on and
            for the order of permuted labels.
        step: Steps of the run before this one, at least 0, for the warm-up.
        ranks: Those that share the batch.
        idle: Whether this rank repeats a sample of another, which must not count.
        logits: Precision of the ranking loss's products, "float32" or "bfloat16".
        unclicked_weight: How many times each unclicked item counts as a negative of its row.
        logq: Which logits of the ranking loss are corrected, "tf" or "refined".

    Returns:
        What is worth logging, over all rows of the whole batch.

    Raises:
        NumericError: If a loss is NaN or infinite; it names rows of the batch.

    Source: Eq. 9; both losses are means over the same rows.
    Differs: with `metric_grad_cap` the metric loss's gradient at these vectors is scaled down to
        that multiple of the ranking loss's.
    """
    share = share_of(_counted(model, batch), ranks, idle)
    rows = model.encode(batch)
    unclicked = None if negatives is None else unclicked_negatives(batch, unclicked_weight)
    scored = scored_items(batch.labels, negatives, unclicked)
    trunk = _trunk(model, batch, rows, scored, generator, share)
    leaves = {name: one.detach().requires_grad_() for name, one in trunk.items()}
    user = model.plugin.fuse(leaves["clicked"], leaves["unclicked"])
    drawn = (leaves["vectors"], negatives, sampler, logits, unclicked, logq)
    mean, ranking = ranking_loss(user, batch.labels, scored, *drawn)
    metric, counted = _metric(model, batch, rows, leaves)
    _refuse_broken({"ranking loss": ranking, "metric loss": metric}, batch.row_sample, ranks)
    (mean * share.weight).backward()
    # An encoder may read unclicked items where the plug-in, and so its distances, are off.
    options = model.plugin.options
    judged = rows.unclicked_mask & counted & (options.needs_unclicked or options.needs_labels)
    weight = metric_weight_at(model.config, step)
    losses = Losses(ranking, metric, judged, rows.unclicked_mask, weight)
    norms = _add_metric_gradient(model, leaves, losses, share)
    _backward(trunk, leaves)
    return report_of(model, leaves, losses, norms, share)


def _counted(model: UnclickedRecommender, batch: TensorBatch) -> Tensor:
    """Rows that the metric loss is a mean over."""
    if model.config.metric_positions == "last":
        return batch.row_is_last
    return torch.ones_like(batch.row_is_last)


def _trunk(
    model: UnclickedRecommender,
    batch: TensorBatch,
    rows: Rows,
    scored: Tensor,
    generator: torch.Generator,
    share: Share,
) -> dict[str, Tensor]:
    """The vectors at which the graph is cut; `vectors` are those of the scored items."""
    vectors = model.item_vectors(scored)
    table, places = rows.items, batch.label_places
    if model.config.label_source == "output":
        table, places = vectors, torch.searchsorted(scored, batch.labels)
    label_mask = batch.labels > 0
    mean, some = _mean(functional.embedding(places, table), label_mask)
    trunk = {
        "clicked": rows.clicked,
        "unclicked": model.plugin.encode_unclicked(rows.unclicked_mean, rows.unclicked_mask),
        "labels": model.plugin.encode_labels(mean, some),
        "vectors": vectors,
    }
    if model.config.intermediate_margin > 0:
        trunk["random"] = _random(model, len(rows.clicked), generator, share)
    if model.config.metric_labels == "permuted":
        # The ranking loss reads its labels from `vectors`, so only the metric loss sees this.
        trunk["labels"] = trunk["labels"][permuted_rows(some, generator)]
    return trunk


def _mean(vectors: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    weight = mask.to(vectors.dtype)
    total = (vectors * weight[..., None]).sum(dim=1)
    return total / weight.sum(dim=1).clamp(min=1)[:, None], mask.any(dim=1)


def _random(
    model: UnclickedRecommender, count: int, generator: torch.Generator, share: Share
) -> Tensor:
    shape = (share.rows, NUM_RANDOM_ITEMS)
    drawn = torch.randint(1, model.num_items + 1, shape, generator=generator)
    device = next(model.parameters()).device
    distinct, place = torch.unique(share.drawn(drawn, count).to(device), return_inverse=True)
    mean = functional.embedding(place, model.tower(distinct)).mean(dim=1)
    return model.plugin.encode_unclicked(mean, torch.ones(count, dtype=torch.bool, device=device))


def _metric(
    model: UnclickedRecommender, batch: TensorBatch, rows: Rows, leaves: dict[str, Tensor]
) -> tuple[Tensor, Tensor]:
    """Metric loss of each row, and the rows that it is a mean over."""
    counted = _counted(model, batch)
    if model.config.metric == "none":
        return leaves["clicked"].new_zeros(len(counted)), counted
    user = None
    if model.config.metric_on == "user":
        user = model.plugin.fuse(leaves["clicked"], leaves["unclicked"])
    loss = model.plugin.metric(
        leaves["clicked"],
        leaves["unclicked"],
        leaves["labels"],
        rows.unclicked_mask & counted,
        user=user,
        random=leaves.get("random"),
    )
    return loss, counted


class BrokenRows(NumericError):
    """A loss that is NaN or infinite in some rows.

    Args:
        loss: Which loss.
        rows: The rows; none where they are another process's.
        places: Place in the batch of each row's sample.
    """

    def __init__(self, loss: str, rows: list[int], places: list[int]) -> None:
        self.places = places
        named = ", ".join(map(str, rows[:10]))
        where = f"rows {named} of the batch" if rows else "rows of another process"
        super().__init__("NAN-LOSS", where, f"the {loss} is NaN or infinite; nothing was moved.")


def _refuse_broken(losses: dict[str, Tensor], row_sample: Tensor, ranks: Ranks) -> None:
    """All ranks stop at the same step, so that none waits for one that found its rows broken."""
    broken = {
        name: torch.nonzero(~torch.isfinite(loss)).reshape(-1) for name, loss in losses.items()
    }
    anywhere = ranks.most(*map(len, broken.values()))
    for (name, rows), most in zip(broken.items(), anywhere, strict=True):
        if len(rows):
            places = torch.unique(row_sample[rows])
            raise BrokenRows(name, rows.tolist(), places.tolist())
        if most:
            raise BrokenRows(name, [], [])


def _add_metric_gradient(
    model: UnclickedRecommender, leaves: dict[str, Tensor], losses: Losses, share: Share
) -> Norms:
    """Add the metric loss's gradient, capped, to the ranking loss's on the cut vectors."""
    names: list[str] = [
        name for name in ("clicked", "unclicked", "labels", "random") if name in leaves
    ]
    weights = list(model.plugin.fusion.parameters())
    first = {name: _or_zero(leaves[name].grad, leaves[name]) for name in names}
    mean = losses.metric.sum() / max(share.counted, 1)
    weighted = (0.0 if share.idle else losses.weight) * mean
    second: list[Tensor | None] = [None] * (len(names) + len(weights))
    if weighted.requires_grad and losses.weight > 0:
        inputs = [leaves[name] for name in names] + weights
        second = list(torch.autograd.grad(weighted, inputs, allow_unused=True))
    metric_at = {n: _or_zero(g, leaves[n]) for n, g in zip(names, second, strict=False)}
    norms = _norms(model.config.metric_grad_cap, first, metric_at, share)
    for name in names:
        leaves[name].grad = first[name] + norms.scale * metric_at[name]
    for weight, gradient in zip(weights, second[len(names) :], strict=True):
        if gradient is not None:
            weight.grad = norms.scale * gradient + _or_zero(weight.grad, weight)
    return norms


def _norms(most: float, first: dict[str, Tensor], second: dict[str, Tensor], share: Share) -> Norms:
    """Norms over all rows of the batch, and the scale that brings the second down to the cap."""
    product = float((first["clicked"] * second["clicked"]).sum())
    sums = [_square(first.values()), _square(second.values())]
    sums += [_square([first["clicked"]]), _square([second["clicked"]])]
    *squares, product = share.total([*sums, product])
    ranking_norm, metric_norm, at_ranking, at_metric = map(math.sqrt, squares)
    cap = most * ranking_norm
    scale = cap / metric_norm if most > 0 and metric_norm > cap else 1.0
    return Norms(at_ranking, at_metric, product, scale)


def _or_zero(gradient: Tensor | None, like: Tensor) -> Tensor:
    return torch.zeros_like(like) if gradient is None else gradient


def _square(gradients: Iterable[Tensor]) -> float:
    return sum(float(one.square().sum()) for one in gradients)


def _backward(trunk: dict[str, Tensor], leaves: dict[str, Tensor]) -> None:
    pairs = [
        (one, leaves[name].grad)
        for name, one in trunk.items()
        if one.requires_grad and leaves[name].grad is not None
    ]
    torch.autograd.backward([one for one, _ in pairs], [gradient for _, gradient in pairs])
