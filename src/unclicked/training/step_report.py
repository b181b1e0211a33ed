"""What one step saw, over all rows of the batch, for the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from unclicked.model import UnclickedRecommender
from unclicked.training.share import Share

GATE_QUANTILES = (0.1, 0.9)


@dataclass(frozen=True)
class Losses:
    """Both losses of each row, and masks: judged by the metric loss, with an unclicked list.

    `weight` is the metric loss's in this step.
    """

    ranking: Tensor
    metric: Tensor
    judged: Tensor
    has_unclicked: Tensor
    weight: float


@dataclass(frozen=True)
class Norms:
    """Norms of both gradients at the clicked vectors, their product, and the cap's scale."""

    ranking: float
    metric: float
    product: float
    scale: float


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


def report_of(
    model: UnclickedRecommender,
    leaves: Mapping[str, Tensor],
    losses: Losses,
    norms: Norms,
    share: Share,
) -> StepReport:
    """Put together what a step saw.

    Args:
        model: The model.
        leaves: The vectors of this rank's rows at which the graph was cut.
        losses: Both losses of these rows.
        norms: Of the gradients over all rows of the batch.
        share: This rank's share of the batch.

    Returns:
        Means over all rows of the batch, the same on all ranks.
    """
    judged = losses.judged
    h, n, c = (leaves[name].detach() for name in ("clicked", "unclicked", "labels"))
    distances = model.plugin.distances(h[judged], n[judged], c[judged])
    seen = [losses.ranking, losses.metric.detach()[judged], *distances.values()]
    gate = _gate(model, h[losses.has_unclicked], n[losses.has_unclicked])
    ranking, metric, *apart, gate = share.all_rows([*seen, gate])
    both = norms.ranking * norms.metric
    return StepReport(
        ranking_loss=float(ranking.mean()),
        metric_loss=_mean_of(metric),
        active_share=_mean_of((metric > 0).to(h.dtype)),
        **{name: _mean_of(one) for name, one in zip(distances, apart, strict=True)},
        ranking_norm=norms.ranking,
        metric_norm=norms.metric,
        cosine=norms.product / both if both > 0 else 0.0,
        metric_scale=norms.scale,
        num_rows=share.rows,
        metric_weight=losses.weight if model.config.metric_warmup_steps > 0 else None,
        **_gate_numbers(gate),
    )


@torch.no_grad()
def _gate(model: UnclickedRecommender, clicked: Tensor, unclicked: Tensor) -> Tensor:
    """Of each row with a list the gate's mean over dimensions; nothing where there is no gate."""
    if model.config.fusion != "confidence" or not len(clicked):
        return clicked.new_zeros(0)
    return model.plugin.gate(clicked, unclicked).mean(dim=1)


def _gate_numbers(gate: Tensor) -> dict[str, float]:
    """Mean, 10 % and 90 % quantile over rows."""
    if not len(gate):
        return {}
    # numpy's quantile has no limit on the number of values, torch's has.
    values = gate.cpu().numpy()
    low, high = np.quantile(values, GATE_QUANTILES)
    return {"gate_mean": float(values.mean()), "gate_low": float(low), "gate_high": float(high)}


def _mean_of(values: Tensor) -> float:
    return float(values.mean()) if len(values) else 0.0
