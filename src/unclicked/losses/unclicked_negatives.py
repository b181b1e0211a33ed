"""Unclicked items as further negatives of the softmax: the plug-in's rival, to measure it by."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional


def with_unclicked_negatives(
    loss: Tensor, log_total: Tensor, scores: Tensor, mask: Tensor, *, weight: float
) -> Tensor:
    """Cross-entropies of rows whose denominators hold their unclicked items too.

    With Z the denominator that is there, and s the scores of a row's unclicked items, Z becomes
    Z + weight * sum e^s, and the loss grows by ln of the ratio of both.

    Args:
        loss: Cross-entropy of each row, float [R].
        log_total: ln Z of each row, float [R].
        scores: Scores of each row's unclicked items, float [R, N].
        mask: bool [R, N], True where there is one.
        weight: How many times each counts, above 0; where the whole catalogue is drawn, each
            stands in Z once already.

    Returns:
        float [R], not reduced; `loss` itself in rows without unclicked items.

    Source: none of the paper, which keeps unclicked items out of the negatives (section 4.3); hard
        negatives from impressions, as other libraries have them.

    Example:
        Two of four items, all with score 0, are unclicked: ln 4 becomes ln 6.

        >>> zeros = torch.zeros(1, 2)
        >>> four = torch.tensor([4.0]).log()
        >>> more = with_unclicked_negatives(four, four, zeros, zeros == 0, weight=1.0)
        >>> round(more.exp().item(), 4)
        6.0
    """
    if scores.shape[1] == 0:
        return loss
    some = mask.any(dim=1)
    # A log-sum of nothing has no gradient; what it gives is masked below.
    shown = scores.masked_fill(~mask, -torch.inf).masked_fill(~some[:, None], 0.0)
    ratio = torch.logsumexp(shown, dim=1) - log_total + math.log(weight)
    return loss + functional.softplus(ratio).masked_fill(~some, 0.0)
