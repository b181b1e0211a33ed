"""Measures of a ranked list, one value for each user, so that runs can be compared in pairs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from unclicked.errors import UserError

Integers: TypeAlias = NDArray[np.integer]
Ragged: TypeAlias = tuple[Integers, Integers]
Truth: TypeAlias = Ragged | Sequence[Collection[int]]
PerUserMetrics: TypeAlias = dict[str, NDArray[np.float64]]


def per_user(ranked: Integers, truth: Truth, top_k: int) -> PerUserMetrics:
    """Judge each user's ranked list against the items that this user really clicked later.

    Args:
        ranked: [U, L] integers, best item first, L >= `top_k`. An entry below 1 is no item: it
            keeps its rank and never hits. An item that is listed twice hits once.
        truth: For each user the clicked items: a sequence of U sets, or a pair of integer arrays
            `(offsets [U + 1], values)` where user u owns `values[offsets[u]:offsets[u + 1]]`.
            Repeated values count once. A value below 1 stands for an item outside the catalogue:
            each such entry counts against the recall as an item of its own.
        top_k: Length of the list that is judged, at least 1.

    Returns:
        [U] float64 for each of `HR@k`, `MRR@k`, `P@k`, `R@k`, `F1@k` and `NDCG@k`, in [0, 1]. A
        user without any clicked item has 0 everywhere: leave such users out beforehand.

    Raises:
        UserError: A shape does not fit, or an item number is too large for exact keys.

    Source: HR, P, R and F1 as in SDM (CIKM 2019), where F1 is the mean of the users' F1; NDCG as in
        Jarvelin and Kekalainen (2002) with gain 0 or 1 and the best order over min(|truth|, k).

    Differs: SDM leaves MRR open; here it is the reciprocal rank of the first hit.

    Example:
        >>> result = per_user(np.array([[11, 12, 13], [21, 22, 23]]), [{12, 40}, {99}], top_k=3)
        >>> result["HR@3"].tolist(), result["MRR@3"].tolist(), result["R@3"].tolist()
        ([1.0, 0.0], [0.5, 0.0], [0.5, 0.0])
    """
    lists = _lists(ranked, top_k)
    num_users = len(lists)
    offsets, values = _ragged(truth, num_users)
    hit_mask, num_relevant = _hits(lists, offsets, values)
    num_hits = hit_mask.sum(axis=1).astype(np.float64)
    hit = (num_hits > 0).astype(np.float64)
    first = np.where(num_hits > 0, hit_mask.argmax(axis=1), 0)
    precision = num_hits / top_k
    recall = num_hits / np.maximum(num_relevant, 1)
    both = np.where(num_hits > 0, precision + recall, 1.0)
    return {
        f"HR@{top_k}": hit,
        f"MRR@{top_k}": hit / (first + 1),
        f"P@{top_k}": precision,
        f"R@{top_k}": recall,
        f"F1@{top_k}": 2 * precision * recall / both,
        f"NDCG@{top_k}": _ndcg(hit_mask, num_relevant),
    }


def coverage(ranked: Integers, num_items: int) -> float:
    """Share of the catalogue that appears in at least one list.

    Args:
        ranked: Integers of any shape; entries below 1 are no items.
        num_items: Size of the catalogue, at least 1.

    Returns:
        Distinct recommended items divided by `num_items`.

    Raises:
        UserError: `num_items` is below 1 or smaller than an item number in the lists.

    Example:
        >>> coverage(np.array([[1, 2, 0], [2, 3, 0]]), num_items=6)
        0.5
    """
    listed = np.asarray(ranked).ravel()
    largest = int(listed.max(initial=0))
    if num_items < 1 or largest > num_items:
        raise UserError(
            "METRIC-ITEMS",
            "num_items",
            f"found {num_items}, expected at least {max(largest, 1)}. Pass the catalogue's size.",
        )
    seen = np.zeros(num_items + 1, dtype=np.bool_)
    seen[listed[listed > 0]] = True
    return int(seen.sum()) / num_items


def _lists(ranked: Integers, top_k: int) -> NDArray[np.int64]:
    lists = np.asarray(ranked)
    if lists.ndim != 2 or not np.issubdtype(lists.dtype, np.integer):
        raise UserError(
            "METRIC-RANKED",
            "ranked",
            f"found {lists.dtype} {list(lists.shape)}, expected integers [users, items].",
        )
    if not 1 <= top_k <= lists.shape[1]:
        raise UserError(
            "METRIC-TOPK",
            "top_k",
            f"found {top_k}, expected 1 to {lists.shape[1]}, the length of the lists. "
            "Rank more items, or fill short lists with 0.",
        )
    return lists[:, :top_k].astype(np.int64, order="C")


def _ragged(truth: Truth, num_users: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    if isinstance(truth, tuple) and len(truth) == 2 and isinstance(truth[0], np.ndarray):
        offsets, values = np.asarray(truth[0]), np.asarray(truth[1])
    else:
        lengths = [len(items) for items in truth]
        offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        flat = [item for items in truth for item in items]
        values = np.array(flat) if flat else np.empty(0, dtype=np.int64)
    for part in (offsets, values):
        if part.ndim != 1 or not np.issubdtype(part.dtype, np.integer):
            raise UserError(
                "METRIC-TRUTH",
                "truth",
                f"found {part.dtype} {list(part.shape)}, expected a flat array of integers.",
            )
    if len(offsets) != num_users + 1:
        raise UserError(
            "METRIC-TRUTH",
            "truth",
            f"found {len(offsets) - 1} users, expected {num_users}, one for each ranked list.",
        )
    if offsets[0] != 0 or offsets[-1] != len(values) or np.any(np.diff(offsets) < 0):
        raise UserError(
            "METRIC-TRUTH",
            "truth offsets",
            f"expected to rise from 0 to {len(values)}, the number of values.",
        )
    return offsets.astype(np.int64), values.astype(np.int64)


def _hits(
    lists: NDArray[np.int64], offsets: NDArray[np.int64], values: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Mark the entries that hit [U, k], and count each user's clicked items [U]."""
    num_users = len(lists)
    base = max(int(lists.max(initial=0)), int(values.max(initial=0))) + 1
    # One key for each pair of user and item, so that one sorted array answers for all users.
    if num_users * base >= 2**63:
        raise UserError(
            "METRIC-ITEMS",
            "ranked and truth",
            f"found item number {base - 1}, too large. Pass row numbers from 1 to num_items.",
        )
    owner = np.repeat(np.arange(num_users, dtype=np.int64), np.diff(offsets))
    in_catalogue = values > 0
    relevant = np.sort(owner[in_catalogue] * base + values[in_catalogue])
    # np.unique would build a hash table, which takes many times as long as this sort.
    relevant = relevant[np.diff(relevant, prepend=-1) != 0]
    num_relevant = np.bincount(relevant // base, minlength=num_users)
    num_relevant += np.bincount(owner[~in_catalogue], minlength=num_users)
    hit_mask = np.zeros(lists.shape, dtype=np.bool_)
    if len(relevant):
        keys = np.arange(num_users, dtype=np.int64)[:, None] * base + lists
        place = np.minimum(np.searchsorted(relevant, keys), len(relevant) - 1)
        hit_mask = (relevant[place] == keys) & (lists > 0)
        flat = np.flatnonzero(hit_mask)
        flat = flat[np.argsort(keys.ravel()[flat], kind="stable")]
        again = np.diff(keys.ravel()[flat], prepend=-1) == 0
        hit_mask.ravel()[flat[again]] = False
    return hit_mask, num_relevant


def _ndcg(hit_mask: NDArray[np.bool_], num_relevant: NDArray[np.int64]) -> NDArray[np.float64]:
    top_k = hit_mask.shape[1]
    discount = 1 / np.log2(np.arange(2, top_k + 2, dtype=np.float64))
    ideal = np.concatenate([[0.0], np.cumsum(discount)])[np.minimum(num_relevant, top_k)]
    # Rounding of the two sums must not lift a perfect list above 1.
    gain = np.minimum(hit_mask @ discount, ideal)
    score: NDArray[np.float64] = gain / np.where(ideal > 0, ideal, 1.0)
    return score
