"""The sampled softmax and its gradients in one pass over blocks of rows, in memory used again."""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional

from unclicked.errors import UserError
from unclicked.losses.sampled_softmax import accidental_hits, check_shapes
from unclicked.losses.softmax_kernel import exponents

# Logits alive at a time: 512 rows of 20,000 negatives. Larger blocks leave the cache, smaller ones
# starve the matrix products.
BLOCK_LOGITS: Final = 10_240_000
LEAST_ROWS: Final = 64
PRECISIONS: Final = ("float32", "bfloat16")


def fused_sampled_softmax(
    user: Tensor,
    label_index: Tensor,
    label_mask: Tensor,
    negative_index: Tensor,
    item_vectors: Tensor,
    log_expected_labels: Tensor,
    log_expected_negatives: Tensor,
    *,
    logits: str = "float32",
    block_rows: int = 0,
) -> tuple[Tensor, Tensor]:
    """Mean of `sampled_softmax` over rows, with gradients made while the logits are at hand.

    The logits of all rows never exist together, and none is computed twice: each block of rows
    leaves its loss and its share of the gradients behind, and the next one takes its place.

    Args:
        user: User vectors, float [R, D], R at least 1.
        label_index: Row of `item_vectors` of each label, int64 [R, K].
        label_mask: bool [R, K], True where the label exists.
        negative_index: Row of `item_vectors` of each negative, int64 [S], distinct.
        item_vectors: float [n, D].
        log_expected_labels: Logarithm of the labels' expected counts, float [R, K].
        log_expected_negatives: The same for the negatives, float [S].
        logits: "float32" computes in the type of `user`; "bfloat16" rounds the factors of the three
            matrix products with the negatives, and the logits, to 8 binary digits, while sums
            of exponents, the labels' logits and sums over blocks stay in the type of `user`.
        block_rows: Rows of a block; 0 chooses by the number of negatives.

    Returns:
        The mean, a float scalar with a gradient to `user` and `item_vectors`; and each row's loss,
        float [R], without one.

    Raises:
        UserError: If shapes do not fit, or `logits` is neither.

    Source: section 4.3; the same numbers as `sampled_softmax`.

    Example:
        The scores are 0, 0 and the label's 0, so the loss is ln 3.

        >>> mean, rows = fused_sampled_softmax(
        ...     torch.zeros(1, 2), torch.tensor([[1]]), torch.tensor([[True]]),
        ...     torch.tensor([1, 2, 3]), torch.ones(4, 2), torch.zeros(1, 1), torch.zeros(3))
        >>> round(mean.item(), 6), round(rows[0].item(), 6)
        (1.098612, 1.098612)
    """
    check_shapes(user, label_index, label_mask, negative_index, item_vectors)
    if logits not in PRECISIONS:
        raise UserError("LOGITS", "logits", f"found {logits!r}, expected one of {PRECISIONS}.")
    rows = block_rows or max(LEAST_ROWS, BLOCK_LOGITS // max(len(negative_index), 1))
    mean, losses = _Fused.apply(  # type: ignore[no-untyped-call]
        user,
        item_vectors,
        label_index,
        label_mask,
        negative_index,
        log_expected_labels.to(user.dtype),
        log_expected_negatives.to(user.dtype),
        torch.bfloat16 if logits == "bfloat16" else user.dtype,
        rows,
    )
    return mean, losses


class _Fused(torch.autograd.Function):
    """Gradients are those of the mean; `backward` only scales them."""

    @staticmethod
    def forward(
        ctx: Any,
        user: Tensor,
        item_vectors: Tensor,
        label_index: Tensor,
        label_mask: Tensor,
        negative_index: Tensor,
        log_labels: Tensor,
        log_negatives: Tensor,
        kind: torch.dtype,
        block_rows: int,
    ) -> tuple[Tensor, Tensor]:
        count, dim = user.shape
        negatives = item_vectors.index_select(0, negative_index)
        hits = accidental_hits(label_index, label_mask, negative_index, len(item_vectors))
        losses = user.new_empty(count)
        to_user, to_negatives = torch.empty_like(user), torch.zeros_like(negatives)
        to_labels = user.new_empty(count, label_index.shape[1], dim)
        product = _Products(negatives, min(block_rows, count), kind)
        for begin in range(0, count, block_rows):
            block = slice(begin, min(begin + block_rows, count))
            here = (hits[0] >= block.start) & (hits[0] < block.stop)
            scores = product.scores(user[block])
            scores[hits[0][here] - begin, hits[1][here]] = -torch.inf
            # Not by indexing: the gradients of an item named twice would be added in any order.
            labels = functional.embedding(label_index[block], item_vectors)
            mask = label_mask[block]
            losses[block], share, weight = _softmax(
                user[block], labels, mask, log_labels[block], scores, log_negatives, count
            )
            # A row's weight times [D] instead of times [S].
            product.to_user(scores, to_user[block])
            to_user[block].mul_(weight)
            to_user[block] += torch.einsum("rk,rkd->rd", share, labels)
            product.add_to_negatives(scores, user[block] * weight, to_negatives)
            torch.mul(share[:, :, None], user[block][:, None, :], out=to_labels[block])
        to_items = torch.ops.aten.embedding_dense_backward(
            to_labels, label_index, len(item_vectors), -1, False
        )
        to_items.index_add_(0, negative_index, to_negatives)
        ctx.save_for_backward(to_user, to_items)
        ctx.mark_non_differentiable(losses)
        return losses.mean(), losses

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        to_user, to_items = ctx.saved_tensors
        return (to_user * gradient, to_items * gradient, *[None] * 7)


class _Products:
    """The three products with the negatives, in memory that every block uses again.

    Args:
        negatives: float [S, D].
        rows: Rows of the largest block.
        kind: Type of the factors and of the scores.
    """

    def __init__(self, negatives: Tensor, rows: int, kind: torch.dtype) -> None:
        self.rounded = kind != negatives.dtype
        self.negatives = negatives.to(kind)
        self.room = self.negatives.new_empty(rows, len(negatives))
        self.change = torch.empty_like(self.negatives) if self.rounded else None

    def scores(self, user: Tensor) -> Tensor:
        """Products of all pairs, [r, S]."""
        room = self.room[: len(user)]
        return torch.mm(user.to(room.dtype), self.negatives.T, out=room)

    def to_user(self, shares: Tensor, out: Tensor) -> None:
        """Sums of negatives by each row's shares, into [r, D]."""
        if self.rounded:
            out.copy_(torch.mm(shares, self.negatives))
        else:
            torch.mm(shares, self.negatives, out=out)

    def add_to_negatives(self, shares: Tensor, user: Tensor, out: Tensor) -> None:
        """Sums of user vectors by each negative's shares, added to [S, D]."""
        if self.change is None:
            out.addmm_(shares.T, user)
        else:
            out.add_(torch.mm(shares.T, user.to(shares.dtype), out=self.change))


def _softmax(
    user: Tensor,
    labels: Tensor,
    mask: Tensor,
    log_labels: Tensor,
    scores: Tensor,
    log_negatives: Tensor,
    count: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """Losses of a block, the gradient of the mean at its label logits [r, K], and a factor [r, 1].

    `scores` of the negatives become, in place, what times the factor is their logits' gradient. A
    row without labels has a loss and gradients of zero.
    """
    label_logits = torch.einsum("rd,rkd->rk", user, labels) - log_labels
    label_logits = label_logits.masked_fill(~mask, -torch.inf)
    some = mask.any(dim=1)
    number = mask.sum(dim=1).clamp(min=1)[:, None]
    top, total = exponents(scores, log_negatives, label_logits.amax(dim=1))
    top, total = top[:, None], total[:, None]
    label_chances = (label_logits - top).exp()
    total = total + label_chances.sum(dim=1, keepdim=True)
    target = label_logits.masked_fill(~mask, 0.0).sum(dim=1, keepdim=True) / number
    losses = (top + total.log() - target)[:, 0].masked_fill(~some, 0.0)
    weight = some[:, None].to(user.dtype) / count
    factor = weight / total.clamp(min=torch.finfo(user.dtype).tiny)
    target_share = mask.to(user.dtype) / number
    share = weight * (label_chances / total - target_share).masked_fill(~mask, 0.0)
    return losses, share, factor
