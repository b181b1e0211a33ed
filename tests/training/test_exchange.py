"""Parts of a batch, packing, and sums of rows, against plain loops."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from unclicked.training.exchange import packed, part_of, summed_rows, unpacked


@given(st.integers(1, 30), st.integers(1, 7))
def test_parts_are_the_batch_in_order_and_even(size: int, count: int) -> None:
    chosen = np.random.default_rng(size).permutation(size)
    parts = [part_of(chosen, number, count) for number in range(count)]
    real = [part for part, idle in parts if not idle]
    assert np.concatenate(real).tolist() == chosen.tolist()
    lengths = [len(part) for part in real]
    assert max(lengths) - min(lengths) <= 1
    assert len(real) == min(size, count)
    assert all(part.tolist() == [chosen[0]] for part, idle in parts if idle)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 3)), min_size=1, max_size=4))
def test_unpacking_undoes_packing(shapes: list[tuple[int, int]]) -> None:
    pieces = [torch.rand(shape) for shape in shapes]
    flat = torch.cat([packed(pieces), torch.full((3,), torch.nan)])
    back = unpacked(flat, [len(one) for one in pieces], pieces)
    assert all(torch.equal(one, other) for one, other in zip(pieces, back, strict=True))


@given(
    st.lists(st.lists(st.integers(1, 9), unique=True, max_size=6), min_size=1, max_size=4),
    st.integers(0, 9),
)
def test_rows_are_summed_once_each_in_the_order_of_ranks(ids: list[list[int]], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    given_ = [
        (torch.tensor(one, dtype=torch.int64), torch.randn(len(one), 2, generator=generator))
        for one in ids
    ]
    expected: dict[int, torch.Tensor] = {}
    for some, gradients in given_:
        for number, gradient in zip(some.tolist(), gradients, strict=True):
            expected[number] = expected.get(number, torch.zeros(2)) + gradient
    found, sums = summed_rows(given_)
    assert found.tolist() == sorted(expected)
    # The same additions in the same order: not a bit may differ.
    assert all(
        torch.equal(expected[number], one) for number, one in zip(found.tolist(), sums, strict=True)
    )
