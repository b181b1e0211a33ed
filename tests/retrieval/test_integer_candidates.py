"""Products of whole numbers: bounds that hold, a bar that rules nothing out that may belong."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from unclicked.errors import NumericError
from unclicked.retrieval import ExactIndex, products
from unclicked.retrieval.bounds import middle, user_terms
from unclicked.retrieval.candidate_kernel import between, error_of
from unclicked.retrieval.integer_candidate_kernel import NEVER, bar_of
from unclicked.retrieval.integer_candidates import whole_numbers
from unclicked.retrieval.integer_items import rounded_items

NO_ORDER = np.empty(0, dtype=np.int64)


def refuse(place: int) -> None:
    """Nothing here is refused."""
    raise AssertionError(place)


@pytest.mark.parametrize("size", [1e-40, 1e-22, 1.0, 1e10])
@pytest.mark.parametrize("width", [1, 7, 128])
@pytest.mark.parametrize("shift", [0.0, 3.0])
def test_scores_lie_between_their_bounds(size: float, width: int, shift: float) -> None:
    random = torch.Generator().manual_seed(width)
    vectors = size * (torch.randn(301, width, generator=random) + shift)
    users = torch.randn(40, width, generator=random) + shift
    mean = middle(vectors)
    items = rounded_items((vectors, NO_ORDER), mean, 64, 1.0, refuse)
    numbers, scales = whole_numbers(users)
    terms = user_terms(users, numbers.double() * scales[:, None], coarse=False)
    sums = numbers.long() @ items.numbers.long().T
    exact = (users.double() @ vectors[1:].double().T).float().double()
    wanted = exact - (users.double() @ mean.double())[:, None]
    widths = []
    for user in range(40):
        for item in range(300):
            error = error_of(*terms[user], items.lengths[item], items.rests[item])
            unit = float(scales[user]) * items.scales[item // 64]
            low, high = between(int(sums[user, item]) * unit, error, 0.0)
            assert low <= float(wanted[user, item]) <= high
            widths.append(high - low)
    if size >= 1 and width == 128:
        typical = float(users.norm(dim=1).mean() * (vectors[1:] - mean).norm(dim=1).mean())
        # A half step in 127 for either side, by the root of twelve, over lengths of three spreads.
        assert np.mean(widths) < 0.06 * typical


@given(
    reached=st.one_of(st.just(float("-inf")), st.floats(-(2.0**100), 2.0**100, width=32)),
    error=st.floats(0, 1e30),
    unit=st.floats(1e-30, 1e10),
    above=st.integers(0, 3),
)
def test_what_the_bar_rules_out_cannot_belong(
    reached: float, error: float, unit: float, above: int
) -> None:
    bar = int(bar_of(np.float32(reached), error, unit))
    assert NEVER <= bar < 2**31
    if bar > NEVER:
        # The largest sum that is ruled out.
        assert bar * unit + error <= float(np.float32(reached))
    elif reached == float("-inf"):
        assert bar == NEVER
    # What is certain to belong is not ruled out, but for what rounding may take.
    value = (bar + 3 + above) * unit - error
    if NEVER < bar < 2**31 - 10 and value > reached + 1e-6 * (abs(reached) + error):
        assert bar + 3 + above > bar


def test_sums_that_are_cut_off_would_be_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def exactly(users: torch.Tensor, items: torch.Tensor, out: torch.Tensor) -> None:
        out.copy_(users.long() @ items.long())

    monkeypatch.setattr(products, "multiply_integers", exactly)
    assert products.integers_hold.__wrapped__(128)

    def pairs_in_16_bits(users: torch.Tensor, items: torch.Tensor, out: torch.Tensor) -> None:
        # As processors without a product of their own for it do: one side without a sign.
        parts = (users.long() + 128)[:, :, None] * items.long()[None]
        pairs = (parts[:, 0::2] + parts[:, 1::2]).clamp(-(2**15), 2**15 - 1)
        out.copy_(pairs.sum(dim=1) - 128 * items.long().sum(dim=0))

    monkeypatch.setattr(products, "multiply_integers", pairs_in_16_bits)
    assert not products.integers_hold.__wrapped__(128)


def test_without_such_a_product_lists_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    random = torch.Generator().manual_seed(5)
    items, users = torch.randn(901, 16, generator=random), torch.randn(9, 16, generator=random)
    expected = ExactIndex(items, precision="float32").search(users, 20)

    def missing(users: torch.Tensor, items: torch.Tensor, out: torch.Tensor) -> None:
        raise AttributeError("_int_mm")

    products.integers_hold.cache_clear()
    monkeypatch.setattr(products, "multiply_integers", missing)
    try:
        for precision in ("int8", "auto"):
            index = ExactIndex(items, precision=precision, ready=True)  # type: ignore[arg-type]
            found = index.search(users, 20)
            assert torch.equal(found[1], expected[1])
            assert torch.equal(found[0], expected[0])
    finally:
        products.integers_hold.cache_clear()


def test_kept_whole_numbers_serve_users_of_any_length() -> None:
    random = torch.Generator().manual_seed(6)
    items, users = torch.randn(601, 8, generator=random), torch.randn(5, 8, generator=random)
    items[77] *= 1e30
    index = ExactIndex(items, precision="int8", ready=True)
    for factor in (1.0, 1e-20, 1e5):
        plain = ExactIndex(items, precision="float32").search(users * factor, 7)
        found = index.search(users * factor, 7)
        assert torch.equal(found[1], plain[1])
        assert torch.equal(found[0], plain[0])
    # Too long for scores in float32: told, whatever is kept.
    with pytest.raises(NumericError, match="item_vectors row 77"):
        index.search(users * 1e10, 7)
