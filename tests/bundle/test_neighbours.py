"""Vectors of items that were not trained: worked by hand."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import torch

from unclicked.bundle.neighbours import neighbour_vectors
from unclicked.data.catalogue import Catalogue, FieldCodes
from unclicked.data.vocabulary import Vocabulary


def catalogue(clicks: list[int], tags: list[list[int]], shops: list[list[int]]) -> Catalogue:
    """Items with two fields of two values each, 3 is an unknown value; the ends are added here."""
    fields = {}
    for name, lists in (("tag", tags), ("shop", shops)):
        rows = [[0], *lists, [3]]
        fields[name] = FieldCodes(
            Vocabulary(pa.array(["a", "b"])),
            np.cumsum([0, *map(len, rows)]),
            np.array([code for row in rows for code in row], dtype=np.int32),
        )
    count = len(clicks)
    rank = np.concatenate([[0], np.arange(count)])
    return Catalogue(Vocabulary(pa.array(range(count))), np.array(clicks), rank, fields)


def test_by_hand() -> None:
    tags, shops = [[1], [1], [2], [1, 1], [1]], [[1], [2], [2], [3], [1]]
    old = catalogue([9, 5, 2, 1, 0], tags, shops)
    new_tags = [[1], [2], [3], [], [1, 3], [1, 2]]
    new_shops = [[1], [1], [3], [], [3], [2, 2]]
    grown = catalogue([9, 5, 2, 1, 0, *[0] * 6], tags + new_tags, shops + new_shops)
    vectors = torch.tensor([[99.0], [1.0], [2.0], [4.0], [8.0], [1000.0]])
    found = neighbour_vectors(old, grown, vectors).flatten().tolist()
    # The fifth item was never clicked, and unknown values are shared by nobody.
    everyone = (1 + 2 + 4 + 8) / 4
    # Numbers above zero: a mean is as long as the mean length.
    assert found == pytest.approx(
        [
            1.0,  # tag and shop of the first
            (1 + 4) / 2,  # tag of the third, shop of the first
            everyone,  # nothing known
            everyone,  # nothing at all
            torch.tensor((1 + 2 + 8) / 3).item(),  # tag a: a value named twice counts once
            (2 + 4) / 2,  # two values each with the second and the third
        ]
    )


def test_without_clicks_all_items_count_and_without_new_items_there_is_nothing() -> None:
    old = catalogue([0, 0], [[1], [1]], [[1], [2]])
    grown = catalogue([0, 0, 0], [[1], [1], [1]], [[1], [2], []])
    vectors = torch.tensor([[9.0, 9.0], [3.0, 0.0], [0.0, 1.0]])
    # The mean (1.5, 0.5) is sqrt(2.5) long, the two are 2 long on average.
    wanted = [1.5 * 2 / 2.5**0.5, 0.5 * 2 / 2.5**0.5]
    assert neighbour_vectors(old, grown, vectors).tolist() == [pytest.approx(wanted)]
    opposite = torch.tensor([[9.0, 9.0], [1.0, 0.0], [-1.0, 0.0]])
    assert neighbour_vectors(old, grown, opposite).tolist() == [[0.0, 0.0]]
    assert neighbour_vectors(old, old, vectors).shape == (0, 2)
