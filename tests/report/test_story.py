"""Whose story is told, and what moved."""

from __future__ import annotations

import numpy as np
import pytest

from unclicked.data.rules import Samples
from unclicked.errors import UserError
from unclicked.report.lines import story_lines
from unclicked.report.story import Story, first_user


def samples(users: list[int], lengths: list[int]) -> Samples:
    """Samples of which only user and length matter."""
    end = np.cumsum(lengths)
    zero, none = np.zeros(len(users), dtype=np.int64), np.zeros(0, dtype=np.int32)
    return Samples(
        user=np.array(users), start=end - lengths, end=end, long_start=zero, label_end=zero,
        position_offsets=zero, row_start=zero, row_now=zero, row_offsets=zero, row_items=none,
        row_counts=none, truth_offsets=zero, truth_items=none, counts={},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("lengths", "unclicked", "chosen"),
    [
        ([3, 3, 3], [20, 20, 20], 2),
        ([3, 3, 2], [20, 20, 20], 0),
        ([3, 9, 9], [19, 40, 0], 1),
        ([1, 1, 1], [0, 3, 2], 2),
    ],
)
def test_the_rule_looks_at_inputs_only(
    lengths: list[int], unclicked: list[int], chosen: int
) -> None:
    # The third sample is the user who comes first by id.
    assert first_user(samples([5, 7, 1], lengths), np.array(unclicked)) == chosen


def test_nobody_passed_anything_over() -> None:
    with pytest.raises(UserError, match="REPORT-USER"):
        first_user(samples([0, 1], [3, 3]), np.array([0, 0]))


def test_what_moved(story: Story) -> None:
    assert story.moved_in() == ["<i3>"]
    assert story.moved_out() == ["i1"]
    assert story.counted(story.unclicked) == [("hats", 2), ("<b>", 1)]
    assert story.frequent() == ["hats", "<b>"]


def test_four_lines(story: Story) -> None:
    lines = story_lines(story)
    assert len(lines) == 4
    assert lines[1].endswith("passed over 3 items: hats x2, <b> x1")
    assert lines[3].endswith("1 of 2 are new: in <b> x1; out shoes x1")
