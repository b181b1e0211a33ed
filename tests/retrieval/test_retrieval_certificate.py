"""Fast products only rule items out: lists and scores are those of exact sums."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from unclicked.errors import NumericError, UserError
from unclicked.retrieval import ExactIndex, by_chunks, by_threshold, candidates
from unclicked.retrieval.exclusions import exclusions
from unclicked.retrieval.products import holds

Floats = NDArray[np.float32]
PRECISIONS = ("float32", "bfloat16", "int8")


def score_by_definition(user: list[float], item: list[float]) -> float:
    """Products in float64 in four sums, every fourth each; what is left over in the first."""
    sums = [0.0] * 4
    whole = len(user) // 4 * 4
    for column, (one, other) in enumerate(zip(user, item, strict=True)):
        sums[column % 4 if column < whole else 0] += one * other
    return float(np.float32((sums[0] + sums[1]) + (sums[2] + sums[3])))


def exact_lists(
    items: Floats, users: Floats, top_k: int, rank: NDArray[np.int64], banned: list[set[int]]
) -> tuple[list[list[float]], list[list[int]]]:
    """Every score by its definition, and a full sort, in plain Python."""
    all_scores, all_items = [], []
    for user, own in zip(users.tolist(), banned, strict=True):
        scores = {
            item: score_by_definition(user, vector)
            for item, vector in enumerate(items.tolist())
            if item and item not in own
        }
        best = sorted(scores, key=lambda item: (-scores[item], rank[item]))[:top_k]
        missing = min(top_k, len(items) - 1) - len(best)
        all_scores.append([scores[item] for item in best] + [-math.inf] * missing)
        all_items.append(best + [0] * missing)
    return all_scores, all_items


def draw(kind: str, random: np.random.Generator, count: int, dim: int) -> Floats:
    """Vectors of one kind."""
    real = random.standard_normal((count, dim))
    made = {
        "real": lambda: real,
        "whole": lambda: np.rint(real),
        "repeated": lambda: real[random.integers(0, min(3, count), count)],
        "huge": lambda: real * 1e18,
        "enormous": lambda: real * 1e33,
        "tiny": lambda: real * 1e-25,
        "below float32": lambda: real * 1e-42,
        "zeros": lambda: real * (random.random((count, 1)) < 0.3),
        "one direction": lambda: 50 + 0.01 * real,
        "near ties": lambda: np.rint(real) + 1e-6 * real,
        "lengths": lambda: real * np.exp(2 * random.standard_normal((count, 1))),
        "negative": lambda: -np.abs(real),
    }
    return made[kind]().astype(np.float32)


KINDS = (
    "real", "whole", "repeated", "huge", "enormous", "tiny", "below float32", "zeros",
    "one direction", "near ties", "lengths", "negative",
)  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(
    seed=st.integers(0, 2**32 - 1),
    of_items=st.sampled_from(KINDS),
    of_users=st.sampled_from([kind for kind in KINDS if kind not in ("huge", "enormous")]),
    num_items=st.integers(1, 90),
    num_users=st.integers(1, 5),
    dim=st.integers(1, 9),
    top_k=st.integers(1, 95),
    chunk_items=st.integers(1, 95),
    with_rank=st.booleans(),
    with_exclusion=st.booleans(),
    least_room=st.sampled_from([2, 10, 1024]),
    precision=st.sampled_from(PRECISIONS),
)
def test_lists_are_those_of_exact_sums(
    seed: int,
    of_items: str,
    of_users: str,
    num_items: int,
    num_users: int,
    dim: int,
    top_k: int,
    chunk_items: int,
    with_rank: bool,
    with_exclusion: bool,
    least_room: int,
    precision: str,
) -> None:
    random = np.random.default_rng(seed)
    items = draw(of_items, random, num_items + 1, dim)
    users = draw(of_users, random, num_users, dim)
    rank = np.arange(num_items + 1)
    if with_rank:
        rank[1:] = random.permutation(num_items)
    banned = [
        set(random.integers(1, num_items + 1, num_items).tolist()) if with_exclusion else set()
        for _ in range(num_users)
    ]
    values = np.array([item for own in banned for item in own], dtype=np.int64)
    offsets = np.cumsum([0, *map(len, banned)])
    with pytest.MonkeyPatch.context() as patch:
        # Little room, so that rows are made free, given up and settled all the time.
        patch.setattr(candidates, "LEAST_ROOM", least_room)
        patch.setattr(candidates, "ROOM", 2)
        index = ExactIndex(
            torch.from_numpy(items),
            chunk_items,
            tie_rank=torch.from_numpy(rank) if with_rank else None,
            block_users=3,
            precision=precision,  # type: ignore[arg-type]
            ready=seed % 2 == 1,
        )
        scores, found = index.search(torch.from_numpy(users), top_k, (offsets, values))
    expected = exact_lists(items, users, top_k, rank, banned)
    assert found.tolist() == expected[1]
    assert scores.tolist() == expected[0]


def hidden_ties(size: float, num_items: int = 3000) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores that are decided by one small value beside large ones that cancel."""
    random = torch.Generator().manual_seed(4)
    items = torch.randn(num_items + 1, 16, generator=random)
    large = size * torch.randn(num_items + 1, 8, generator=random)
    items = torch.cat([items, large, large], dim=1)
    users = torch.randn(5, 16, generator=random)
    cancel = torch.rand(5, 8, generator=random) + 0.5
    return items, torch.cat([users, cancel, -cancel], dim=1)


@pytest.mark.parametrize("size", [1e3, 1e7])
def test_users_without_certificate_are_searched_again(size: float) -> None:
    items, users = hidden_ties(size)
    rank = np.arange(len(items))
    expected = exact_lists(items.numpy(), users.numpy(), 20, rank, [set()] * 5)
    found = {}
    for precision in PRECISIONS:
        index = ExactIndex(items, precision=precision)  # type: ignore[arg-type]
        scores, found[precision] = index.search(users, 20)
        assert found[precision].tolist() == expected[1]
        assert scores.tolist() == expected[0]
        # On a processor whose sums of whole numbers are not exact, float32 is taken at once.
        rounds = precision == "bfloat16" or (precision == "int8" and holds(torch.int8, 32))
        assert index.searched_again == (5 if rounds else 0)
    # Without a certificate these products would have given other lists.
    half = (users.bfloat16() @ items[1:].bfloat16().T).float().topk(20).indices + 1
    assert not torch.equal(half, found["bfloat16"])


def test_certificate_is_found_where_scores_are_apart() -> None:
    random = torch.Generator().manual_seed(6)
    items, users = torch.randn(20_001, 64, generator=random), torch.randn(200, 64, generator=random)
    index = ExactIndex(items, precision="bfloat16")
    _, found = index.search(users, 50)
    assert index.searched_again == 0
    order = (-(users.double() @ items[1:].double().T)).argsort(dim=1)[:, :50] + 1
    assert torch.equal(found, order)
    half = (users.bfloat16() @ items[1:].bfloat16().T).float().topk(50).indices + 1
    assert not torch.equal(half, found)


def test_what_all_items_have_in_common_costs_no_certificate() -> None:
    random = torch.Generator().manual_seed(7)
    items = torch.randn(20_001, 32, generator=random) + 20
    users = torch.randn(150, 32, generator=random)
    index = ExactIndex(items, precision="bfloat16")
    _, found = index.search(users, 50)
    assert index.searched_again == 0
    order = (-(users.double() @ items[1:].double().T)).argsort(dim=1)[:, :50] + 1
    assert torch.equal(found, order)


def test_precision_threads_and_sizes_change_no_bit() -> None:
    random = torch.Generator().manual_seed(8)
    items, users = torch.randn(5_001, 24, generator=random), torch.randn(300, 24, generator=random)
    items[2000:4000] = items[:2000].clone()
    rank = torch.randperm(5_001, generator=random)
    exclude = (torch.arange(0, 301 * 40, 40), torch.randint(1, 5001, (300 * 40,)))
    threads = torch.get_num_threads()
    found = []
    try:
        for number in (1, 2, 3):
            torch.set_num_threads(number)
            for precision in PRECISIONS:
                for chunk, block, ready in ((65536, 512, True), (333, 7, True), (333, 7, False)):
                    index = ExactIndex(
                        items,
                        chunk,
                        tie_rank=rank,
                        block_users=block,
                        precision=precision,  # type: ignore[arg-type]
                        ready=ready,
                    )
                    found.append(index.search(users, 70, exclude))
            assert torch.get_num_threads() == number
    finally:
        torch.set_num_threads(threads)
    for scores, lists in found:
        assert torch.equal(lists, found[0][1])
        assert torch.equal(scores.view(torch.int32), found[0][0].view(torch.int32))


def test_error_of_a_worker_reaches_the_caller() -> None:
    items, users = torch.ones(5_001, 8), torch.ones(300, 8)
    items[4_500, 3] = float("nan")
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        for ready in (False, True):
            with pytest.raises(NumericError, match="item_vectors row 4500"):
                ExactIndex(items, 512, ready=ready).search(users, 5)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)


def test_many_users_in_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_threshold, "LEAST_USERS", 4)
    items, users = torch.randn(200, 4), torch.randn(50, 4)
    # Memory for one user alone: parts of four users each.
    few = ExactIndex(items, 1, block_users=1).search(users, 9)
    assert torch.equal(few[1], ExactIndex(items).search(users, 9)[1])


def test_chunks_find_the_same_lists() -> None:
    random = torch.Generator().manual_seed(9)
    items = torch.randint(-3, 4, (301, 5), generator=random).float()
    users = torch.randint(-3, 4, (11, 5), generator=random).float()
    exclude = (torch.arange(0, 12 * 6, 6), torch.randint(1, 301, (66,), generator=random))
    scores, found = ExactIndex(items).search(users, 40, exclude)
    for chunk, block in ((7, 3), (1000, 1000)):
        pairs = exclusions(exclude, 11, 300, None, torch.device("cpu"))
        other = by_chunks.search(
            users, 40, lambda start, stop: items[start + 1 : stop + 1], (300, chunk, block), pairs
        )
        assert torch.equal(other[0], scores)
        assert torch.equal(other[1] + 1, found)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_another_device_finds_the_same_lists() -> None:
    random = torch.Generator().manual_seed(10)
    items = torch.randint(-3, 4, (3001, 5), generator=random).float()
    users = torch.randint(-3, 4, (30, 5), generator=random).float()
    rank = torch.randperm(3001, generator=random)
    exclude = (torch.arange(0, 31 * 6, 6), torch.randint(1, 3001, (180,), generator=random))
    there = ExactIndex(items.cuda(), 500, tie_rank=rank).search(users, 40, exclude)
    here = ExactIndex(items, 500, tie_rank=rank).search(users, 40, exclude)
    assert torch.equal(there[0].cpu(), here[0])
    assert torch.equal(there[1].cpu(), here[1])


@pytest.mark.parametrize("precision", PRECISIONS)
def test_like_vectors_whose_products_may_overflow(precision: str) -> None:
    # Every item is the mean of all, and nothing may be said of a product.
    items, users = torch.full((40, 3), 7e35), torch.tensor([[9.0, 3.0, -2.0]])
    items[31] *= 1.01
    items[32] *= 0.99
    index = ExactIndex(items, precision=precision)  # type: ignore[arg-type]
    assert index.search(users, 3)[1].tolist() == [[31, 1, 2]]


def test_unknown_precision() -> None:
    with pytest.raises(UserError, match="float16"):
        ExactIndex(torch.ones(3, 2), precision="float16")  # type: ignore[arg-type]
