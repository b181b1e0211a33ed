"""Sampled softmax with several labels a row, expected-count correction and accidental hits."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from unclicked.errors import UserError


def sampled_softmax(
    user: Tensor,
    label_index: Tensor,
    label_mask: Tensor,
    negative_index: Tensor,
    item_vectors: Tensor,
    log_expected_labels: Tensor,
    log_expected_negatives: Tensor,
) -> Tensor:
    """Cross-entropy of each row's labels against one shared draw of negatives.

    All labels and all negatives of a row stand in one denominator, each logit less the logarithm
    of its expected count; the target is spread evenly over the row's labels. A negative that is
    one of the row's labels is taken out for that row.

    Args:
        user: User vectors, float [R, D].
        label_index: Row of `item_vectors` of each label, int64 [R, K].
        label_mask: bool [R, K], True where the label exists.
        negative_index: Row of `item_vectors` of each negative, int64 [S], distinct.
        item_vectors: float [V + 1, D], or only the rows that the indices name.
        log_expected_labels: Logarithm of the labels' expected counts, float [R, K].
        log_expected_negatives: The same for the negatives, float [S].

    Returns:
        float [R], not reduced, at least ln of the number of labels; 0 for a row without labels.

    Raises:
        UserError: If shapes do not fit.

    Source: section 4.3; `sampled_softmax_loss` as the official SDM code calls it.
    Differs: rows with fewer than K labels share the target among those that exist; the official
        code needs exactly K.

    Example:
        With every item a label or a negative and no correction it is the full softmax: the scores
        are 0, 0 and the label's 0, so the loss is ln 3.

        >>> loss = sampled_softmax(
        ...     torch.zeros(1, 2), torch.tensor([[1]]), torch.tensor([[True]]),
        ...     torch.tensor([1, 2, 3]), torch.ones(4, 2), torch.zeros(1, 1), torch.zeros(3))
        >>> round(loss.item(), 6)
        1.098612
    """
    given = (user, label_index, label_mask, negative_index, item_vectors)
    return with_log_total(*given, log_expected_labels, log_expected_negatives)[0]


def with_log_total(
    user: Tensor,
    label_index: Tensor,
    label_mask: Tensor,
    negative_index: Tensor,
    item_vectors: Tensor,
    log_expected_labels: Tensor,
    log_expected_negatives: Tensor,
) -> tuple[Tensor, Tensor]:
    """The cross-entropies of `sampled_softmax`, and the logarithms of their denominators.

    Args:
        user: User vectors, float [R, D].
        label_index: Row of `item_vectors` of each label, int64 [R, K].
        label_mask: bool [R, K], True where the label exists.
        negative_index: Row of `item_vectors` of each negative, int64 [S], distinct.
        item_vectors: float [V + 1, D], or only the rows that the indices name.
        log_expected_labels: Logarithm of the labels' expected counts, float [R, K].
        log_expected_negatives: The same for the negatives, float [S].

    Returns:
        float [R] each; in a row without labels the loss is 0 and the other one means nothing.

    Raises:
        UserError: If shapes do not fit.
    """
    check_shapes(user, label_index, label_mask, negative_index, item_vectors)
    dtype = user.dtype
    # Not by indexing: the gradients of an item named twice would be added in any order.
    label_vectors = functional.embedding(label_index, item_vectors)
    label_logits = torch.einsum("rd,rkd->rk", user, label_vectors)
    label_logits = label_logits - log_expected_labels.to(dtype)
    label_logits = label_logits.masked_fill(~label_mask, -torch.inf)
    negatives = item_vectors[negative_index]
    # One pass over the largest tensor of a step: product and correction together.
    negative_logits = torch.addmm(-log_expected_negatives.to(dtype), user, negatives.T)
    row, column = accidental_hits(label_index, label_mask, negative_index, len(item_vectors))
    negative_logits.index_put_((row, column), negative_logits.new_tensor(-torch.inf))
    logits = torch.cat([label_logits, negative_logits], dim=1)
    has_label = label_mask.any(dim=1)
    if not bool(has_label.all()):
        # A row without labels and negatives would be a log-sum of nothing; its loss is 0 by mask.
        logits = logits.masked_fill(~has_label[:, None], 0.0)
    count = label_mask.sum(dim=1).clamp(min=1)
    mean_label = label_logits.masked_fill(~label_mask, 0.0).sum(dim=1) / count
    log_total = torch.logsumexp(logits, dim=1)
    return (log_total - mean_label).masked_fill(~has_label, 0.0), log_total


def refined_softmax(
    user: Tensor,
    label_index: Tensor,
    label_mask: Tensor,
    negative_index: Tensor,
    item_vectors: Tensor,
    label_chance: Tensor,
    log_expected_negatives: Tensor,
) -> Tensor:
    """Cross-entropy of each label against the drawn negatives, the label's own logit as it is.

    A label is there with probability 1, however seldom it would be drawn: only negatives are
    corrected, for a draw that could not have given the label. Each label of a row stands alone
    against the negatives; the row's loss is the mean over them.

    Args:
        user: User vectors, float [R, D].
        label_index: Row of `item_vectors` of each label, int64 [R, K].
        label_mask: bool [R, K], True where the label exists.
        negative_index: Row of `item_vectors` of each negative, int64 [S], distinct.
        item_vectors: float [V + 1, D], or only the rows that the indices name.
        label_chance: Chance of each label in one draw, float [R, K], below 1; 0 where the draw is
            the whole catalogue.
        log_expected_negatives: Logarithm of the negatives' expected counts, float [S].

    Returns:
        float [R], not reduced, at least 0; 0 for a row without labels.

    Raises:
        UserError: If shapes do not fit.

    Source: "Correcting the LogQ Correction" (arXiv 2507.09331).
    Differs: the paper multiplies by 1 - p without a gradient, which has the gradient of this
        cross-entropy; it draws with replacement and has one label.

    Example:
        The label and two other items score 0 and the draw is all three: the loss is ln 3.

        >>> loss = refined_softmax(
        ...     torch.zeros(1, 2), torch.tensor([[1]]), torch.tensor([[True]]),
        ...     torch.tensor([1, 2, 3]), torch.ones(4, 2), torch.zeros(1, 1), torch.zeros(3))
        >>> round(loss.item(), 6)
        1.098612
    """
    check_shapes(user, label_index, label_mask, negative_index, item_vectors)
    dtype = user.dtype
    label_vectors = functional.embedding(label_index, item_vectors)
    label_logits = torch.einsum("rd,rkd->rk", user, label_vectors)
    negatives = item_vectors[negative_index]
    logits = torch.addmm(-log_expected_negatives.to(dtype), user, negatives.T)
    row, column = accidental_hits(label_index, label_mask, negative_index, len(item_vectors))
    logits.index_put_((row, column), logits.new_tensor(-torch.inf))
    # Where all that was drawn are the row's labels nothing is left to tell them from.
    alone = torch.isneginf(logits).all(dim=1)
    others = torch.logsumexp(logits.masked_fill(alone[:, None], 0.0), dim=1)
    others = others[:, None] + torch.log1p(-label_chance.to(dtype))
    losses = functional.softplus(others - label_logits)
    losses = losses.masked_fill(~label_mask | alone[:, None], 0.0)
    return losses.sum(dim=1) / label_mask.sum(dim=1).clamp(min=1)


def accidental_hits(
    label_index: Tensor, label_mask: Tensor, negative_index: Tensor, num_rows: int
) -> tuple[Tensor, Tensor]:
    """Where a negative is one of a row's own labels.

    Args:
        label_index: int64 [R, K].
        label_mask: bool [R, K].
        negative_index: int64 [S], distinct.
        num_rows: Number of rows that indices can name.

    Returns:
        Row and column, int64 [hits] each.

    Example:
        >>> r, c = accidental_hits(
        ...     torch.tensor([[4, 2]]), torch.tensor([[True, True]]), torch.tensor([1, 2]), 5)
        >>> r.tolist(), c.tolist()
        ([0], [1])
    """
    column_of = torch.full((num_rows,), -1, dtype=torch.int64, device=label_index.device)
    column_of[negative_index] = torch.arange(len(negative_index), device=label_index.device)
    column = column_of[label_index].masked_fill(~label_mask, -1)
    row, slot = torch.nonzero(column >= 0, as_tuple=True)
    return row, column[row, slot]


def check_shapes(
    user: Tensor,
    label_index: Tensor,
    label_mask: Tensor,
    negative_index: Tensor,
    item_vectors: Tensor,
) -> None:
    """Refuse tensors that do not belong together.

    Args:
        user: Expected [R, D].
        label_index: Expected [R, K].
        label_mask: Expected [R, K].
        negative_index: Expected [S].
        item_vectors: Expected [n, D].

    Raises:
        UserError: If shapes do not fit.
    """
    fits = (
        user.ndim == 2
        and label_index.ndim == 2
        and label_index.shape == label_mask.shape
        and len(user) == len(label_index)
        and negative_index.ndim == 1
        and item_vectors.ndim == 2
        and item_vectors.shape[1] == user.shape[1]
    )
    if not fits:
        raise UserError(
            "SHAPE",
            "sampled_softmax",
            f"user {tuple(user.shape)}, label_index {tuple(label_index.shape)}, label_mask "
            f"{tuple(label_mask.shape)}, negative_index {tuple(negative_index.shape)}, "
            f"item_vectors {tuple(item_vectors.shape)}; expected [R, D], [R, K], [R, K], [S], "
            "[V + 1, D].",
        )
