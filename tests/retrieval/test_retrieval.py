"""Exact retrieval against a brute-force ranking with a full sort."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from unclicked.errors import NumericError, UserError
from unclicked.retrieval import ExactIndex


def brute_force(
    items: NDArray[np.float32],
    users: NDArray[np.float32],
    top_k: int,
    tie_rank: NDArray[np.int64],
    excluded: list[list[int]],
) -> tuple[list[list[float]], list[list[int]]]:
    """Sort all items of each user by score and rank, in plain Python."""
    all_scores, all_items = [], []
    length = min(top_k, len(items) - 1)
    for user, banned in zip(users, excluded, strict=True):
        scored = [
            (-float(sum(a * b for a, b in zip(user, items[item], strict=True))), item)
            for item in range(1, len(items))
            if item not in banned
        ]
        best = sorted(scored, key=lambda pair: (pair[0], tie_rank[pair[1]]))[:length]
        missing = length - len(best)
        all_scores.append([-score for score, _ in best] + [-np.inf] * missing)
        all_items.append([item for _, item in best] + [0] * missing)
    return all_scores, all_items


def as_ragged(excluded: list[list[int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    values = [item for items in excluded for item in items]
    return np.cumsum([0, *map(len, excluded)]), np.array(values, dtype=np.int64)


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    num_items=st.integers(1, 12),
    num_users=st.integers(0, 6),
    largest=st.integers(0, 2),
    top_k=st.integers(1, 15),
    chunk_items=st.integers(1, 13),
    block_users=st.integers(1, 4),
    with_rank=st.booleans(),
    with_exclusion=st.booleans(),
)
def test_equals_brute_force(
    seed: int,
    num_items: int,
    num_users: int,
    largest: int,
    top_k: int,
    chunk_items: int,
    block_users: int,
    with_rank: bool,
    with_exclusion: bool,
) -> None:
    # Small whole numbers: sums are exact and many of them are equal.
    random = np.random.default_rng(seed)
    items = random.integers(-largest, largest + 1, (num_items + 1, 2)).astype(np.float32)
    users = random.integers(-largest, largest + 1, (num_users, 2)).astype(np.float32)
    items[0] = 100.0
    tie_rank = np.arange(num_items + 1)
    if with_rank:
        tie_rank[1:] = random.permutation(num_items) * 3
    excluded: list[list[int]] = [[] for _ in range(num_users)]
    if with_exclusion:
        excluded = [
            random.integers(-1, num_items + 2, random.integers(0, num_items + 2)).tolist()
            for _ in range(num_users)
        ]
    index = ExactIndex(
        torch.from_numpy(items),
        chunk_items,
        tie_rank=torch.from_numpy(tie_rank) if with_rank else None,
        block_users=block_users,
        ready=seed % 2 == 1,
    )
    scores, found = index.search(
        torch.from_numpy(users), top_k, as_ragged(excluded) if with_exclusion else None
    )
    expected_scores, expected = brute_force(items, users, top_k, tie_rank, excluded)
    assert found.tolist() == expected
    assert scores.tolist() == expected_scores
    assert scores.dtype == torch.float32 and found.dtype == torch.int64
    assert found.shape == (num_users, min(top_k, num_items))


def test_every_chunk_size_gives_the_same_lists() -> None:
    generator = torch.Generator().manual_seed(3)
    items = torch.randint(-2, 3, (41, 8), generator=generator).float()
    users = torch.randint(-2, 3, (7, 8), generator=generator).float()
    order = torch.randperm(41, generator=generator)
    ranked = [
        ExactIndex(items, chunk, tie_rank=order).search(users, 10)[1] for chunk in range(1, 41)
    ]
    assert all(torch.equal(found, ranked[0]) for found in ranked)


def test_real_valued_vectors() -> None:
    generator = torch.Generator().manual_seed(5)
    items = torch.randn(501, 16, generator=generator)
    users = torch.randn(20, 16, generator=generator)
    scores, found = ExactIndex(items, 64, block_users=7).search(users, 30)
    exact = users.double().numpy() @ items[1:].double().numpy().T
    expected = np.argsort(-exact, axis=1)[:, :30] + 1
    assert found.tolist() == expected.tolist()
    np.testing.assert_allclose(scores.numpy(), -np.sort(-exact, axis=1)[:, :30], atol=1e-5)


@pytest.mark.parametrize("chunk_items", [3000, 10_000, 65536])
def test_all_scores_equal(chunk_items: int) -> None:
    num_items = 20_000
    tie_rank = torch.arange(num_items + 1).flip(0)
    index = ExactIndex(torch.ones(num_items + 1, 4), chunk_items, tie_rank=tie_rank)
    scores, found = index.search(torch.ones(3, 4), 50)
    assert found.tolist() == [list(range(num_items, num_items - 50, -1))] * 3
    assert scores.unique().tolist() == [4.0]
    assert ExactIndex(torch.ones(num_items + 1, 4), chunk_items).search(torch.ones(1, 4), 3)[
        1
    ].tolist() == [[1, 2, 3]]


def test_signed_zeros_are_a_tie() -> None:
    items = torch.tensor([[0.0], [-0.0], [0.0], [-0.0], [0.0]])
    assert ExactIndex(items, 2).search(torch.ones(1, 1), 3)[1].tolist() == [[1, 2, 3]]


def test_exclusion_of_everything_leaves_padding() -> None:
    index = ExactIndex(torch.ones(4, 1), 2)
    scores, found = index.search(torch.ones(2, 1), 3, (torch.tensor([0, 3, 3]), torch.arange(1, 4)))
    assert found.tolist() == [[0, 0, 0], [1, 2, 3]]
    assert scores[0].tolist() == [float("-inf")] * 3


def test_inputs_stay_as_they_are_and_need_no_gradient() -> None:
    items = torch.nn.Parameter(torch.eye(4))
    before = items.detach().clone()
    scores, _ = ExactIndex(items).search(items, 2, (np.array([0, 1, 1, 1, 1]), np.array([1])))
    assert torch.equal(items, before)
    assert not scores.requires_grad


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf"), 1e38])
def test_values_that_are_no_numbers(bad: float) -> None:
    items, users = torch.ones(6, 2), torch.full((3, 2), 10.0)
    items[4, 1] = bad
    with pytest.raises(NumericError, match="item_vectors row 4"):
        ExactIndex(items, 2).search(users, 1)
    tie_rank = torch.arange(6).flip(0)
    with pytest.raises(NumericError, match="item_vectors row 4"):
        ExactIndex(items, 2, tie_rank=tie_rank).search(users, 1)


def test_user_that_is_no_number() -> None:
    users = torch.ones(3, 2)
    users[1, 0] = float("nan")
    with pytest.raises(NumericError, match="users row 1"):
        ExactIndex(torch.ones(6, 2)).search(users, 1)


def test_padding_row_may_hold_anything() -> None:
    items = torch.ones(3, 2)
    items[0] = float("nan")
    assert ExactIndex(items).search(torch.ones(1, 2), 2)[1].tolist() == [[1, 2]]


def test_bad_shapes() -> None:
    items = torch.ones(3, 2)
    with pytest.raises(UserError, match="item_vectors"):
        ExactIndex(torch.ones(1, 2))
    with pytest.raises(UserError, match="chunk_items"):
        ExactIndex(items, 0)
    with pytest.raises(UserError, match="tie_rank"):
        ExactIndex(items, tie_rank=torch.tensor([0, 1]))
    with pytest.raises(UserError, match="distinct"):
        ExactIndex(items, tie_rank=torch.tensor([0, 1, 1]))
    index = ExactIndex(items)
    with pytest.raises(UserError, match="users"):
        index.search(torch.ones(1, 3), 1)
    with pytest.raises(UserError, match="top_k"):
        index.search(torch.ones(1, 2), 0)
    with pytest.raises(UserError, match="exclude"):
        index.search(torch.ones(1, 2), 1, (np.array([0, 2]), np.array([1])))
