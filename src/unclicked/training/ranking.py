"""The ranking loss of a step: sampled softmax, or the squared error where nothing is drawn."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from unclicked.losses.fused_softmax import fused_sampled_softmax
from unclicked.losses.regression import squared_error
from unclicked.losses.sampled_softmax import refined_softmax, with_log_total
from unclicked.losses.unclicked_negatives import with_unclicked_negatives
from unclicked.sampling import LogUniform, SampledNegatives
from unclicked.tensors import TensorBatch, unclicked_pairs


@dataclass(frozen=True)
class UnclickedNegatives:
    """The unclicked items of a batch as negatives of their own rows.

    Attributes:
        items: int64 [R, N], item indices, 0 where there is none.
        weight: How many times each counts, with e^score; a drawn item has e^score over its expected
            count, so that the same weight is more beside a smaller draw of a larger catalogue.
    """

    items: Tensor
    weight: float


def unclicked_negatives(batch: TensorBatch, weight: float) -> UnclickedNegatives | None:
    """The unclicked items of each row, without those that it has as a label.

    Args:
        batch: The batch.
        weight: How many times each counts, at least 0.

    Returns:
        Them; None where the weight is 0.
    """
    if weight == 0:
        return None
    row, slot, place = unclicked_pairs(batch)
    length = int(slot.max()) + 1 if len(slot) else 0
    items = torch.zeros(len(batch.labels), length, dtype=torch.int64, device=row.device)
    items[row, slot] = batch.items[place]
    # Passed over now and clicked next: the accidental hits of a draw.
    own = (items[:, :, None] == batch.labels[:, None, :]).any(dim=2)
    return UnclickedNegatives(items.masked_fill(own, 0), weight)


def scored_items(
    labels: Tensor,
    negatives: SampledNegatives | None,
    unclicked: UnclickedNegatives | None = None,
) -> Tensor:
    """Items whose vectors the ranking loss needs.

    Args:
        labels: int64 [R, K], 0 where there is none.
        negatives: One draw for the whole batch, or None where the loss needs none.
        unclicked: Further negatives of each row.

    Returns:
        int64 [n], distinct, ascending.

    Example:
        >>> scored_items(torch.tensor([[7, 3], [3, 0]]), None).tolist()
        [0, 3, 7]
    """
    named = labels.reshape(-1)
    if negatives is not None:
        named = torch.cat([named, negatives.index.to(labels.device)])
    if unclicked is not None:
        named = torch.cat([named, unclicked.items.reshape(-1)])
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
    unclicked: UnclickedNegatives | None = None,
    logq: str = "tf",
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
        unclicked: Further negatives of each row; with them all products are in float32.
        logq: Which logits are corrected: "tf" labels and negatives, "refined" negatives alone, by
            autograd and in float32, without further negatives.

    Returns:
        Its mean over rows, a float scalar with a gradient; and each row's, float [R], without.

    Source: section 4.3 of the paper; the squared error is BINN's.
    """
    label_rows, label_mask = torch.searchsorted(scored, labels), labels > 0
    if negatives is None:
        rows = squared_error(user, functional.embedding(label_rows, vectors), label_mask)
        return rows.mean(), rows.detach()
    drawn_rows = torch.searchsorted(scored, negatives.index.to(labels.device))
    log_expected = negatives.log_expected.to(labels.device)
    if logq == "refined":
        # Of a draw that is the whole catalogue nothing is corrected.
        chance = sampler.probability((labels - 1).clamp(min=0)) * (negatives.tries > 0)
        known = (user, label_rows, label_mask, drawn_rows, vectors, chance, log_expected)
        rows = refined_softmax(*known)
        return rows.mean(), rows.detach()
    expected = sampler.log_expected(labels, negatives)
    given = (user, label_rows, label_mask, drawn_rows, vectors, expected, log_expected)
    if unclicked is None:
        return fused_sampled_softmax(*given, logits=logits)
    rows = _against_unclicked(*given, torch.searchsorted(scored, unclicked.items), unclicked)
    return rows.mean(), rows.detach()


def _against_unclicked(
    user: Tensor,
    label_rows: Tensor,
    label_mask: Tensor,
    negative_rows: Tensor,
    vectors: Tensor,
    expected: Tensor,
    expected_negatives: Tensor,
    unclicked_rows: Tensor,
    unclicked: UnclickedNegatives,
) -> Tensor:
    """Each row's loss by autograd, which holds all logits: the fused one gives a mean alone."""
    loss, log_total = with_log_total(
        user, label_rows, label_mask, negative_rows, vectors, expected, expected_negatives
    )
    # One product with each distinct item is less than one with each row's own copies of them.
    distinct, place = torch.unique(unclicked_rows, return_inverse=True)
    scores = (user @ functional.embedding(distinct, vectors).T).gather(1, place)
    mask = (unclicked.items > 0) & label_mask.any(dim=1)[:, None]
    return with_unclicked_negatives(loss, log_total, scores, mask, weight=unclicked.weight)
