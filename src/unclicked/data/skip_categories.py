"""Ways to sort items into categories: by their fields, or by which items are clicked together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import sparse

from unclicked.data.catalogue import Catalogue, FieldCodes
from unclicked.data.samples import Samples

Ints = NDArray[np.int64]

MOST_VALUES = 1000
MOST_LINKED_ITEMS = 20_000
NEIGHBOURS = 2
MOST_SWEEPS = 20
LEAST_GAIN = 1e-9
CLICKED_TOGETHER = "group of items clicked together"


@dataclass(frozen=True)
class Grouping:
    """One way to sort items into categories.

    Attributes:
        name: Name of the field, or what the groups were made of.
        value_of: For each fold int32 [V + 2], category of each item index, -1 where it has none;
            a single array where all folds share it.
    """

    name: str
    value_of: tuple[NDArray[np.int32], ...]


def field_groupings(catalogue: Catalogue) -> list[Grouping]:
    """Each item field as categories.

    Args:
        catalogue: The items.

    Returns:
        One grouping for each field with at least two values.
    """
    clicks = np.concatenate([[0], np.asarray(catalogue.clicks), [0]])
    found = []
    for name, field in catalogue.fields.items():
        value_of = _first_values(field, clicks)
        if len(np.unique(value_of[value_of >= 0])) > 1:
            found.append(Grouping(name, (value_of,)))
    return found


def _first_values(field: FieldCodes, clicks: Ints) -> NDArray[np.int32]:
    """First value of each item; beyond the most clicked values there is one for all others."""
    offsets, codes = np.asarray(field.offsets), np.asarray(field.codes)
    first = codes[np.minimum(offsets[:-1], len(codes) - 1)].astype(np.int64)
    has = (np.diff(offsets) > 0) & (first > 0) & (first < field.vocabulary.unknown)
    weight = np.bincount(first[has], weights=clicks[has], minlength=field.vocabulary.unknown)
    order = np.argsort(-weight[1:], kind="stable")
    number = np.empty(len(order), dtype=np.int64)
    number[order] = np.minimum(np.arange(len(order)), MOST_VALUES - 1)
    return np.where(has, number[np.where(has, first - 1, 0)], -1).astype(np.int32)


def click_grouping(
    samples: Samples, click_item: NDArray[np.int32], num_items: int, fold: Ints, num_folds: int
) -> Grouping | None:
    """Categories made of the clicks: groups of items that are clicked one after the other.

    For each fold the groups come from the clicks of users outside of it, so that nobody is judged
    on categories that were made of his own clicks.

    Args:
        samples: Training samples.
        click_item: int32 [C], item index of every click.
        num_items: V.
        fold: int64 [S], fold of each sample's user.
        num_folds: Number of folds.

    Returns:
        The grouping; None where clicks tie no two groups apart.

    Source: communities by local moves for the modularity of a graph, in the manner of Louvain.
    """
    linked = min(num_items, MOST_LINKED_ITEMS)
    value_of = []
    for number in range(num_folds):
        rows = np.flatnonzero(fold != number)
        pairs = _pairs(
            samples.long_start[rows],
            samples.start[rows],
            samples.end[rows],
            np.asarray(click_item),
            linked,
        )
        group = communities(pairs, linked)
        if group.max(initial=-1) < 1:
            return None
        whole = np.full(num_items + 2, -1, dtype=np.int32)
        whole[1 : linked + 1] = np.minimum(group, MOST_VALUES - 1)
        value_of.append(whole)
    return Grouping(CLICKED_TOGETHER, tuple(value_of))


def communities(pairs: Ints, size: int) -> Ints:
    """Groups of nodes with many links inside and few between them.

    Args:
        pairs: int64 [n, 2], links between nodes 0..size - 1; repeated ones weigh more.
        size: Number of nodes.

    Returns:
        int64 [size], group of each node, largest first; -1 for nodes without a link.

    Example:
        >>> links = np.array([[0, 1], [1, 2], [0, 2], [3, 4], [4, 5], [3, 5], [2, 3]])
        >>> communities(links, 7).tolist()
        [0, 0, 0, 1, 1, 1, -1]
    """
    ones = np.ones(len(pairs))
    graph = sparse.coo_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(size, size)).tocsr()
    graph = (graph + graph.T).tocsr()
    alone = np.asarray(graph.sum(axis=1)).ravel() == 0
    group = np.arange(size, dtype=np.int64)
    while True:
        graph.sort_indices()
        moved = _local_moves(graph.indptr, graph.indices, graph.data)
        labels, moved = np.unique(moved, return_inverse=True)
        group = moved[group]
        if len(labels) == graph.shape[0]:
            break
        member = sparse.csr_array(
            (np.ones(len(moved)), (np.arange(len(moved)), moved)), shape=(len(moved), len(labels))
        )
        graph = (member.T @ graph @ member).tocsr()
    count = np.bincount(group[~alone], minlength=group.max(initial=0) + 1)
    rank = np.empty(len(count), dtype=np.int64)
    rank[np.argsort(-count, kind="stable")] = np.arange(len(count))
    return np.where(alone, -1, rank[group])


@njit(cache=True, nogil=True)
def _best_group(node, begin, end, indices, data, group, load, weight, share):
    """The neighbouring group that a node gains most from; its own where none is better."""
    here = group[node]
    for place in range(begin, end):
        if indices[place] != node:
            weight[group[indices[place]]] += data[place]
    best, most = here, weight[here] - share * load[here]
    for place in range(begin, end):
        there = group[indices[place]]
        gain = weight[there] - share * load[there]
        if indices[place] != node and gain > most + LEAST_GAIN:
            best, most = there, gain
    for place in range(begin, end):
        weight[group[indices[place]]] = 0.0
    return best


@njit(cache=True, nogil=True)
def _local_moves(indptr, indices, data):
    """Move each node to the group that raises modularity most, until nothing moves."""
    size = len(indptr) - 1
    degree = np.zeros(size)
    for node in range(size):
        degree[node] = data[indptr[node] : indptr[node + 1]].sum()
    total, load = degree.sum(), degree.copy()
    group, weight = np.arange(size), np.zeros(size)
    for _ in range(MOST_SWEEPS):
        moves = 0
        for node in range(size):
            if degree[node] == 0.0:
                continue
            here, begin, end = group[node], indptr[node], indptr[node + 1]
            load[here] -= degree[node]
            share = degree[node] / total
            best = _best_group(node, begin, end, indices, data, group, load, weight, share)
            load[best] += degree[node]
            group[node] = best
            moves += best != here
        if moves == 0:
            break
    return group


@njit(cache=True, nogil=True)
def _pairs(long_start, start, end, clicks, linked):
    """Places, from 0, of items that follow each other among a user's clicks."""
    result = np.empty((NEIGHBOURS * (end - start).sum(), 2), dtype=np.int64)
    size = 0
    for number in range(len(start)):
        for index in range(start[number], end[number]):
            for before in range(max(long_start[number], index - NEIGHBOURS), index):
                first, second = clicks[before], clicks[index]
                if first != second and first <= linked and second <= linked:
                    result[size, 0], result[size, 1] = first - 1, second - 1
                    size += 1
    return result[:size]
