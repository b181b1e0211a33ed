"""What is counted at a moment of prediction, against plain loops."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from tests.data.skip_signal_twin import twin_rows
from unclicked.data.controls import with_source
from unclicked.data.dataset import PreparedDataset
from unclicked.data.skip_features import choices_of, draw_moments


@pytest.mark.parametrize("cut", ["now", "session_start"])
def test_features_against_loops(
    tiny_data: PreparedDataset, cut: Literal["now", "session_start"]
) -> None:
    samples, clicks = tiny_data.splits["train"], tiny_data.click_item
    others = with_source(samples, "shuffled", tiny_data.num_items, 3)
    moments = draw_moments(samples, others, cut, 150, 5)
    assert len(moments) == 150
    value_of = np.array([-1, *(np.arange(tiny_data.num_items) % 7), -1], dtype=np.int32)
    value_of[4] = -1
    choices, kept, _ = choices_of(samples, clicks, moments, value_of, 10_000)
    rows = twin_rows(samples, clicks, moments, others, value_of.tolist(), cut)
    rows = [rows[number] for number in kept]
    assert len(rows) > 100
    for number, (_, label, table) in enumerate(rows):
        assert choices.chosen[number] == label
        dense = np.zeros((7, 18))
        span = slice(choices.offsets[number], choices.offsets[number + 1])
        dense[choices.category[span]] = choices.features[span]
        assert dense == pytest.approx(np.array(table))
        entry = choices.chosen_entry[number]
        assert (choices.category[entry] == label) if entry >= 0 else not dense[label].any()


def test_every_position_with_a_label_once(tiny_data: PreparedDataset) -> None:
    samples = tiny_data.splits["train"]
    moments = draw_moments(samples, samples, "now", 10**6, 0)
    wanted = {
        (s, t)
        for s in range(len(samples))
        for t in range(samples.end[s] - samples.start[s])
        if samples.start[s] + t + 1 < samples.label_end[s]
    }
    found = list(zip(moments.sample.tolist(), moments.position.tolist(), strict=True))
    assert len(found) == len(wanted)
    assert set(found) == wanted
    assert (moments.user == samples.user[moments.sample]).all()


def test_a_small_room_keeps_the_first(tiny_data: PreparedDataset) -> None:
    samples, clicks = tiny_data.splits["train"], tiny_data.click_item
    moments = draw_moments(samples, samples, "now", 100, 0)
    value_of = np.array([-1, *(np.arange(tiny_data.num_items) % 7), -1], dtype=np.int32)
    whole, kept, _ = choices_of(samples, clicks, moments, value_of, 10_000)
    part, fewer, counts = choices_of(samples, clicks, moments, value_of, 200)
    assert 0 < len(part) < len(whole)
    assert len(counts) == part.offsets[-1] <= 200
    assert (fewer == kept[: len(part)]).all()
    assert (part.features == whole.features[: len(part.features)]).all()
