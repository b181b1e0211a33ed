"""Samples picked out of others."""

from __future__ import annotations

import numpy as np

from tests.data.test_rules import compiled_rules, unpacked
from tests.model_twin import RULES, world
from unclicked.data.rules import held_out_samples
from unclicked.data.samples import offsets_of


def test_selected_samples_are_whole() -> None:
    one = world(5)
    whole = unpacked(one.samples, one.lines)
    keep = np.arange(1, len(whole), 3)
    assert len(keep) > 3
    assert unpacked(one.samples.select(keep), one.lines) == [whole[k] for k in keep]
    assert len(one.samples.select(np.zeros(0, dtype=np.int64))) == 0


def test_selected_truth_is_whole() -> None:
    one = world(5, num_users=30)
    middle = int(np.median(one.lines.click_time_us))
    held = held_out_samples(one.lines, compiled_rules(RULES), begin_us=middle, end_us=10**18)
    whole = unpacked(held, one.lines)
    keep = np.array([0, 2, len(whole) - 1])
    assert unpacked(held.select(keep), one.lines) == [whole[k] for k in keep]


def test_offsets_of_nothing() -> None:
    assert offsets_of([]).tolist() == [0]
