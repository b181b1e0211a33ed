"""How much of users' lists is of categories that they are shown and pass over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unclicked.data.catalogue import Catalogue
from unclicked.data.dataset import PreparedDataset
from unclicked.evaluation import held_out_builder, rank
from unclicked.report.labels import USUAL_FIELD
from unclicked.reproduce.vectors import SPLIT, refuse_other_data
from unclicked.run import Run

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# A category is frequent among the unclicked items if it has this many of them at least, and no
# fewer than the third most frequent one has.
LEAST, FREQUENT = 2, 3


def category_field(catalogue: Catalogue) -> str | None:
    """The finest category that items have.

    Args:
        catalogue: The items.

    Returns:
        `leaf_category` where there is such a field, else the field with most values (the first by
        name of equals) that has fewer than there are items, since others are ids; None without.
    """
    if USUAL_FIELD in catalogue.fields:
        return USUAL_FIELD
    sizes = {name: len(one.vocabulary) for name, one in sorted(catalogue.fields.items())}
    sizes = {name: size for name, size in sizes.items() if 0 < size < len(catalogue.items)}
    return max(sizes, key=lambda name: sizes[name], default=None)


def item_categories(catalogue: Catalogue, field: str) -> Ints:
    """Category of every item.

    Args:
        catalogue: The items.
        field: Name of the field; the first value counts where an item has several.

    Returns:
        int64 [V + 1], value numbers, at item indices; 0 for padding and items without one.
    """
    codes = catalogue.fields[field]
    begin = codes.offsets[:-1][: len(catalogue.items) + 1]
    some = codes.offsets[1:][: len(begin)] > begin
    values = np.zeros(len(begin), dtype=np.int64)
    values[some] = codes.codes[begin[some]]
    values[values == codes.vocabulary.unknown] = 0
    values[0] = 0
    return values


def passed_over(unclicked: Ints, truth: Ints) -> Ints:
    """Categories that are frequent among a user's unclicked items and absent from her truth.

    Frequent are those with at least 2 of the items and no fewer than the third most frequent has.

    Args:
        unclicked: int64 [N], categories of the unclicked items; 0 where there is none.
        truth: int64 [M], of the items to be found.

    Returns:
        int64, distinct categories, ascending.

    Example:
        >>> passed_over(np.array([5, 5, 5, 8, 8, 7, 7, 6]), np.array([8, 4])).tolist()
        [5, 7]
    """
    values, counts = np.unique(unclicked[unclicked > 0], return_counts=True)
    if not len(values):
        return values
    third = np.sort(counts)[::-1][:FREQUENT][-1]
    frequent: Ints = values[counts >= max(LEAST, third)]
    return frequent[~np.isin(frequent, truth)]


@dataclass(frozen=True)
class CategoryShares:
    """How much of both lists of every test user is of categories that she passes over.

    Attributes:
        field: Name of the category field.
        base: float64 [S], share of the base's list, in the order of the test users.
        full: float64 [S], of the full run's.
        able: bool [S], whether the user passes a category over; without one both shares are 0.
        base_lists: int64 [S, K], item indices, best first.
        full_lists: int64 [S, K].
    """

    field: str
    base: Floats
    full: Floats
    able: NDArray[np.bool_]
    base_lists: Ints
    full_lists: Ints


def category_shares(
    base_run: Run, full_run: Run, dataset: PreparedDataset, *, top_k: int = 50
) -> CategoryShares | None:
    """Rank for every test user by both runs, and count what she passes over.

    Her later clicks are only used to judge: what she does click later was no mistake to offer.

    Args:
        base_run: A run that reads clicks alone.
        full_run: A run that reads unclicked items too.
        dataset: The data set of both.
        top_k: Length K of the lists, at least 1.

    Returns:
        The shares; None where items have no category.

    Raises:
        ArtefactError: A run was trained on another data set.

    Source: Figure 7 tells it of one user; this is its number for all.
    """
    for run in (base_run, full_run):
        refuse_other_data(run, dataset)
    field = category_field(dataset.catalogue)
    if field is None:
        return None
    categories = item_categories(dataset.catalogue, field)
    wrong = _passed_over_by_all(dataset, full_run.config.data.unclicked.cut, categories)
    lists, shares = [], []
    for run in (base_run, full_run):
        builder = held_out_builder(dataset, run.config, SPLIT)
        ranked = rank(run.model, builder, top_k, run.config.evaluate.batch_size)
        pairs = zip(categories[ranked], wrong, strict=True)
        lists.append(ranked)
        shares.append(np.array([np.isin(row, one).mean() for row, one in pairs]))
    able = np.array([len(one) > 0 for one in wrong])
    return CategoryShares(field, shares[0], shares[1], able, lists[0], lists[1])


def _passed_over_by_all(dataset: PreparedDataset, cut: str, categories: Ints) -> list[Ints]:
    samples = dataset.splits[SPLIT]
    begin, end = samples.final_lists(cut)
    shown, truth = categories[samples.row_items], categories[samples.truth_items]
    ends = samples.truth_offsets
    return [
        passed_over(shown[begin[user] : end[user]], truth[ends[user] : ends[user + 1]])
        for user in range(len(samples))
    ]
