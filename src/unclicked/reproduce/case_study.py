"""One user's case: what she clicked and passed over, both lists, and what she clicked later."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unclicked.data.dataset import PreparedDataset
from unclicked.report.labels import Labels
from unclicked.reproduce.passed_over import CategoryShares, item_categories, passed_over
from unclicked.reproduce.vectors import SPLIT

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Shares of a list carry rounding; less than this is no difference.
ROUNDING = 1e-12
NO_CATEGORY = "no category"


def choose_case(base: Floats, full: Floats, able: NDArray[np.bool_]) -> tuple[int, str] | None:
    """The user whose case is shown, by a rule that takes no extreme.

    Args:
        base: float64 [S], shares of the base's lists.
        full: float64 [S], of the full run's.
        able: bool [S], who may be chosen.

    Returns:
        Her place and the rule in words, with how many users it chose from; None if nobody may be.

    Example:
        >>> base, full = np.array([0.5, 0.5, 0.5, 0.1]), np.array([0.5, 0.1, 0.4, 0.0])
        >>> choose_case(base, full, np.ones(4, dtype=bool))[0]
        2
    """
    gain = base - full
    gain[np.abs(gain) < ROUNDING] = 0.0
    places = np.flatnonzero(able)
    if not len(places):
        return None
    helped, harmed = (int((sign * gain[places] > 0).sum()) for sign in (1, -1))
    told = (
        f"of {len(places)} test users who pass a category over, the second list holds fewer "
        f"such items for {helped}, as many for {len(places) - helped - harmed} and more for "
        f"{harmed}"
    )
    whose = "those with fewer" if helped else "all of these, as nobody has fewer"
    if helped:
        places = places[gain[places] > 0]
    middle = np.sort(gain[places])[(len(places) - 1) // 2]
    # Equal shares may differ in their last digit.
    chosen = int(places[np.argmax(np.abs(gain[places] - middle) < ROUNDING)])
    return chosen, f"{told}; shown is the median user of {whose} (the first by id of equals)"


@dataclass(frozen=True)
class Case:
    """One user: what she did, both lists, and what she clicked later; item indices.

    Attributes:
        user_id: Who.
        rule: How she was chosen.
        clicked: Her session's clicks, the last click last.
        unclicked: What she was shown and left, the last shown last.
        truth: What was to be found, in the order of clicking.
        base_list: The base's list, best first.
        full_list: The full run's list, best first.
        passed_over: Names of the categories that she passes over.
        labels: Names of the items, each with its category.
    """

    user_id: Any
    rule: str
    clicked: list[int]
    unclicked: list[int]
    truth: list[int]
    base_list: list[int]
    full_list: list[int]
    passed_over: list[str]
    labels: Labels


def tell_case(shares: CategoryShares, dataset: PreparedDataset, *, cut: str) -> Case | None:
    """The case of the user that the rule chooses.

    Args:
        shares: What `category_shares` found.
        dataset: The data set.
        cut: Which unclicked list counts: `now` or `session_start`.

    Returns:
        The case; None where no test user passes a category over.
    """
    found = choose_case(shares.base, shares.full, shares.able)
    if found is None:
        return None
    user, rule = found
    samples, catalogue = dataset.splits[SPLIT], dataset.catalogue
    begin, end = samples.final_lists(cut)
    unclicked = samples.row_items[begin[user] : end[user]]
    truth = samples.truth_items[samples.truth_offsets[user] : samples.truth_offsets[user + 1]]
    clicked = dataset.click_item[samples.start[user] : samples.end[user]]
    base_list, full_list = (
        one[user][one[user] > 0] for one in (shares.base_lists, shares.full_lists)
    )
    shown = np.unique(np.concatenate([clicked, unclicked, truth, base_list, full_list]))
    categories = item_categories(catalogue, shares.field)
    names = {0: NO_CATEGORY} | dict(
        enumerate(map(str, catalogue.fields[shares.field].vocabulary.values.to_pylist()), start=1)
    )
    values = {code: names[int(categories[code])] for code in shown.tolist()}
    wrong = passed_over(categories[unclicked], categories[truth])
    return Case(
        user_id=dataset.users.decode([int(samples.user[user]) + 1])[0],
        rule=rule,
        clicked=clicked.tolist(),
        unclicked=unclicked.tolist(),
        truth=truth.tolist(),
        base_list=base_list.tolist(),
        full_list=full_list.tolist(),
        passed_over=[names[one] for one in wrong.tolist()],
        labels=replace(Labels.of(dataset, shown.tolist()), values=values, field=shares.field),
    )
