"""The user that is shown is the one of the rule, and is shown as she is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from unclicked.data.dataset import PreparedDataset
from unclicked.report.labels import value_of
from unclicked.reproduce.case_study import choose_case, tell_case
from unclicked.reproduce.passed_over import category_shares
from unclicked.run import open_run


@pytest.mark.parametrize(
    ("gain", "able", "chosen", "counts"),
    [
        # The median of those helped (0.1, 0.2, 0.3), never the largest.
        ([0.3, 0.0, 0.1, -0.2, 0.2], [1, 1, 1, 1, 1], 4, "for 3, as many for 1 and more for 1"),
        # Of an even number the lower one; of equals the first.
        ([0.4, 0.2], [1, 1], 1, "for 2, as many for 0 and more for 0"),
        ([0.1, 0.1, 0.1], [1, 1, 1], 0, "for 3, as many for 0 and more for 0"),
        # Who passes nothing over is neither shown nor counted.
        ([0.3, 0.0, 0.1], [1, 0, 0], 0, "for 1, as many for 0 and more for 0"),
        # Nobody helped: the median of all, and the text says so.
        ([0.0, -0.2, -0.1], [1, 1, 1], 2, "for 0, as many for 1 and more for 2"),
    ],
)
def test_the_rule(gain: list[float], able: list[int], chosen: int, counts: str) -> None:
    full = np.full(len(gain), 0.3)
    found = choose_case(full + np.array(gain), full, np.array(able, dtype=bool))
    assert found is not None
    assert found[0] == chosen
    assert f"of {sum(able)} test users" in found[1] and counts in found[1]
    assert ("nobody has fewer" in found[1]) == (max(gain) <= 0)


def test_nobody() -> None:
    assert choose_case(np.zeros(2), np.zeros(2), np.zeros(2, dtype=bool)) is None


def test_she_is_shown_as_she_is(
    tiny_run: Path, tiny_base: Path, tiny_data: PreparedDataset
) -> None:
    shares = category_shares(open_run(tiny_base), open_run(tiny_run), tiny_data, top_k=10)
    assert shares is not None
    case = tell_case(shares, tiny_data, cut="now")
    found = choose_case(shares.base, shares.full, shares.able)
    assert case is not None and found is not None and case.rule == found[1]
    user, samples = found[0], tiny_data.splits["test"]
    assert tiny_data.users.encode([case.user_id])[0] == samples.user[user] + 1
    assert case.clicked == tiny_data.click_item[samples.start[user] : samples.end[user]].tolist()
    assert not set(case.unclicked) & set(case.clicked)
    assert case.base_list == shares.base_lists[user].tolist()
    assert case.full_list == shares.full_lists[user].tolist()
    shown = {*case.clicked, *case.unclicked, *case.truth, *case.base_list, *case.full_list}
    assert set(case.labels.ids) == shown
    for code in shown:
        assert case.labels.values[code] == value_of(tiny_data.catalogue, "leaf_category", code)
    listed = [case.labels.values[code] for code in case.base_list]
    assert shares.base[user] == sum(one in case.passed_over for one in listed) / 10
