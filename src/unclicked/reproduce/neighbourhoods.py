"""Which vectors lie near which: the numbers behind a map that only shows it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unclicked.reproduce.projection import figures_module

Floats = NDArray[np.float64]


def squared_distances(first: Floats, second: Floats) -> Floats:
    """Squared distance of each user's two vectors.

    Args:
        first: float64 [U, D].
        second: float64 [U, D].

    Returns:
        float64 [U].

    Example:
        >>> squared_distances(np.array([[0.0, 1.0]]), np.array([[3.0, 5.0]])).tolist()
        [25.0]
    """
    distances: Floats = np.square(first - second).sum(axis=1)
    return distances


def unit(vectors: Floats) -> Floats:
    """The directions of vectors: squared distances of them order as cosines do.

    Args:
        vectors: float64 [U, D].

    Returns:
        float64 [U, D], each of length 1; a vector of zeros stays one.

    Example:
        >>> unit(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
        [[0.6, 0.8], [0.0, 0.0]]
    """
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(length > 0, length, 1.0)


def nearer_to_labels(clicked: Floats, unclicked: Floats, labels: Floats) -> Floats:
    """Whether each user's clicked vector is nearer to her label vector than to her unclicked one.

    Args:
        clicked: h, float64 [U, D].
        unclicked: n, float64 [U, D].
        labels: c, float64 [U, D].

    Returns:
        float64 [U], 1 or 0; its mean is the share of such users.

    Example:
        >>> h, n = np.array([[0.0], [0.0]]), np.array([[2.0], [1.0]])
        >>> nearer_to_labels(h, n, np.array([[1.0], [-1.0]])).tolist()
        [1.0, 0.0]
    """
    near = squared_distances(clicked, labels) < squared_distances(clicked, unclicked)
    return near.astype(np.float64)


def own_label_ranks(users: Floats, labels: Floats) -> Floats:
    """Rank of each user's own label vector among those of all users, seen from her vector.

    Args:
        users: float64 [U, D], vectors that are looked from.
        labels: float64 [U, D], label vectors.

    Returns:
        float64 [U] in 1..U: 1 where her own is the nearest by squared distance; of equally far
        ones half count as nearer. (U + 1) / 2 is what chance gives on average.

    Example:
        >>> users, labels = np.array([[0.0], [1.0], [5.0]]), np.array([[0.0], [4.0], [9.0]])
        >>> own_label_ranks(users, labels).tolist()
        [1.0, 2.0, 2.0]
    """
    ranks = np.empty(len(users))
    for place, one in enumerate(users):
        # Differences, not inner products, so that equal vectors are exactly equally far.
        every = np.square(one - labels).sum(axis=1)
        own = every[place]
        ranks[place] = 1 + (every < own).sum() + ((every == own).sum() - 1) / 2
    return ranks


def silhouette(together: Floats, apart: Floats) -> float:
    """How well one group of vectors is parted from another, from -1 to 1.

    Args:
        together: float64 [N, D], such as all h and all c.
        apart: float64 [M, D], such as all n; N + M is at least 3.

    Returns:
        Mean silhouette of all N + M vectors by Euclidean distance; near 0: they are mixed.

    Raises:
        UserError: scikit-learn is not installed.
    """
    labels = np.repeat([0, 1], [len(together), len(apart)])
    metrics = figures_module("sklearn.metrics")
    return float(metrics.silhouette_score(np.concatenate([together, apart]), labels))
