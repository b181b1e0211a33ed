"""Lists through an index: exact scores, no excluded item, and the exact lists where it must be."""

from __future__ import annotations

from typing import Any

import faiss
import numpy as np
import pytest
import torch

from unclicked.bundle.faiss_search import FaissSearcher
from unclicked.errors import NumericError
from unclicked.retrieval import ExactIndex

COUNT, DIM = 400, 8


def made(kind: str, effort: int, top_k: int = 50) -> tuple[FaissSearcher, ExactIndex, torch.Tensor]:
    rng = np.random.default_rng(1)
    rows = rng.integers(-3, 4, (COUNT + 1, DIM)).astype(np.float32)
    # Whole numbers make many scores equal, so that ties are tested at every list.
    index: Any
    if kind == "ivf":
        metric = faiss.METRIC_INNER_PRODUCT
        index = faiss.IndexIVFFlat(faiss.IndexFlatIP(DIM), DIM, 20, metric)
        index.cp.min_points_per_centroid = 1
        index.train(rows[1:])
    else:
        index = faiss.IndexHNSWFlat(DIM, 32, faiss.METRIC_INNER_PRODUCT)
    index.add(rows[1:])
    rank = np.concatenate([[0], rng.permutation(COUNT)])
    vectors = torch.from_numpy(rows)
    users = torch.from_numpy(rng.integers(-3, 4, (30, DIM)).astype(np.float32))
    searcher = FaissSearcher(index, vectors, rank, effort, top_k)
    return searcher, ExactIndex(vectors, tie_rank=rank), users


def nothing(users: torch.Tensor) -> Any:
    return np.zeros(len(users) + 1, dtype=np.int64), np.zeros(0, dtype=np.int64)


@pytest.mark.parametrize(("kind", "effort"), [("ivf", 2), ("ivf", 20), ("hnsw", 16)])
def test_scores_are_exact_and_ties_are_in_order(kind: str, effort: int) -> None:
    searcher, _, users = made(kind, effort)
    rank, rows = searcher._tie_rank, searcher._rows
    scores, items = searcher.search(users, 20, nothing(users))
    for user, row, found in zip(users.numpy(), scores.tolist(), items.tolist(), strict=True):
        assert len(set(found)) == 20
        assert row == [float(rows[item] @ user) for item in found]
        pairs = [(-score, rank[item]) for score, item in zip(row, found, strict=True)]
        assert pairs == sorted(pairs)


@pytest.mark.parametrize("many", [3, 40, 200, 380, 395, 400])
@pytest.mark.parametrize(("kind", "effort"), [("ivf", 1), ("ivf", 20), ("hnsw", 16)])
def test_excluded_items_are_never_there_and_lists_are_full(
    kind: str, effort: int, many: int
) -> None:
    searcher, exact, users = made(kind, effort)
    rng = np.random.default_rng(many)
    # The first user may have everything, the others lose very different numbers.
    lists = [np.zeros(0, dtype=np.int64)] + [
        rng.permutation(COUNT)[: int(rng.integers(many // 2, many + 1))] + 1
        for _ in range(len(users) - 1)
    ]
    exclude = (np.cumsum([0, *map(len, lists)]), np.concatenate(lists))
    scores, items = searcher.search(users, 10, exclude)
    for out, found, row in zip(lists, items.numpy(), scores, strict=True):
        real = found[found > 0]
        assert len(real) == min(10, COUNT - len(out))
        assert not np.isin(real, out).any()
        assert torch.isinf(row[len(real) :]).all()
    left = np.array([COUNT - len(out) for out in lists])
    few = torch.from_numpy(left <= 10)
    wanted = exact.search(users, 10, exclude)
    assert torch.equal(items[few], wanted[1][few])
    assert torch.equal(scores[few], wanted[0][few])


def test_all_lists_are_the_exact_ones_where_all_is_looked_into() -> None:
    searcher, exact, users = made("ivf", 20)
    # Without ties at the end of a list there is one right list.
    users = torch.randn(30, DIM, generator=torch.Generator().manual_seed(2))
    exclude = (np.arange(31) * 7, np.random.default_rng(0).integers(1, COUNT + 1, 210))
    for top_k in (1, 10, 50):
        for found, wanted in zip(
            searcher.search(users, top_k, exclude), exact.search(users, top_k, exclude), strict=True
        ):
            assert torch.equal(found, wanted)


def test_longer_lists_than_were_measured_are_exact() -> None:
    searcher, exact, users = made("ivf", 1, top_k=5)
    for top_k in (6, 400, 10**6):
        found = searcher.search(users, top_k, nothing(users))
        wanted = exact.search(users, top_k, nothing(users))
        assert torch.equal(found[0], wanted[0])
        assert torch.equal(found[1], wanted[1])
    short = searcher.search(users, 5, nothing(users))[1]
    assert not torch.equal(short, exact.search(users, 5, nothing(users))[1])


def test_no_users_and_no_numbers() -> None:
    searcher, _, users = made("ivf", 2)
    assert searcher.search(users[:0], 5, nothing(users[:0]))[1].shape == (0, 5)
    users[2, 3] = float("nan")
    with pytest.raises(NumericError):
        searcher.search(users, 5, nothing(users))
