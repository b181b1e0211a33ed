"""Categories passed over, by hand and against a loop over users."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from unclicked.data.catalogue import Catalogue, FieldCodes
from unclicked.data.dataset import PreparedDataset
from unclicked.data.vocabulary import Vocabulary
from unclicked.errors import ArtefactError
from unclicked.report.labels import value_of
from unclicked.reproduce.passed_over import (
    category_field,
    category_shares,
    item_categories,
    passed_over,
)
from unclicked.run import open_run


def field_of(values: list[list[str]]) -> FieldCodes:
    """A field of items 1..V, and of padding and the unknown item."""
    words = Vocabulary(pa.array(sorted({one for row in values for one in row}), pa.string()))
    rows = [[words.unknown], *(words.encode(row).tolist() for row in values), [words.unknown]]
    offsets = np.cumsum([0, *(len(row) for row in rows)])
    return FieldCodes(words, offsets, np.array([c for row in rows for c in row], dtype=np.int32))


def catalogue_of(**fields: list[list[str]]) -> Catalogue:
    items = Vocabulary(pa.array(["i1", "i2", "i3", "i4"]))
    rank, clicks = np.arange(5), np.zeros(4, dtype=np.int64)
    return Catalogue(items, clicks, rank, {name: field_of(one) for name, one in fields.items()})


TWO = [["a"], ["a"], ["b"], ["b"]]
THREE = [["a"], ["b"], ["c"], ["c"]]
EACH = [["a"], ["b"], ["c"], ["d"]]


@pytest.mark.parametrize(
    ("fields", "chosen"),
    [
        ({}, None),
        ({"leaf_category": TWO, "brand": THREE}, "leaf_category"),
        ({"brand": TWO, "kind": THREE}, "kind"),
        # A value for each item is an id; of equals the first by name.
        ({"barcode": EACH, "kind": TWO, "brand": TWO}, "brand"),
        ({"barcode": EACH}, None),
    ],
)
def test_the_finest_field(fields: dict[str, list[list[str]]], chosen: str | None) -> None:
    assert category_field(catalogue_of(**fields)) == chosen


def test_categories_of_items() -> None:
    catalogue = catalogue_of(kind=[["b"], [], ["c", "a"], ["a"]])
    assert item_categories(catalogue, "kind").tolist() == [0, 2, 0, 3, 1]


@pytest.mark.parametrize(
    ("unclicked", "truth", "found"),
    [
        ([], [], []),
        # Once is not frequent.
        ([1, 2, 3], [], []),
        ([1, 1, 2], [], [1]),
        # The third has 3: those with 2 are not frequent, and equals of the third are.
        ([1] * 5 + [2] * 4 + [3] * 3 + [4] * 3 + [5] * 2, [], [1, 2, 3, 4]),
        ([1] * 5 + [2] * 4 + [3] * 3 + [4] * 3 + [5] * 2, [2, 4], [1, 3]),
        # Items without a category are none.
        ([0, 0, 0, 6, 6], [], [6]),
        ([6, 6], [6], []),
    ],
)
def test_passed_over(unclicked: list[int], truth: list[int], found: list[int]) -> None:
    codes = np.array(unclicked, dtype=np.int64), np.array(truth, dtype=np.int64)
    assert passed_over(*codes).tolist() == found


def test_shares_against_a_loop(tiny_run: Path, tiny_base: Path, tiny_data: PreparedDataset) -> None:
    shares = category_shares(open_run(tiny_base), open_run(tiny_run), tiny_data, top_k=10)
    assert shares is not None and shares.field == "leaf_category"
    samples, some = tiny_data.splits["test"], 0

    def name(code: int) -> str:
        return value_of(tiny_data.catalogue, "leaf_category", int(code))

    for user in range(len(samples)):
        row = samples.row_now[samples.position_offsets[user + 1] - 1]
        shown = samples.row_items[samples.row_offsets[row] : samples.row_offsets[row + 1]]
        truth = samples.truth_items[samples.truth_offsets[user] : samples.truth_offsets[user + 1]]
        counts = Counter(map(name, shown)).most_common()
        least = max(2, counts[min(2, len(counts) - 1)][1]) if counts else 2
        wrong = {one for one, count in counts if count >= least} - set(map(name, truth))
        assert shares.able[user] == bool(wrong)
        some += bool(wrong)
        for lists, found in ((shares.base_lists, shares.base), (shares.full_lists, shares.full)):
            assert lists.shape[1] == 10
            assert found[user] == sum(name(one) in wrong for one in lists[user]) / 10
    assert some > 5
    assert (shares.base != shares.full).any()


def test_items_without_categories(
    tiny_run: Path, tiny_base: Path, tiny_data: PreparedDataset
) -> None:
    bare = replace(tiny_data, catalogue=replace(tiny_data.catalogue, fields={}))
    assert category_shares(open_run(tiny_base), open_run(tiny_run), bare) is None


def test_other_data_is_refused(tiny_run: Path, tiny_base: Path, tiny_data: PreparedDataset) -> None:
    other = replace(tiny_data, sha256="0" * 64)
    with pytest.raises(ArtefactError, match="was trained on another data set"):
        category_shares(open_run(tiny_base), open_run(tiny_run), other)
