"""The squared error by worked numbers, by a loop and by differences."""

from __future__ import annotations

import pytest
import torch

from unclicked.errors import UserError
from unclicked.losses.regression import squared_error


def test_worked_numbers() -> None:
    user = torch.tensor([[1.0, 2.0], [0.0, -1.0], [5.0, 5.0]])
    labels = torch.tensor(
        [
            [[1.0, 0.0], [4.0, 6.0]],  # 4 and 9 + 16: mean 14.5
            [[2.0, 1.0], [0.0, 0.0]],  # 4 + 4; the second does not exist
            [[0.0, 0.0], [0.0, 0.0]],  # no label
        ]
    )
    mask = torch.tensor([[True, True], [True, False], [False, False]])
    assert squared_error(user, labels, mask).tolist() == [14.5, 8.0, 0.0]


def random_case() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    user = torch.randn(4, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    labels = torch.randn(4, 5, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    mask = torch.arange(5) < torch.tensor([5, 1, 0, 3])[:, None]
    return user, labels, mask


def test_equals_a_loop() -> None:
    user, labels, mask = random_case()
    for row, loss in enumerate(squared_error(user, labels, mask).tolist()):
        found = [
            sum((user[row, d] - labels[row, k, d]).item() ** 2 for d in range(3))
            for k in range(5)
            if mask[row, k]
        ]
        expected = sum(found) / len(found) if found else 0.0
        assert loss == pytest.approx(expected, abs=1e-12)


def test_gradients_are_those_of_differences() -> None:
    user, labels, mask = random_case()
    assert torch.autograd.gradcheck(lambda u, v: squared_error(u, v, mask), (user, labels))


def test_what_stands_where_there_is_no_label_changes_nothing() -> None:
    user, labels, mask = random_case()
    broken = labels.detach().masked_fill(~mask.unsqueeze(-1), float("nan"))
    loss = squared_error(user, broken, mask)
    assert torch.equal(loss, squared_error(user, labels, mask))
    loss.sum().backward()
    assert user.grad is not None
    assert bool(user.grad.isfinite().all())
    assert user.grad[2].abs().max() == 0.0


def test_the_best_guess_is_the_mean_of_the_labels() -> None:
    _, labels, mask = random_case()
    best = labels.detach()[0].mean(dim=0, keepdim=True).requires_grad_()
    squared_error(best, labels.detach()[:1], mask[:1]).sum().backward()
    assert best.grad is not None
    assert best.grad.abs().max() < 1e-12


@pytest.mark.parametrize(
    "shapes",
    [((2, 3), (2, 4, 2), (2, 4)), ((2, 3), (1, 4, 3), (1, 4)), ((2, 3), (2, 4, 3), (2, 1))]
    + [((2, 3, 1), (2, 4, 3), (2, 4)), ((3,), (2, 4, 3), (2, 4))],
)
def test_other_shapes_are_refused(shapes: tuple[tuple[int, ...], ...]) -> None:
    user, labels, mask = (torch.zeros(shape) for shape in shapes)
    with pytest.raises(UserError, match=r"squared_error.*expected \[R, D\], \[R, K, D\], \[R, K\]"):
        squared_error(user, labels, mask.bool())
