"""The compiled exponents against a loop in double precision, at every width and in both types."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from unclicked.losses.softmax_kernel import _exp, exponents

TYPES = [torch.float32, torch.bfloat16, torch.float64]
# Half of the largest error allowed: single precision knows a difference of 87 to within 5e-6.
ROUNDING = {torch.float32: 5e-6, torch.bfloat16: 2**-8, torch.float64: 1e-14}


def naive(logits: list[float], shift: list[float], top: float) -> tuple[float, float, list[float]]:
    values = [one - other for one, other in zip(logits, shift, strict=True)]
    largest = max([*values, top])
    largest = 0.0 if largest == -math.inf else largest
    found = [math.exp(value - largest) for value in values]
    return largest, math.fsum(found), found


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("width", [1, 2, 31, 32, 33, 64, 100, 700])
def test_equals_a_loop(width: int, kind: torch.dtype) -> None:
    random = torch.Generator().manual_seed(width)
    logits = (10 * torch.randn(5, width, generator=random, dtype=torch.float64)).to(kind)
    logits[2, width // 2] = -math.inf
    shift = torch.randn(width, generator=random, dtype=torch.float64).to(torch.float32)
    top = torch.tensor([-math.inf, 0.0, 3.0, 50.0, -2.0])
    shift, top = (one.to(torch.float64) if kind == torch.float64 else one for one in (shift, top))
    given = logits.tolist()
    tops, totals = exponents(logits, shift, top)
    assert top.tolist() == [-math.inf, 0.0, 3.0, 50.0, -2.0]
    for row in range(5):
        largest, total, found = naive(given[row], shift.tolist(), float(top[row]))
        assert float(tops[row]) == pytest.approx(largest, rel=1e-6, abs=1e-6)
        # A logit of 30 is rounded to within two millionths in single precision.
        assert float(totals[row]) == pytest.approx(total, rel=1e-5)
        assert logits[row].tolist() == pytest.approx(found, rel=2 * ROUNDING[kind], abs=1e-37)


def test_exponents_of_all_sizes_are_right_to_single_precision() -> None:
    for value in np.linspace(-87, 0, 4001).astype(np.float32):
        assert float(_exp(value)) == pytest.approx(math.exp(float(value)), rel=1.5e-7)
    assert float(_exp(np.float32(-87.001))) == 0.0
    assert float(_exp(np.float32(-np.inf))) == 0.0
    assert math.isnan(float(_exp(np.float32(np.nan))))


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("place", [0, 40, 99])
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_broken_number_makes_its_own_row_broken(
    bad: float, place: int, kind: torch.dtype
) -> None:
    logits = torch.zeros(3, 100, dtype=kind)
    logits[1, place] = bad
    _, totals = exponents(logits, torch.zeros(100), torch.zeros(3))
    assert totals.isnan().tolist() == [False, True, False]
    assert totals[[0, 2]].tolist() == [100.0, 100.0]


@pytest.mark.parametrize("kind", TYPES)
def test_nothing_to_take_a_maximum_of(kind: torch.dtype) -> None:
    logits = torch.full((2, 40), -math.inf, dtype=kind)
    tops, totals = exponents(logits, torch.zeros(40), torch.tensor([-math.inf, 2.0]))
    assert tops.tolist() == [0.0, 2.0] and totals.tolist() == [0.0, 0.0]
    assert not logits.any()


def test_bfloat16_is_rounded_to_the_nearest_as_torch_does() -> None:
    logits = -torch.linspace(0, 20, 3000).reshape(3, 1000).to(torch.bfloat16)
    exact = logits.float()
    exponents(logits, torch.zeros(1000), torch.zeros(3))
    plain = exact.exp().to(torch.bfloat16)
    # The same number but where the exponent itself lies next to the middle of two.
    assert float((logits != plain).float().mean()) < 1e-3
    assert torch.equal(logits.float() > 0, plain.float() > 0)


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_the_number_of_threads_changes_nothing(kind: torch.dtype) -> None:
    random = torch.Generator().manual_seed(0)
    logits = torch.randn(301, 1000, generator=random).to(kind)
    before, results = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            copy = logits.clone()
            results.append([copy, *exponents(copy, torch.zeros(1000), torch.zeros(301))])
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))
