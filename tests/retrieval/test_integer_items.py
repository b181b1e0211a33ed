"""Items as whole numbers: near the vectors, with lengths and rests that are certain."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unclicked.retrieval.bounds import middle
from unclicked.retrieval.integer_items import IntegerItems, rounded_items

NO_ORDER = np.empty(0, dtype=np.int64)


def refuse(place: int) -> None:
    """What a search does with an item that is no number."""
    raise ValueError(place)


def made(vectors: torch.Tensor, tile: int, order: np.ndarray = NO_ORDER) -> IntegerItems:
    """Items of some vectors, whose first row is padding."""
    return rounded_items((vectors, order), middle(vectors), tile, 1.0, refuse)


def drawn(kind: str) -> torch.Tensor:
    """Vectors of one kind."""
    random = torch.Generator().manual_seed(3)
    real = torch.randn(301, 37, generator=random)
    lengths = torch.exp(2 * torch.randn(301, 1, generator=random))
    kinds = {
        "real": real,
        "far from zero": real + 40,
        "lengths": real * lengths,
        "large": real * 1e18,
        "small": real * 1e-28,
        "too small": real * 1e-40,
        "too large": real * 1e37,
        "zeros": real * 0,
        "one number": torch.full((301, 37), 2.5),
    }
    return kinds[kind]


@pytest.mark.parametrize("tile", [1, 64, 300, 999])
@pytest.mark.parametrize(
    "kind",
    [
        "real", "far from zero", "lengths", "large", "small", "too small", "too large", "zeros",
        "one number",
    ],
)  # fmt: skip
def test_lengths_and_rests_are_certain(kind: str, tile: int) -> None:
    vectors = drawn(kind)
    items = made(vectors, tile)
    scales = np.repeat(items.scales, tile)[:300, None]
    twins = items.numbers.numpy() * scales
    # What is left of each vector, as exactly as float64 has it.
    exact = vectors[1:].double().numpy() - items.mean.astype(np.float64)
    kept, lost = np.linalg.norm(twins, axis=1), np.linalg.norm(exact - twins, axis=1)
    assert (items.lengths >= np.maximum(np.linalg.norm(exact, axis=1), kept) * (1 - 1e-12)).all()
    assert (items.rests >= lost).all()
    assert items.longest == pytest.approx(np.linalg.norm(vectors[1:].double(), axis=1).max())
    for number, start in enumerate(range(0, 300, tile)):
        part = slice(start, start + tile)
        assert items.largest[number].tolist() == [
            items.lengths[part].max(), items.rests[part].max()
        ]  # fmt: skip


def test_numbers_are_the_nearest_and_the_rest_is_small() -> None:
    vectors = drawn("real")
    items = made(vectors, 100)
    exact = vectors[1:].double().numpy() - items.mean.astype(np.float64)
    largest = np.abs(exact.reshape(3, 100, 37)).max(axis=(1, 2))
    assert items.scales == pytest.approx(largest / 127, rel=1e-6)
    parts = exact / np.repeat(items.scales, 100)[:, None]
    assert np.abs(items.numbers.numpy() - parts).max() <= 0.5 + 1e-4
    assert np.abs(items.numbers.numpy()).max() == 127
    # A rounded value is off by half a step at most, on the average by its twelfth's root.
    steps = np.repeat(items.scales, 100) * np.sqrt(37)
    assert (items.rests < 0.51 * steps).all()
    assert np.mean(items.rests / steps) == pytest.approx(np.sqrt(1 / 12), rel=0.05)


def test_order_and_threads_change_nothing() -> None:
    vectors = drawn("lengths")
    order = np.random.default_rng(0).permutation(300) + 1
    turned = made(torch.cat([vectors[:1], vectors[torch.from_numpy(order)]]), 64)
    before = torch.get_num_threads()
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found = made(vectors, 64, order)
            assert torch.equal(found.numbers, turned.numbers)
            for name in ("scales", "lengths", "rests", "largest"):
                assert np.array_equal(getattr(found, name), getattr(turned, name))
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 3e38])
def test_the_first_item_that_is_no_number_is_told(value: float) -> None:
    vectors = drawn("real")
    vectors[[201, 90]] = value
    with pytest.raises(ValueError, match="89"):
        made(vectors, 32)
