"""One training step: both losses, the cap of one by the other, one backward pass."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from unclicked.errors import NumericError
from unclicked.losses.sampled_softmax import sampled_softmax
from unclicked.model import Rows, UnclickedRecommender
from unclicked.sampling import LogUniform, SampledNegatives
from unclicked.tensors import TensorBatch

NUM_RANDOM_ITEMS = 5


@dataclass(frozen=True)
class _Losses:
    """Both losses of each row; the rows the metric loss is a mean over, and those it judges."""

    ranking: Tensor
    metric: Tensor
    counted: Tensor
    judged: Tensor


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


def training_step(
    model: UnclickedRecommender,
    batch: TensorBatch,
    negatives: SampledNegatives,
    sampler: LogUniform,
    generator: torch.Generator,
) -> StepReport:
    """Compute both losses of a batch and leave the gradients on the parameters and table rows.

    The graph is cut at the clicked, unclicked and label vectors. There the gradients of the
    ranking loss and of the weighted metric loss are known apart, so that the second can be capped
    by the first without a further backward pass; their sum then goes through encoder and towers.

    Args:
        model: The model, in training mode.
        batch: The batch; every row has a label.
        negatives: One draw for the whole batch.
        sampler: The sampler that drew them.
        generator: Randomness for random items, where the intermediate term is on.

    Returns:
        What is worth logging.

    Raises:
        NumericError: If a loss is NaN or infinite; it names rows of the batch.

    Source: Eq. 9; both losses are means over the same rows.
    Differs: with `metric_grad_cap` the metric loss's gradient at these vectors is scaled down to
        that multiple of the ranking loss's.
    """
    rows = model.encode(batch)
    trunk, label_rows, negative_rows = _trunk(model, batch, rows, negatives, generator)
    leaves = {name: one.detach().requires_grad_() for name, one in trunk.items()}
    ranking = sampled_softmax(
        model.plugin.fuse(leaves["clicked"], leaves["unclicked"]),
        label_rows,
        batch.labels > 0,
        negative_rows,
        leaves["vectors"],
        sampler.log_expected(batch.labels, negatives),
        negatives.log_expected.to(label_rows.device),
    )
    metric, counted = _metric(model, batch, rows, leaves)
    _refuse_broken(ranking, metric)
    ranking.mean().backward()
    losses = _Losses(ranking, metric, counted, rows.unclicked_mask & counted)
    report = _add_metric_gradient(model, leaves, losses)
    _backward(trunk, leaves)
    return report


def _trunk(
    model: UnclickedRecommender,
    batch: TensorBatch,
    rows: Rows,
    negatives: SampledNegatives,
    generator: torch.Generator,
) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    """The vectors at which the graph is cut, and where labels and negatives lie in `vectors`."""
    device = rows.clicked.device
    drawn = negatives.index.to(device)
    scored = torch.unique(torch.cat([batch.labels.reshape(-1), drawn]))
    vectors = model.item_vectors(scored)
    label_rows = torch.searchsorted(scored, batch.labels)
    from_output = model.config.label_source == "output"
    table, places = (vectors, label_rows) if from_output else (rows.items, batch.label_places)
    label_mask = batch.labels > 0
    mean, some = _mean(functional.embedding(places, table), label_mask)
    trunk = {
        "clicked": rows.clicked,
        "unclicked": model.plugin.encode_unclicked(rows.unclicked_mean, rows.unclicked_mask),
        "labels": model.plugin.encode_labels(mean, some),
        "vectors": vectors,
    }
    if model.config.intermediate_margin > 0:
        trunk["random"] = _random(model, len(rows.clicked), generator, device)
    return trunk, label_rows, torch.searchsorted(scored, drawn)


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


def _refuse_broken(ranking: Tensor, metric: Tensor) -> None:
    broken = torch.nonzero(~torch.isfinite(ranking + metric)).reshape(-1)
    if len(broken):
        named = ", ".join(str(row) for row in broken[:10].tolist())
        raise NumericError(
            "NAN-LOSS", f"rows {named} of the batch", "loss is NaN or infinite; nothing was moved."
        )


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
    weighted = model.config.metric_weight * mean
    second: list[Tensor | None] = [None] * (len(names) + len(weights))
    if weighted.requires_grad and model.config.metric_weight > 0:
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
        ranking_loss=float(losses.ranking.detach().mean()),
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
    )


def _mean_of(values: Tensor) -> float:
    return float(values.mean()) if len(values) else 0.0


def _backward(trunk: dict[str, Tensor], leaves: dict[str, Tensor]) -> None:
    pairs = [
        (one, leaves[name].grad)
        for name, one in trunk.items()
        if one.requires_grad and leaves[name].grad is not None
    ]
    torch.autograd.backward([one for one, _ in pairs], [gradient for _, gradient in pairs])
