"""A batch is the same as tensors; its unclicked items by sample, against a loop."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
import torch

from tests.model_twin import world
from unclicked.data.batching import Batch
from unclicked.tensors import thinned, to_tensors, unclicked_of_samples


def test_every_array_becomes_an_equal_tensor() -> None:
    batch = world(1).builder().build(np.arange(6))
    moved = to_tensors(batch, torch.device("cpu"))
    for field in fields(Batch):
        array, tensor = getattr(batch, field.name), getattr(moved, field.name)
        if isinstance(array, dict):
            assert {k: v.tolist() for k, v in array.items()} == {
                k: v.tolist() for k, v in tensor.items()
            }
        else:
            assert np.array_equal(array, tensor.numpy())
            assert tensor.numpy().dtype == array.dtype
    assert np.array_equal(moved.label_places.numpy(), batch.label_places())


@pytest.mark.parametrize("cut", ["session_start", "now"])
@pytest.mark.parametrize("rows", ["all", "last", "query"])
def test_a_position_sees_the_unclicked_items_of_its_row(cut: str, rows: str) -> None:
    one = world(5, num_users=40)
    builder = one.builder(cut=cut, rows=rows)
    batch = to_tensors(builder.build(np.arange(len(one.samples))), torch.device("cpu"))
    places, seen = unclicked_of_samples(batch)
    assert seen.shape == (*batch.clicked.shape, places.shape[1])
    found = {
        (sample, position, int(batch.items[places[sample, slot]]))
        for sample, position, slot in seen.nonzero().tolist()
    }
    expected = set()
    for sample, position in zip(
        batch.row_sample.tolist(), batch.row_position.tolist(), strict=True
    ):
        row = int(one.samples.row_start[sample])
        if cut == "now":
            row = int(one.samples.row_now[one.samples.position_offsets[sample] + position])
        ends = one.samples.row_offsets[row : row + 2].tolist()
        expected |= {
            (sample, position, item) for item in one.samples.row_items[slice(*ends)].tolist()
        }
    assert found == expected
    assert len({item for _, _, item in expected}) > 5
    # No item stands twice, or it would be attended to twice.
    assert all(len(set(row[row > 0].tolist())) == int((row > 0).sum()) for row in places)
    assert bool((seen.any(dim=1) == (places > 0)).all())


def test_without_unclicked_items_there_is_nothing_to_see() -> None:
    one = world(5)
    batch = one.builder(need_unclicked=False).build(np.arange(4))
    places, seen = unclicked_of_samples(to_tensors(batch, torch.device("cpu")))
    assert places.shape == (4, 0)
    assert seen.shape == (*batch.clicked.shape, 0)


def test_a_thinned_list_holds_some_of_its_items_in_their_order() -> None:
    one = world(5, num_users=60)
    whole = to_tensors(one.builder().build(np.arange(len(one.samples))), torch.device("cpu"))
    torch.manual_seed(3)
    thin = thinned(whole, 0.5)
    torch.manual_seed(3)
    kept = (torch.rand(len(whole.unclicked)) >= 0.5).tolist()
    emptied = 0
    for number in range(len(whole.unclicked_offsets) - 1):
        begin, end = whole.unclicked_offsets[number : number + 2].tolist()
        places = [place for place in range(begin, end) if kept[place]]
        start, stop = thin.unclicked_offsets[number : number + 2].tolist()
        assert thin.unclicked[start:stop].tolist() == whole.unclicked[places].tolist()
        assert thin.unclicked_counts[start:stop].tolist() == whole.unclicked_counts[places].tolist()
        emptied += end > begin and not places
    assert emptied
    assert thin.unclicked_offsets[-1] == len(thin.unclicked) == sum(kept)
    assert len(set(whole.unclicked_counts.tolist())) > 1
    assert 0.4 < sum(kept) / len(kept) < 0.6


def test_nothing_is_left_out_unasked() -> None:
    one = world(5)
    whole = to_tensors(one.builder().build(np.arange(4)), torch.device("cpu"))
    assert thinned(whole, 0.0) is whole
    none = to_tensors(one.builder(need_unclicked=False).build(np.arange(4)), torch.device("cpu"))
    assert thinned(none, 0.9).unclicked_offsets.tolist() == none.unclicked_offsets.tolist()
