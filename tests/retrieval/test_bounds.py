"""The bounds hold for products as this processor makes them, and are not wide without need."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from unclicked.retrieval import products
from unclicked.retrieval.bounds import STORED_SHARE, middle, user_terms
from unclicked.retrieval.candidate_kernel import below, between, error_of
from unclicked.retrieval.list_kernel import score_of
from unclicked.retrieval.tile_kernel import fill_tile

Measured = tuple[torch.Tensor, np.ndarray, np.ndarray]


def tile_of(vectors: torch.Tensor, mean: torch.Tensor, kind: torch.dtype) -> Measured:
    """A tile of all items, with lengths and rests."""
    count, width = len(vectors) - 1, vectors.shape[1]
    tile = torch.empty(count, width, dtype=kind)
    word = np.empty(width, dtype=np.int32)
    words = (word, word.view(np.float32), np.empty(width, dtype=np.float32))
    lengths, rests = np.empty(count), np.empty(count)
    bits = tile if kind == torch.float32 else tile.view(torch.int16)
    fill_tile(
        vectors.numpy(), np.empty(0, dtype=np.int64), 0, mean.numpy(), 1.0, bits.numpy(), words,
        lengths, rests,
    )  # fmt: skip
    return tile, lengths, rests


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("size", [1e-40, 1e-22, 1.0, 1e10])
@pytest.mark.parametrize("width", [1, 7, 128])
@pytest.mark.parametrize("shift", [0.0, 3.0])
def test_scores_lie_between_their_bounds(
    kind: torch.dtype, size: float, width: int, shift: float
) -> None:
    random = torch.Generator().manual_seed(width)
    vectors = size * (torch.randn(301, width, generator=random) + shift)
    users = torch.randn(40, width, generator=random) + shift
    mean = middle(vectors) if kind == torch.bfloat16 else torch.zeros(width)
    tile, lengths, rests = tile_of(vectors, mean, kind)
    found = (users.to(kind) @ tile.T).float().numpy()
    terms = user_terms(users, users.to(kind), coarse=False)
    scores = users.double() @ vectors[1:].double().T
    # The score is rounded to float32; what all have in common is taken from it.
    wanted = scores.float().double() - (users.double() @ mean.double())[:, None]
    widths = []
    for user in range(40):
        for item in range(300):
            error = error_of(*terms[user], lengths[item], rests[item])
            low, high = between(found[user, item], error, STORED_SHARE[kind])
            assert low <= float(wanted[user, item]) <= high
            widths.append(high - low)
    if size >= 1:
        typical = float(users.norm(dim=1).mean() * (vectors[1:] - mean).norm(dim=1).mean())
        most = 0.02 if kind == torch.bfloat16 else 1e-4 * (1 + shift)
        assert 0 < np.mean(widths) < most * typical


def test_rounding_is_that_of_torch_and_what_it_takes_is_measured() -> None:
    random = torch.Generator().manual_seed(1)
    vectors = torch.randn(200, 33, generator=random) * torch.logspace(-30, 30, 200)[:, None]
    # Halfway between two values of bfloat16, to the even one: down, then up.
    vectors[5, :2] = torch.tensor([1 + 2.0**-8, 1 + 3 * 2.0**-8])
    mean = torch.zeros(33)
    tile, lengths, rests = tile_of(vectors, mean, torch.bfloat16)
    assert torch.equal(tile, vectors[1:].bfloat16())
    lost = (vectors[1:].double() - tile.double()).norm(dim=1).numpy()
    whole = vectors[1:].double().norm(dim=1).numpy()
    np.testing.assert_allclose(rests, lost + 2.0**-22 * whole, rtol=1e-9)
    assert (lengths >= np.maximum(whole, tile.double().norm(dim=1).numpy()) * (1 - 1e-12)).all()
    assert (lengths < 1.01 * whole).all()


def test_mean_is_taken_before_rounding() -> None:
    vectors = torch.full((9, 4), 1000.25)
    tile, _, rests = tile_of(vectors, torch.full((4,), 1000.0), torch.bfloat16)
    assert tile.unique().tolist() == [0.25]
    assert float(rests.max()) < 1e-3


@pytest.mark.parametrize("reached", [-3.0, -1e-30, 0.0, 2.5])
@pytest.mark.parametrize("error", [0.0, 1e-3, 5.0])
@pytest.mark.parametrize("kappa", [0.0, 2.0**-8])
def test_products_at_the_bar_are_ruled_out_and_far_above_are_not(
    reached: float, error: float, kappa: float
) -> None:
    bar = float(below(np.float32(reached), error, kappa))
    assert bar + error + abs(bar) * kappa <= float(np.float32(reached))
    above = bar + 1e-4 * (abs(bar) + 1e-30)
    assert above + error + abs(above) * kappa > float(np.float32(reached)) - 1e-30


@pytest.mark.parametrize("width", [1, 3, 4, 5, 128])
def test_score_is_the_sum_in_float64_rounded_once(width: int) -> None:
    random = np.random.default_rng(width)
    user, item = random.standard_normal((2, width)).astype(np.float32)
    exact = np.dot(user.astype(np.longdouble), item.astype(np.longdouble))
    assert score_of(user, item, np.empty(width)) == np.float32(exact)
    # In float32 the small value would be lost.
    large = np.array([1e8, 1.0, -1e8], dtype=np.float32)
    assert score_of(large, np.ones(3, dtype=np.float32), np.empty(3)) == 1.0


def test_sums_in_bfloat16_would_be_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert products.half_holds.__wrapped__()

    def in_bfloat16(self: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        total = torch.zeros(self.shape[0], other.shape[1], dtype=self.dtype)
        for column in range(self.shape[1]):
            total += self[:, column, None] * other[None, column]
        return total

    real = torch.Tensor.__matmul__
    monkeypatch.setattr(
        torch.Tensor,
        "__matmul__",
        lambda one, two: (in_bfloat16 if one.dtype == torch.bfloat16 else real)(one, two),
    )
    assert not products.half_holds.__wrapped__()


@pytest.fixture
def rounded_float32() -> Iterator[None]:
    before = torch.backends.mkldnn.matmul.fp32_precision
    torch.backends.mkldnn.matmul.fp32_precision = "bf16"
    yield
    torch.backends.mkldnn.matmul.fp32_precision = before


def test_float32_that_may_be_rounded_has_wider_bounds(rounded_float32: None) -> None:
    assert products.coarse_float32()
    users = torch.randn(3, 8)
    wide, narrow = (user_terms(users, users, coarse=coarse)[:, 0] for coarse in (True, False))
    assert (wide > 2.0**-7 * users.norm(dim=1).numpy()).all()
    assert (narrow < 1e-5 * users.norm(dim=1).numpy()).all()


def test_middle_of_very_long_vectors_is_zero() -> None:
    assert middle(torch.full((3, 4), 3e38)).tolist() == [0.0] * 4
    assert middle(torch.tensor([[7.0], [float("nan")], [1.0]])).tolist() == [0.0]
