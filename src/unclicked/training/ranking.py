"""The ranking loss of a step: sampled softmax, or the squared error where nothing is drawn."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from unclicked.losses.fused_softmax import fused_sampled_softmax
from unclicked.losses.regression import squared_error
from unclicked.sampling import LogUniform, SampledNegatives


def scored_items(labels: Tensor, negatives: SampledNegatives | None) -> Tensor:
    """Items whose vectors the ranking loss needs.

    Args:
        labels: int64 [R, K], 0 where there is none.
        negatives: One draw for the whole batch, or None where the loss needs none.

    Returns:
        int64 [n], distinct, ascending.

    Example:
        >>> scored_items(torch.tensor([[7, 3], [3, 0]]), None).tolist()
        [0, 3, 7]
    """
    named = labels.reshape(-1)
    if negatives is not None:
        named = torch.cat([named, negatives.index.to(labels.device)])
    distinct: Tensor = torch.unique(named)
    return distinct


def ranking_loss(
    user: Tensor,
    labels: Tensor,
    scored: Tensor,
    vectors: Tensor,
    negatives: SampledNegatives | None,
    sampler: LogUniform,
    logits: str = "float32",
) -> tuple[Tensor, Tensor]:
    """The ranking loss of a batch.

    Args:
        user: User vectors, float [R, D].
        labels: int64 [R, K], item indices, 0 where there is none.
        scored: int64 [n], what `scored_items` gave.
        vectors: Vectors of these items, float [n, D].
        negatives: One draw for the sampled softmax; None is the squared error.
        sampler: The sampler that drew them.
        logits: Precision of the products with the negatives, "float32" or "bfloat16".

    Returns:
        Its mean over rows, a float scalar with a gradient; and each row's, float [R], without.

    Source: section 4.3 of the paper; the squared error is BINN's.
    """
    label_rows, label_mask = torch.searchsorted(scored, labels), labels > 0
    if negatives is None:
        rows = squared_error(user, functional.embedding(label_rows, vectors), label_mask)
        return rows.mean(), rows.detach()
    return fused_sampled_softmax(
        user,
        label_rows,
        label_mask,
        torch.searchsorted(scored, negatives.index.to(labels.device)),
        vectors,
        sampler.log_expected(labels, negatives),
        negatives.log_expected.to(labels.device),
        logits=logits,
    )
