"""Vectors for items that were not trained, from trained items that are like them."""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from unclicked.data.catalogue import Catalogue, FieldCodes

BLOCK, TINY = 256, 1e-12


def neighbour_vectors(old: Catalogue, grown: Catalogue, vectors: Tensor) -> Tensor:
    """For each new item the mean vector of the clicked items that share most field values with it.

    It is made as long as those are on average. An item that shares no value with any gets the mean
    of all clicked ones. No vector of these was ever trained: it is where similar items lie.

    Args:
        old: The items that were trained, 1..V.
        grown: The same with n new ones after them; they have at least one field.
        vectors: float [V + 1, D], of the old items.

    Returns:
        float [n, D].
    """
    count = len(old.items)
    values = sparse.hstack([_values(one) for one in grown.fields.values()], format="csr")
    clicked = np.flatnonzero(np.asarray(old.clicks) > 0) + 1
    clicked = clicked if len(clicked) else np.arange(1, count + 1)
    trained = vectors[torch.from_numpy(clicked)].double()
    lengths = trained.norm(dim=1, keepdim=True)
    like, parts = values[clicked], []
    for begin in range(count + 1, len(grown.items) + 1, BLOCK):
        rows = values[begin : min(begin + BLOCK, len(grown.items) + 1)]
        shared = np.asarray((rows @ like.T).todense())
        nearest = torch.from_numpy(shared == shared.max(axis=1, keepdims=True)).double()
        mean = nearest @ trained / nearest.sum(dim=1, keepdim=True)
        length = nearest @ lengths / nearest.sum(dim=1, keepdim=True)
        # A mean is shorter than what it is of, and short vectors are in nobody's list.
        parts.append(mean * length / mean.norm(dim=1, keepdim=True).clamp(min=TINY))
    empty = trained.new_zeros(0, trained.shape[1])
    return torch.cat([empty, *parts]).to(vectors.dtype)


def _values(field: FieldCodes) -> sparse.csr_matrix:
    """Which values each item has; padding and unknown ones are shared by what is not alike."""
    unknown = field.vocabulary.unknown
    real = (field.codes > 0) & (field.codes < unknown)
    shape = (len(field.offsets) - 1, unknown + 1)
    matrix = sparse.csr_matrix((real.astype(np.float64), field.codes, field.offsets), shape)
    # A value named twice counts once.
    matrix.sum_duplicates()
    matrix.data = np.minimum(matrix.data, 1.0)
    return matrix
