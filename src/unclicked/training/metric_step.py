"""What the metric loss is given in one step: its weight, and labels in another order."""

from __future__ import annotations

import torch
from torch import Tensor

from unclicked.config import ModelConfig


def metric_weight_at(config: ModelConfig, step: int) -> float:
    """Weight of the metric loss in a step; it rises in a straight line during the warm-up.

    Where `metric_grad_cap` binds, the gradient has the cap's norm whatever the weight: a warm-up
    then only matters in the steps whose weighted gradient is still below the cap.

    Args:
        config: The `[model]` table.
        step: Steps of the run before this one, at least 0.

    Returns:
        `metric_weight`, or the share step / `metric_warmup_steps` of it while that is below 1.

    Example:
        >>> config = ModelConfig(metric_weight=2.0, metric_warmup_steps=4)
        >>> [metric_weight_at(config, step) for step in (0, 1, 4, 9)]
        [0.0, 0.5, 2.0, 2.0]
    """
    if step >= config.metric_warmup_steps:
        return config.metric_weight
    return config.metric_weight * step / config.metric_warmup_steps


def permuted_rows(mask: Tensor, generator: torch.Generator) -> Tensor:
    """Row numbers in a random order among the rows of a mask; the others keep their place.

    Args:
        mask: Rows to permute, bool [R].
        generator: A CPU generator.

    Returns:
        A permutation of 0 to R - 1, int64 [R]; by chance a row may be given itself.

    Example:
        >>> mask = torch.tensor([True, False, True, False])
        >>> order = permuted_rows(mask, torch.Generator().manual_seed(0))
        >>> order[1].item(), order[3].item(), sorted(order.tolist())
        (1, 3, [0, 1, 2, 3])
    """
    order = torch.arange(len(mask), device=mask.device)
    chosen = order[mask]
    order[mask] = chosen[torch.randperm(len(chosen), generator=generator).to(mask.device)]
    return order
