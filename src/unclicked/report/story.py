"""One user of the test: what she clicked and passed over, and how her list changes with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from unclicked.data.catalogue import Catalogue
from unclicked.data.dataset import PreparedDataset
from unclicked.data.rules import Samples
from unclicked.errors import UserError
from unclicked.recommendation import Request, recommend
from unclicked.report.labels import value_of
from unclicked.run import Run

MIN_CLICKED = 3
MIN_UNCLICKED = 20
TOP_K = 10
FREQUENT = 3


@dataclass(frozen=True)
class Story:
    """One user's inputs, both lists, and what came later.

    Attributes:
        user_id: Who.
        clicked: Ids of her session's clicks, the last click last.
        long_term: Ids that she clicked before that session, the last click last.
        unclicked: Ids of what she was shown and passed over, the last shown last.
        before: Answer of `recommend` to her clicks alone, those before the session among them.
        after: Answer of `recommend` to her clicks and her skips.
        labels: Item id to the value of a field, such as its leaf category.
        later: Ids she clicked later that day; no model saw them.
    """

    user_id: Any
    clicked: list[Any]
    long_term: list[Any]
    unclicked: list[Any]
    before: dict[str, Any]
    after: dict[str, Any]
    labels: dict[Any, str]
    later: frozenset[Any]

    def ids(self, when: str) -> list[Any]:
        """Ids of one list, best first.

        Args:
            when: "before" or "after".

        Returns:
            The ids.
        """
        answer = self.before if when == "before" else self.after
        return [item["item_id"] for item in answer["items"]]

    def moved_in(self) -> list[Any]:
        """Ids that only the list with her skips holds, best first."""
        old = set(self.ids("before"))
        return [item_id for item_id in self.ids("after") if item_id not in old]

    def moved_out(self) -> list[Any]:
        """Ids that only the list from clicks alone holds, best first."""
        new = set(self.ids("after"))
        return [item_id for item_id in self.ids("before") if item_id not in new]

    def counted(self, ids: Sequence[Any]) -> list[tuple[str, int]]:
        """How often each field value occurs, the most frequent first, ties by name.

        Args:
            ids: Ids of items.

        Returns:
            Values and their counts.
        """
        counts = Counter(self.labels.get(item_id, "") for item_id in ids)
        return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))

    def frequent(self) -> list[str]:
        """The values that are most frequent among her skips."""
        return [value for value, _ in self.counted(self.unclicked)[:FREQUENT]]


def tell_story(
    run: Run, dataset: PreparedDataset, *, field: str = "leaf_category", top_k: int = TOP_K
) -> Story:
    """Recommend for one user of the test with and without what she passed over.

    The user is the first by id with at least 20 unclicked and 3 clicked items before the test
    moment (the first with any unclicked item, where nobody has so many): a rule that looks at
    inputs only, never at a list.

    Both lists read her earlier clicks too, as they were prepared: those before the session's first
    click, as far back as the rules look. Models are trained with them, and a list without them is
    nearly the same for everybody. Nothing at or after the moment of prediction is among her inputs.

    Args:
        run: A trained run.
        dataset: The data set it was trained on.
        field: Item field shown beside an id; ids stand alone where there is no such field.
        top_k: Length of the lists.

    Returns:
        Her story.

    Raises:
        UserError: If no user of the test has an unclicked item.
    """
    samples, catalogue = dataset.splits["test"], dataset.catalogue
    begin, end = samples.final_lists(run.config.data.unclicked.cut)
    chosen = first_user(samples, end - begin)
    clicked = dataset.click_item[samples.start[chosen] : samples.end[chosen]]
    earlier = dataset.click_item[samples.long_start[chosen] : samples.start[chosen]]
    unclicked = samples.row_items[begin[chosen] : end[chosen]]
    truth = slice(samples.truth_offsets[chosen], samples.truth_offsets[chosen + 1])
    decode = catalogue.items.decode
    asked = [decode(codes.tolist()) for codes in (clicked, unclicked, earlier)]
    later = decode(samples.truth_items[truth].tolist())
    alone = Request(asked[0], long_term=asked[2], top_k=top_k)
    before, after = recommend(run, [alone, replace(alone, unclicked=asked[1])])
    listed = {item["item_id"] for answer in (before, after) for item in answer["items"]}
    ids = sorted(listed | set(asked[0]) | set(asked[1]))
    return Story(
        user_id=dataset.users.decode([int(samples.user[chosen]) + 1])[0],
        clicked=asked[0],
        long_term=asked[2],
        unclicked=asked[1],
        before=before,
        after=after,
        labels=_labels(catalogue, ids, field),
        later=frozenset(later),
    )


def first_user(samples: Samples, num_unclicked: np.ndarray) -> int:
    """The sample whose user's story is told.

    Args:
        samples: Samples of the test.
        num_unclicked: int64 [S], length of each unclicked list.

    Returns:
        Number of the sample.

    Raises:
        UserError: If every list is empty.
    """
    length = samples.end - samples.start
    for clicked, unclicked in ((MIN_CLICKED, MIN_UNCLICKED), (1, 1)):
        fits = np.flatnonzero((length >= clicked) & (num_unclicked >= unclicked))
        if len(fits):
            # User rows are in id order.
            return int(fits[np.argmin(samples.user[fits])])
    raise UserError(
        "REPORT-USER",
        "split test",
        "no user has an unclicked item, expected at least one. Lower data.unclicked.min_exposures "
        "or lengthen data.unclicked.window_days.",
    )


def _labels(catalogue: Catalogue, ids: Sequence[Any], name: str) -> dict[Any, str]:
    if name not in catalogue.fields:
        return {}
    codes = catalogue.items.encode(ids).tolist()
    return {one: value_of(catalogue, name, code) for one, code in zip(ids, codes, strict=True)}
