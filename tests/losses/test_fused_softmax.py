"""The fused loss against worked numbers and against plain autograd, in blocks of every size."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from unclicked.errors import UserError
from unclicked.losses.fused_softmax import fused_sampled_softmax
from unclicked.losses.sampled_softmax import sampled_softmax
from unclicked.sampling import LogUniform

ITEMS = torch.tensor([[0.5, 0.1], [-0.3, 0.4], [0.2, -0.6], [0.9, 0.3], [-0.7, -0.2], [0.0, 1.0]])


def drawn(seed: int, dtype: torch.dtype, mask_share: float = 0.7) -> list[Tensor]:
    """Rows of 4 labels among 40 items, 25 negatives: many accidental hits and double labels."""
    random = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=random, dtype=torch.float64).to(dtype)

    labels = torch.randint(0, 40, (23, 4), generator=random)
    labels[3, 1] = labels[3, 0]
    mask = torch.rand(23, 4, generator=random) < mask_share
    mask[5] = False
    negatives = torch.randperm(40, generator=random)[:25]
    return [
        3 * normal(23, 6), labels, mask, negatives, normal(40, 6), normal(23, 4), normal(25),
    ]  # fmt: skip


def gradients(arguments: list[Tensor], block_rows: int | None) -> tuple[Tensor, Tensor, Tensor]:
    """Losses of the rows and both gradients of three times the mean; None is plain autograd."""
    leaves = list(arguments)
    leaves[0], leaves[4] = (leaves[i].clone().requires_grad_() for i in (0, 4))
    if block_rows is None:
        rows = sampled_softmax(*leaves)
        mean = rows.mean()
    else:
        mean, rows = fused_sampled_softmax(*leaves, block_rows=block_rows)
        assert not rows.requires_grad
    (3 * mean).backward()
    assert leaves[0].grad is not None and leaves[4].grad is not None
    return rows.detach(), leaves[0].grad, leaves[4].grad


def test_worked_example() -> None:
    log_counts = torch.log(LogUniform(6).expected_count(torch.arange(6), 5)).float()
    labels, negatives = torch.tensor([[0, 3], [5, 5]]), torch.tensor([0, 1, 4])
    users = torch.tensor([[1.0, -0.5], [0.2, 0.8]])
    mask = torch.ones(2, 2, dtype=torch.bool)
    counts = (log_counts[labels], log_counts[negatives])
    mean, rows = fused_sampled_softmax(users, labels, mask, negatives, ITEMS, *counts)
    assert rows.tolist() == pytest.approx([1.111919, 1.022488], abs=2e-6)
    assert float(mean) == pytest.approx(1.067203, abs=2e-6)


@pytest.mark.parametrize("block_rows", [1, 2, 7, 23, 100, 0])
def test_gradients_of_plain_autograd(block_rows: int) -> None:
    for seed in range(5):
        arguments = drawn(seed, torch.float64)
        for found, expected in zip(
            gradients(arguments, block_rows), gradients(arguments, None), strict=True
        ):
            assert torch.allclose(found, expected, rtol=1e-12, atol=1e-14)


def test_single_precision_is_within_a_hundred_thousandth() -> None:
    for seed in range(5):
        exact = gradients(drawn(seed, torch.float64), None)
        single = gradients(drawn(seed, torch.float32), 4)
        for found, expected in zip(single, exact, strict=True):
            assert float((found - expected).norm() / expected.norm()) < 1e-5


def test_a_row_without_labels_gives_nothing() -> None:
    arguments = drawn(1, torch.float64)
    rows, to_user, _ = gradients(arguments, 3)
    assert float(rows[5]) == 0.0
    assert to_user[5].tolist() == [0.0] * 6
    arguments[2][:] = False
    rows, to_user, to_items = gradients(arguments, 3)
    assert not rows.any() and not to_user.any() and not to_items.any()


def test_all_negatives_are_the_rows_own_labels() -> None:
    """Nothing is left to tell the labels from: ln 2 for two equal ones, and no gradient."""
    arguments = [
        torch.ones(1, 2), torch.tensor([[0, 1]]), torch.ones(1, 2, dtype=torch.bool),
        torch.tensor([0, 1]), torch.ones(2, 2), torch.zeros(1, 2), torch.zeros(2),
    ]  # fmt: skip
    rows, to_user, to_items = gradients(arguments, 0)
    assert float(rows[0]) == pytest.approx(0.693147, abs=1e-6)
    assert float(to_user.abs().max()) < 1e-7 and float(to_items.abs().max()) < 1e-7


@pytest.mark.parametrize("size", [200.0, 1e4])
def test_large_logits_stay_finite(size: float) -> None:
    arguments = drawn(2, torch.float32)
    arguments[0] = arguments[0] * size
    for found, expected in zip(gradients(arguments, 5), gradients(arguments, None), strict=True):
        assert bool(torch.isfinite(found).all())
        assert torch.allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_a_broken_row_is_told_by_its_loss_alone() -> None:
    arguments = drawn(3, torch.float32)
    arguments[0][7, 2] = torch.nan
    _, rows = fused_sampled_softmax(*arguments, block_rows=4)
    assert torch.nonzero(torch.isnan(rows)).reshape(-1).tolist() == [7]


def test_the_same_twice_bit_for_bit() -> None:
    arguments = drawn(4, torch.float32)
    for one, other in zip(gradients(arguments, 6), gradients(arguments, 6), strict=True):
        assert torch.equal(one, other)


def test_shapes_are_refused() -> None:
    arguments = drawn(0, torch.float32)
    arguments[4] = arguments[4][:, :3]
    with pytest.raises(UserError, match="item_vectors"):
        fused_sampled_softmax(*arguments)
