"""The bounded contrast against worked numbers, a NumPy twin, cross-entropy and gradcheck."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from unclicked.errors import UserError
from unclicked.losses.contrast import CONTRASTS, infonce
from unclicked.losses.distance import unit_length


def rows(*shape: int, seed: int = 3) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(3, *shape, dtype=torch.float64, generator=generator).unbind()


def twin(h: np.ndarray, n: np.ndarray, c: np.ndarray, temperature: float) -> np.ndarray:
    found = []
    for one, passed, wanted in zip(h, n, c, strict=True):
        cosines = [
            np.dot(one, other) / math.sqrt(np.dot(one, one) * np.dot(other, other))
            for other in (passed, wanted)
        ]
        exponentials = [math.exp(cosine / temperature) for cosine in cosines]
        found.append(-math.log(exponentials[1] / sum(exponentials)))
    return np.array(found)


@pytest.mark.parametrize(
    ("h", "n", "c", "temperature", "expected"),
    [
        # Cosines of 3/5 with the unclicked vector and 4/5 with the labels.
        ((2.0, 0.0), (3.0, 4.0), (8.0, -6.0), 0.1, math.log(1 + math.exp(-2.0))),
        ((2.0, 0.0), (8.0, -6.0), (3.0, 4.0), 0.1, math.log(1 + math.exp(2.0))),
        ((2.0, 0.0), (1.0, 1.0), (9.0, -9.0), 0.1, math.log(2.0)),
        ((0.0, 1.0), (0.0, 7.0), (0.0, -7.0), 0.5, math.log(1 + math.exp(4.0))),
    ],
)
def test_worked_cases(
    h: tuple[float, ...],
    n: tuple[float, ...],
    c: tuple[float, ...],
    temperature: float,
    expected: float,
) -> None:
    vectors = (torch.tensor([one], dtype=torch.float64) for one in (h, n, c))
    loss = infonce(*vectors, temperature=temperature)
    assert loss.shape == (1,)
    assert loss.item() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("temperature", [0.05, 0.1, 1.0, 20.0])
def test_equals_the_twin_and_a_cross_entropy_of_two_candidates(temperature: float) -> None:
    h, n, c = rows(50, 6)
    found = infonce(h, n, c, temperature=temperature)
    expected = twin(h.numpy(), n.numpy(), c.numpy(), temperature)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-9, atol=1e-12)
    logits = torch.stack([torch.cosine_similarity(h, one) for one in (c, n)], dim=1) / temperature
    target = torch.zeros(50, dtype=torch.int64)
    entropy = torch.nn.functional.cross_entropy(logits, target, reduction="none")
    torch.testing.assert_close(found, entropy, rtol=1e-9, atol=1e-12)


def test_only_directions_count_and_the_loss_is_bounded() -> None:
    h, n, c = rows(40, 5)
    plain = infonce(h, n, c, temperature=0.1)
    torch.testing.assert_close(infonce(1e3 * h, 0.1 * n, 7.0 * c, temperature=0.1), plain)
    assert plain.max() <= math.log(1 + math.exp(20.0))
    assert plain.min() > 0.0


def test_the_gradient_is_as_bounded_as_said() -> None:
    vectors = tuple(part.clone().requires_grad_() for part in rows(200, 3))
    infonce(*vectors, temperature=0.1).sum().backward()
    for part in vectors:
        assert part.grad is not None
        scaled = part.grad.norm(dim=1) * part.detach().norm(dim=1)
        assert scaled.max() <= 2 / 0.1
        assert scaled.max() > 1.0


@pytest.mark.parametrize("which", [(0,), (1,), (2,), (0, 1), (0, 1, 2)])
def test_vectors_of_zeros_get_no_gradient(which: tuple[int, ...]) -> None:
    vectors = list(rows(50, 3))
    lengths = [part.norm(dim=1) for part in vectors]
    for number in which:
        vectors[number][::7] = 0.0
    vectors = [part.requires_grad_() for part in vectors]
    loss = infonce(*vectors, temperature=0.05)
    loss.sum().backward()
    if which[0] == 0 or len(which) == 3:
        assert loss[::7].tolist() == pytest.approx([math.log(2.0)] * 8)
    for number, part in enumerate(vectors):
        assert part.grad is not None
        assert bool((part.grad.norm(dim=1) * lengths[number] <= 2 / 0.05).all())
        if number in which:
            assert part.grad[::7].abs().max() == 0.0
        assert part.grad[1:7].abs().max() > 0.0


def test_unit_length_gives_a_zero_vector_no_gradient_and_others_one_over_their_length() -> None:
    lengths = torch.tensor([0.0, 1e-3, 0.5, 4.0], dtype=torch.float64)
    vectors = lengths[:, None] * torch.tensor([0.6, 0.8], dtype=torch.float64)
    vectors = vectors.requires_grad_()
    unit = unit_length(vectors)
    assert unit[0].tolist() == [0.0, 0.0]
    torch.testing.assert_close(unit[1:].norm(dim=1), torch.ones(3).double(), rtol=1e-6, atol=0)
    # Across its direction a vector turns by the step over its length.
    across = torch.tensor([0.8, -0.6], dtype=torch.float64)
    (found,) = torch.autograd.grad(unit, vectors, across.expand(4, 2))
    assert found[0].tolist() == [0.0, 0.0]
    torch.testing.assert_close(found[1:], across / lengths[1:, None], rtol=1e-6, atol=0)
    (kept,) = rows(4, 3)[:1]
    assert torch.autograd.gradcheck(unit_length, (kept.clone().requires_grad_(),))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_unit_length_is_safe_at_zero_and_near_it_in_every_width(dtype: torch.dtype) -> None:
    vectors = torch.tensor([[0.0, 0.0], [1e-30, 0.0], [3.0, 4.0]]).to(dtype).requires_grad_()
    unit = unit_length(vectors)
    unit.float().sum().backward()
    assert vectors.grad is not None
    assert bool(unit.isfinite().all())
    assert bool(vectors.grad.isfinite().all())
    assert vectors.grad[0].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("name", CONTRASTS)
def test_gradients(name: str) -> None:
    inputs = tuple(part.clone().requires_grad_() for part in rows(4, 3, seed=7))
    assert torch.autograd.gradcheck(functools.partial(CONTRASTS[name], temperature=0.4), inputs)


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.nan, math.inf])
def test_a_wrong_temperature_is_refused(temperature: float) -> None:
    with pytest.raises(UserError, match="LOSS-TEMPERATURE.*above 0"):
        infonce(*rows(2, 3), temperature=temperature)


def test_vectors_of_different_shapes_are_refused() -> None:
    h, n, c = rows(2, 3)
    with pytest.raises(UserError, match=r"labels \[1, 3\]"):
        infonce(h, n, c[:1], temperature=0.1)
