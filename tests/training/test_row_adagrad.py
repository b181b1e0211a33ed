"""The compiled AdaGrad against a loop over numbers, and the rows that it leaves alone."""

from __future__ import annotations

import math

import pytest
import torch

from unclicked.training.row_adagrad import move_rows


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("start", [0.0, 0.1])
def test_against_a_loop(dtype: torch.dtype, start: float) -> None:
    random = torch.Generator().manual_seed(0)
    weight = torch.randn(50, 7, generator=random, dtype=torch.float64).to(dtype)
    total = torch.full_like(weight, start)
    rows = torch.randperm(50, generator=random)[:20]
    gradient = torch.randn(20, 7, generator=random, dtype=torch.float64).to(dtype)
    gradient[4] = 0.0
    before = weight.clone()
    move_rows(weight, total, rows, gradient, 0.3, 0.05)
    for place, row in enumerate(rows.tolist()):
        for column in range(7):
            own = 0.3 * float(gradient[place, column])
            summed = start + own * own
            step = 0.05 * own / math.sqrt(summed) if summed else 0.0
            assert float(total[row, column]) == pytest.approx(summed, rel=1e-6)
            moved = float(before[row, column]) - step
            assert float(weight[row, column]) == pytest.approx(moved, rel=1e-6, abs=1e-7)
    others = torch.ones(50, dtype=torch.bool)
    others[rows] = False
    assert torch.equal(weight[others], before[others])
    assert bool((total[others] == start).all())


def test_transposed_gradients_are_read_by_their_place() -> None:
    weight, total = torch.zeros(3, 2), torch.zeros(3, 2)
    gradient = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).T
    move_rows(weight, total, torch.tensor([2, 0]), gradient, 1.0, 1.0)
    assert total.tolist() == [[4.0, 16.0], [0.0, 0.0], [1.0, 9.0]]
    assert weight.tolist() == [[-1.0, -1.0], [0.0, 0.0], [-1.0, -1.0]]


def test_the_number_of_threads_changes_nothing() -> None:
    random = torch.Generator().manual_seed(0)
    rows = torch.randperm(5000, generator=random)[:4000]
    gradient = torch.randn(4000, 64, generator=random)
    before, results = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            weight, total = torch.ones(5000, 64), torch.full((5000, 64), 0.1)
            move_rows(weight, total, rows, gradient, 0.5, 0.1)
            results.append((weight, total))
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))
    assert int((results[0][0] != 1).any(dim=1).sum()) == 4000
