"""Lists from an approximate index: candidates by faiss, exact scores, nothing excluded in them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unclicked.errors import UserError
from unclicked.recommendation.answerer import Exclude
from unclicked.retrieval import ExactIndex

Ints = NDArray[np.int64]
# Numbers of float64 that are multiplied at a time.
PRODUCTS = 1 << 22


def faiss_package() -> Any:
    """The package faiss.

    Returns:
        The module.

    Raises:
        UserError: If it is not installed.
    """
    try:
        import faiss
    except ImportError:
        raise UserError(
            "INDEX", "faiss", 'is not installed. Install it: pip install ".[faiss]".'
        ) from None
    return faiss


class FaissSearcher:
    """Finds items by an index of faiss.

    Scores are exact and equal ones are ordered by the items' ids; only which items are found is
    approximate. Lists longer than the recall was measured on, and those of users for whom the
    index cannot give enough, are those of the exact search.

    Args:
        index: An IVF or HNSW index of rows 1..V, by inner product.
        vectors: float32 [V + 1, D], on the CPU.
        tie_rank: int64 [V + 1], ranks of the items' ids.
        effort: Lists looked into (IVF) or candidates kept (HNSW).
        top_k: Length of the lists that the recall was measured on.
    """

    def __init__(
        self, index: Any, vectors: Tensor, tie_rank: Ints, effort: int, top_k: int
    ) -> None:
        self._index = index
        self._vectors = vectors
        self._rows = vectors.numpy()
        self._tie_rank = tie_rank
        self._effort = effort
        self._top_k = top_k
        self._exact = ExactIndex(vectors, tie_rank=tie_rank)

    def with_effort(self, effort: int) -> FaissSearcher:
        """The same index, searched more or less thoroughly.

        Args:
            effort: See the class.

        Returns:
            Another searcher.
        """
        return FaissSearcher(self._index, self._vectors, self._tie_rank, effort, self._top_k)

    def search(self, users: Tensor, top_k: int, exclude: Exclude) -> tuple[Tensor, Tensor]:
        """Scores [U, K] and items [U, K], best first; item 0 and -inf where there are no more.

        Args:
            users: [U, D] float.
            top_k: Length of the lists; K is that or the number of items.
            exclude: `(offsets [U + 1], values)`: items that each user must not get.

        Returns:
            float32 scores and int64 items, on the CPU.

        Raises:
            UserError: If a shape or `top_k` does not fit.
            NumericError: If a vector is NaN or infinite.
        """
        count = len(self._vectors) - 1
        if top_k < 1 or min(top_k, count) > self._top_k or users.shape[1:] != (self._index.d,):
            return self._exact.search(users.cpu(), top_k, exclude)
        top_k = min(top_k, count)
        users = users.detach().float().cpu()
        if not bool(torch.isfinite(users).all()):
            return self._exact.search(users, top_k, exclude)
        offsets, values = (np.asarray(one) for one in exclude)
        lists = [
            np.unique(values[begin:end])
            for begin, end in zip(offsets[:-1], offsets[1:], strict=True)
        ]
        scores = np.full((len(users), top_k), -np.inf, dtype=np.float32)
        items = np.zeros((len(users), top_k), dtype=np.int64)
        left = np.arange(len(users))
        asked = min(count, top_k + min(top_k, max((len(one) for one in lists), default=0)))
        while len(left):
            found = self.found(users[left], asked)
            kept = [_without(*pair) for pair in zip(found, (lists[u] for u in left), strict=True)]
            enough = np.array([len(one) >= top_k for one in kept])
            for place in np.flatnonzero(enough):
                user = left[place]
                scores[user], items[user] = self._best(users[user], kept[place], top_k)
            # Where the index itself ran out of items, asking for more of them is in vain.
            dry = ~enough & ((found < 1).any(axis=1) | (asked == count))
            for user in left[dry]:
                own = (np.array([0, len(lists[user])]), lists[user].astype(np.int64))
                one = self._exact.search(users[user : user + 1], top_k, own)
                scores[user], items[user] = (part[0].numpy() for part in one)
            left = left[~enough & ~dry]
            asked = min(count, 2 * asked)
        return torch.from_numpy(scores), torch.from_numpy(items)

    def found(self, users: Tensor, count: int) -> Ints:
        """Items that the index finds, the best about first.

        Args:
            users: [U, D] float32, on the CPU.
            count: How many are asked for, at most the number of items.

        Returns:
            int64 [U, count]; 0 where the index finds no more.
        """
        faiss = faiss_package()
        if hasattr(self._index, "nlist"):
            effort = min(self._effort, self._index.nlist)
            parameters = faiss.SearchParametersIVF(nprobe=effort)
        else:
            parameters = faiss.SearchParametersHNSW(efSearch=max(self._effort, count))
        queries = np.ascontiguousarray(users.numpy())
        # It has threads of its own, as many as there are cores; set here, as they go by the thread.
        faiss.omp_set_num_threads(torch.get_num_threads())
        labels = self._index.search(queries, count, params=parameters)[1]
        found: Ints = labels.astype(np.int64) + 1
        return found

    def _best(self, user: Tensor, items: Ints, top_k: int) -> tuple[NDArray[np.float32], Ints]:
        wide, own = max(1, PRODUCTS // self._rows.shape[1]), user.numpy().astype(np.float64)
        parts = [items[at : at + wide] for at in range(0, len(items), wide)]
        exact = np.concatenate(
            [(self._rows[part].astype(np.float64) * own).sum(axis=1) for part in parts]
        )
        scores = exact.astype(np.float32)
        order = np.lexsort((self._tie_rank[items], -scores))[:top_k]
        return scores[order], items[order]


def _without(found: Ints, excluded: Ints) -> Ints:
    found = found[found > 0]
    return found[~np.isin(found, excluded)] if len(excluded) else found
