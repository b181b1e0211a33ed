"""Whose story is told, and what moved."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from unclicked.data.dataset import PreparedDataset
from unclicked.data.rules import Samples
from unclicked.errors import UserError
from unclicked.evaluation import held_out_builder, rank
from unclicked.report.lines import story_lines
from unclicked.report.story import Story, first_user, tell_story
from unclicked.run import open_run


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
    assert lines[0] == "user <u7> clicked i5 (shoes), and 2 items before"
    assert lines[1].endswith("passed over 3 items: hats x2, <b> x1")
    assert lines[3].endswith("1 of 2 are new: in <b> x1; out shoes x1")


def place_of(story: Story, data: PreparedDataset) -> int:
    """The sample of a story's user."""
    user = int(data.users.encode([story.user_id])[0]) - 1
    (place,) = np.flatnonzero(data.splits["test"].user == user).tolist()
    return int(place)


def test_the_list_is_the_one_that_judging_makes(tiny_data: PreparedDataset, tiny_run: Path) -> None:
    run = open_run(tiny_run)
    story = tell_story(run, tiny_data, top_k=20)
    # A story tells no profile; judging without one is the same question.
    data = replace(tiny_data, profiles=np.zeros_like(tiny_data.profiles))
    samples = data.splits["test"]
    place = place_of(story, tiny_data)
    ranked = rank(run.model, held_out_builder(data, run.config, "test"), 20, 64)[place]
    assert story.ids("after") == data.catalogue.items.decode(ranked)
    short = replace(data, splits={"test": replace(samples, long_start=samples.start)})
    without = rank(run.model, held_out_builder(short, run.config, "test"), 20, 64)[place]
    assert story.long_term
    assert story.ids("after") != data.catalogue.items.decode(without)


def test_nothing_at_or_after_the_moment_is_told(tiny_data: PreparedDataset, tiny_run: Path) -> None:
    run = open_run(tiny_run)
    story = tell_story(run, tiny_data)
    samples, place = tiny_data.splits["test"], place_of(story, tiny_data)
    clicks = np.ones_like(tiny_data.click_item)
    known = slice(int(samples.long_start[place]), int(samples.end[place]))
    clicks[known] = tiny_data.click_item[known]
    later = replace(samples, truth_items=np.ones_like(samples.truth_items))
    other = tell_story(
        run, replace(tiny_data, click_item=clicks, splits=tiny_data.splits | {"test": later})
    )
    assert other.later != story.later
    assert replace(other, later=story.later) == story
