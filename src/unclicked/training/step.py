"""One training step: both losses, the cap of one by the other, one backward pass."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from unclicked.errors import NumericError
from unclicked.model import Rows, UnclickedRecommender
from unclicked.sampling import LogUniform, SampledNegatives
from unclicked.tensors import TensorBatch
from unclicked.training.metric_step import metric_weight_at, permuted_rows
from unclicked.training.ranking import ranking_loss, scored_items

NUM_RANDOM_ITEMS = 5
GATE_QUANTILES = (0.1, 0.9)


@dataclass(frozen=True)
class _Losses:
    """Both losses of each row, and masks: counted by the metric loss, judged by it, with a list.

    `weight` is the metric loss's in this step.
    """

    ranking: Tensor
    metric: Tensor
    counted: Tensor
    judged: Tensor
    has_unclicked: Tensor
    weight: float


@dataclass(frozen=True)
class StepReport:
    """What one step saw, for the log; floats are means over the rows they concern."""

    ranking_loss: float
    metric_loss: float
    active_share: float
    clicked_label: float
    clicked_unclicked: float
    label_unclicked: float
    ranking_norm: float
    metric_norm: float
    cosine: float
    metric_scale: float
    num_rows: int
    # Only where a confidence network decides how much of the unclicked vector is taken away.
    gate_mean: float | None = None
    gate_low: float | None = None
    gate_high: float | None = None
    # Only where the weight of the metric loss is not the same in every step.
    metric_weight: float | None = None


def training_step(
    model: UnclickedRecommender,
    batch: TensorBatch,
    negatives: SampledNegatives | None,
    sampler: LogUniform,
    generator: torch.Generator,
    step: int,
) -> StepReport:
    """Compute both losses of a batch and leave the gradients on the parameters and table rows.

    The graph is cut at the clicked, unclicked and label vectors. There the gradients of the
    ranking loss and of the weighted metric loss are known apart, so that the second can be capped
    by the first without a further backward pass; their sum then goes through encoder and towers.

    Args:
        model: The model, in training mode.
        batch: The batch; every row has a label.
        negatives: One draw for the whole batch; None is the squared error, which needs none.
        sampler: The sampler that drew them.
        generator: Randomness of this step, for random items where the intermediate term is on and
            for the order of permuted labels.
        step: Steps of the run before this one, at least 0, for the warm-up.

    Returns:
        What is worth logging.

    Raises:
        NumericError: If a loss is NaN or infinite; it names rows of the batch.

    Source: Eq. 9; both losses are means over the same rows.
    Differs: with `metric_grad_cap` the metric loss's gradient at these vectors is scaled down to
        that multiple of the ranking loss's.
    """
    rows = model.encode(batch)
    scored = scored_items(batch.labels, negatives)
    trunk = _trunk(model, batch, rows, scored, generator)
    leaves = {name: one.detach().requires_grad_() for name, one in trunk.items()}
    user = model.plugin.fuse(leaves["clicked"], leaves["unclicked"])
    mean, ranking = ranking_loss(user, batch.labels, scored, leaves["vectors"], negatives, sampler)
    metric, counted = _metric(model, batch, rows, leaves)
    _refuse_broken({"ranking loss": ranking, "metric loss": metric}, batch.row_sample)
    mean.backward()
    judged = rows.unclicked_mask & counted
    weight = metric_weight_at(model.config, step)
    losses = _Losses(ranking, metric, counted, judged, rows.unclicked_mask, weight)
    report = _add_metric_gradient(model, leaves, losses)
    _backward(trunk, leaves)
    return report


def _trunk(
    model: UnclickedRecommender,
    batch: TensorBatch,
    rows: Rows,
    scored: Tensor,
    generator: torch.Generator,
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
        trunk["random"] = _random(model, len(rows.clicked), generator, vectors.device)
    if model.config.metric_labels == "permuted":
        # The ranking loss reads its labels from `vectors`, so only the metric loss sees this.
        trunk["labels"] = trunk["labels"][permuted_rows(some, generator)]
    return trunk


def _mean(vectors: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    weight = mask.to(vectors.dtype)
    total = (vectors * weight[..., None]).sum(dim=1)
    return total / weight.sum(dim=1).clamp(min=1)[:, None], mask.any(dim=1)


def _random(
    model: UnclickedRecommender, count: int, generator: torch.Generator, device: torch.device
) -> Tensor:
    shape = (count, NUM_RANDOM_ITEMS)
    drawn = torch.randint(1, model.num_items + 1, shape, generator=generator).to(device)
    distinct, place = torch.unique(drawn, return_inverse=True)
    mean = functional.embedding(place, model.tower(distinct)).mean(dim=1)
    return model.plugin.encode_unclicked(mean, torch.ones(count, dtype=torch.bool, device=device))


def _metric(
    model: UnclickedRecommender, batch: TensorBatch, rows: Rows, leaves: dict[str, Tensor]
) -> tuple[Tensor, Tensor]:
    """Metric loss of each row, and the rows that it is a mean over."""
    counted = torch.ones_like(batch.row_is_last)
    if model.config.metric_positions == "last":
        counted = batch.row_is_last
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
        rows: The rows.
        places: Place in the batch of each row's sample.
    """

    def __init__(self, loss: str, rows: list[int], places: list[int]) -> None:
        self.places = places
        named = ", ".join(map(str, rows[:10]))
        where = f"rows {named} of the batch"
        super().__init__("NAN-LOSS", where, f"the {loss} is NaN or infinite; nothing was moved.")


def _refuse_broken(losses: dict[str, Tensor], row_sample: Tensor) -> None:
    for name, loss in losses.items():
        broken = torch.nonzero(~torch.isfinite(loss)).reshape(-1)
        if len(broken):
            places = torch.unique(row_sample[broken])
            raise BrokenRows(name, broken.tolist(), places.tolist())


def _add_metric_gradient(
    model: UnclickedRecommender, leaves: dict[str, Tensor], losses: _Losses
) -> StepReport:
    """Add the metric loss's gradient, capped, to the ranking loss's on the cut vectors."""
    names: list[str] = [
        name for name in ("clicked", "unclicked", "labels", "random") if name in leaves
    ]
    weights = list(model.plugin.fusion.parameters())
    first = {name: _or_zero(leaves[name].grad, leaves[name]) for name in names}
    mean = losses.metric.sum() / losses.counted.sum().clamp(min=1)
    weighted = losses.weight * mean
    second: list[Tensor | None] = [None] * (len(names) + len(weights))
    if weighted.requires_grad and losses.weight > 0:
        inputs = [leaves[name] for name in names] + weights
        second = list(torch.autograd.grad(weighted, inputs, allow_unused=True))
    metric_at = {n: _or_zero(g, leaves[n]) for n, g in zip(names, second, strict=False)}
    ranking_norm = _norm(first.values())
    metric_norm = _norm(metric_at.values())
    cap = model.config.metric_grad_cap * ranking_norm
    scale = cap / metric_norm if model.config.metric_grad_cap > 0 and metric_norm > cap else 1.0
    for name in names:
        leaves[name].grad = first[name] + scale * metric_at[name]
    for weight, gradient in zip(weights, second[len(names) :], strict=True):
        if gradient is not None:
            weight.grad = scale * gradient + _or_zero(weight.grad, weight)
    return _report(model, leaves, losses, first, metric_at, scale)


def _or_zero(gradient: Tensor | None, like: Tensor) -> Tensor:
    return torch.zeros_like(like) if gradient is None else gradient


def _norm(gradients: Iterable[Tensor]) -> float:
    return math.sqrt(sum(float(one.square().sum()) for one in gradients))


def _report(
    model: UnclickedRecommender,
    leaves: dict[str, Tensor],
    losses: _Losses,
    first: dict[str, Tensor],
    second: dict[str, Tensor],
    scale: float,
) -> StepReport:
    judged, metric = losses.judged, losses.metric.detach()[losses.judged]
    at_ranking, at_metric = _norm([first["clicked"]]), _norm([second["clicked"]])
    product = float((first["clicked"] * second["clicked"]).sum())
    h, n, c = (leaves[name].detach() for name in ("clicked", "unclicked", "labels"))
    distances = model.plugin.distances(h[judged], n[judged], c[judged])
    means = {name: _mean_of(one) for name, one in distances.items()}
    return StepReport(
        ranking_loss=float(losses.ranking.mean()),
        metric_loss=_mean_of(metric),
        active_share=_mean_of((metric > 0).to(h.dtype)),
        clicked_label=means["clicked_label"],
        clicked_unclicked=means["clicked_unclicked"],
        label_unclicked=means["label_unclicked"],
        ranking_norm=at_ranking,
        metric_norm=at_metric,
        cosine=product / (at_ranking * at_metric) if at_ranking * at_metric > 0 else 0.0,
        metric_scale=scale,
        num_rows=len(h),
        metric_weight=losses.weight if model.config.metric_warmup_steps > 0 else None,
        **_gate(model, h[losses.has_unclicked], n[losses.has_unclicked]),
    )


@torch.no_grad()
def _gate(model: UnclickedRecommender, clicked: Tensor, unclicked: Tensor) -> dict[str, float]:
    """Mean, 10 % and 90 % quantile over rows of the gate's mean over dimensions."""
    if model.config.fusion != "confidence" or not len(clicked):
        return {}
    # numpy's quantile has no limit on the number of values, torch's has.
    gate = model.plugin.gate(clicked, unclicked).mean(dim=1).cpu().numpy()
    low, high = np.quantile(gate, GATE_QUANTILES)
    return {"gate_mean": float(gate.mean()), "gate_low": float(low), "gate_high": float(high)}


def _mean_of(values: Tensor) -> float:
    return float(values.mean()) if len(values) else 0.0


def _backward(trunk: dict[str, Tensor], leaves: dict[str, Tensor]) -> None:
    pairs = [
        (one, leaves[name].grad)
        for name, one in trunk.items()
        if one.requires_grad and leaves[name].grad is not None
    ]
    torch.autograd.backward([one for one, _ in pairs], [gradient for _, gradient in pairs])
