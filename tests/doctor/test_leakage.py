"""A leak that is put into a data set is noticed, and a data set without one passes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from unclicked.data.dataset import PreparedDataset
from unclicked.doctor.leakage import order_faults, recheck, same_clicks


def changed(data: PreparedDataset, split: str, **arrays: Any) -> PreparedDataset:
    """The data set with some arrays of a split replaced."""
    samples = replace(data.splits[split], **arrays)
    return replace(data, splits={**data.splits, split: samples})


def test_an_honest_data_set(tiny_data: PreparedDataset) -> None:
    assert order_faults(tiny_data) == []
    assert same_clicks(tiny_data)
    found = recheck(tiny_data)
    assert found.differ == 0
    assert found.users == len(tiny_data.users) == 60
    assert found.moments > 120


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_lists_of_a_later_moment_are_noticed(tiny_data: PreparedDataset, split: str) -> None:
    samples = tiny_data.splits[split]
    late = np.array(samples.row_now)
    # Every position gets the list of the sample's end; a held-out sample that of the next sample.
    if split == "train":
        late = np.repeat(late[samples.position_offsets[1:] - 1], np.diff(samples.position_offsets))
    else:
        late = np.roll(late, -1)
    found = recheck(changed(tiny_data, split, row_now=late))
    assert found.differ > 10


def test_a_list_of_one_item_more_is_noticed(tiny_data: PreparedDataset) -> None:
    items = np.array(tiny_data.splits["train"].row_items)
    items[:] = np.where(items == 1, 2, items)
    assert recheck(changed(tiny_data, "train", row_items=items)).differ > 0


def test_clicks_of_the_future_among_the_long_term_are_noticed(tiny_data: PreparedDataset) -> None:
    samples = tiny_data.splits["train"]
    found = order_faults(changed(tiny_data, "train", long_start=samples.start + 1))
    assert found == [f"{len(samples)} samples of train are out of order"]
    longer = np.maximum(samples.long_start - 1, 0)
    assert recheck(changed(tiny_data, "train", long_start=longer)).differ > 10


def test_a_label_in_the_validation_is_noticed(tiny_data: PreparedDataset) -> None:
    samples, held = tiny_data.splits["train"], tiny_data.splits["validation"]
    end_of = dict(zip(held.user.tolist(), held.end.tolist(), strict=True))
    late = [
        end_of.get(u, e)
        for u, e in zip(samples.user.tolist(), samples.label_end.tolist(), strict=True)
    ]
    (fault,) = order_faults(changed(tiny_data, "train", label_end=np.array(late)))
    assert "know clicks of validation" in fault


def test_other_clicks_are_noticed(tiny_data: PreparedDataset) -> None:
    clicks = np.array(tiny_data.click_item)
    clicks[[0, -1]] = clicks[[-1, 0]] % tiny_data.num_items + 1
    assert not same_clicks(replace(tiny_data, click_item=clicks))
