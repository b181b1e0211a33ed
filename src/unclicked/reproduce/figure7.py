"""Rows of Figure 7: how much of the lists is of categories passed over, and one user's case."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from unclicked.data.dataset import PreparedDataset
from unclicked.errors import UserError
from unclicked.reproduce.case_study import Case, tell_case
from unclicked.reproduce.passed_over import CategoryShares, category_shares
from unclicked.reproduce.results import Result
from unclicked.run import Run

# What `method` of a case's rows may be, in the order of the picture.
CLICKED, UNCLICKED, TRUTH = "clicked", "unclicked", "truth"
BASE_LIST, FULL_LIST = "base list", "full list"
PARTS = (CLICKED, UNCLICKED, TRUTH, BASE_LIST, FULL_LIST)
SHARE, ABLE = "passed_over", "passed_over_able"
COUNT, ITEM, MARK, USER = "category_count", "item", "category_passed_over", "user"


def case_rows(
    study: str,
    data: str,
    base_run: Run,
    full_run: Run,
    dataset: PreparedDataset,
    *,
    top_k: int = 50,
    names: tuple[str, str] = ("base", "full"),
) -> list[Result]:
    """Shares of all test users, and the case of one of them.

    Args:
        study: Name of the study.
        data: Name of the data set's folder.
        base_run: A run that reads clicks alone.
        full_run: A run that reads unclicked items too.
        dataset: The data set of both.
        top_k: Length K of the lists, at least 1.
        names: Names of the methods of both runs.

    Returns:
        For each run a row `passed_over@K` (`method`: its name; `values`: each test user's share of
        the list; `text`: the category field), and one `passed_over_able` (`values`: 1 for users
        who pass a category over). Of the case rows `category_count` (`text`: the category),
        `item` (`x`: its place from 1; `value`: 1 where it was clicked later; `text`: its label),
        `category_passed_over` and `user` (`text`: who, and how she was chosen); the methods are
        `clicked`, `unclicked`, `truth`, `base list` and `full list`.

    Raises:
        UserError: Items have no category to be told by.
        ArtefactError: A run was trained on another data set.

    Source: Figure 7, section 5.5.
    Differs: the paper shows a user that its authors took; here a rule takes one.
    """
    shares = category_shares(base_run, full_run, dataset, top_k=top_k)
    if shares is None:
        raise UserError(
            "REPRODUCE-CATEGORY",
            str(dataset.path),
            "has no item field with categories, and this study is about them. Prepare the data "
            "set with an item table, such as --items items.csv with a column leaf_category.",
        )
    case = tell_case(shares, dataset, cut=full_run.config.data.unclicked.cut)
    rows = [*_share_rows(shares, top_k, names)]
    if case is not None:
        rows += [*_case_rows(case, names)]
    return [replace(row, study=study, data=data) for row in rows]


def _share_rows(shares: CategoryShares, top_k: int, names: tuple[str, str]) -> Iterator[Result]:
    for name, values in zip(names, (shares.base, shares.full), strict=True):
        mean = float(values.mean())
        yield Result("", "", name, f"{SHARE}@{top_k}", mean, values, text=shares.field)
    able = shares.able.astype(np.float64)
    yield Result("", "", "test users", ABLE, float(able.mean()), able)


def _case_rows(case: Case, names: tuple[str, str]) -> Iterator[Result]:
    lists = (case.clicked, case.unclicked, case.truth, case.base_list, case.full_list)
    later = set(case.truth)
    field = case.labels.field.replace("_", " ")
    yield Result(
        "",
        "",
        field,
        USER,
        text=f"User {case.user_id}. Lists of {names[0]} and {names[1]}: {case.rule}.",
    )
    for name in case.passed_over:
        yield Result("", "", UNCLICKED, MARK, 1.0, text=name)
    for method, codes in zip(PARTS, lists, strict=True):
        counts = Counter(case.labels.values[code] for code in codes)
        for name, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])):
            yield Result("", "", method, COUNT, float(count), text=name)
        for place, code in enumerate(codes, start=1):
            hit, text = float(code in later), case.labels.text(code)
            yield Result("", "", method, ITEM, hit, x=float(place), text=text)
