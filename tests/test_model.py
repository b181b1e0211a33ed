"""The whole model: what it may see, and loops for what it computes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.model_twin import NUM_ITEMS, World, world
from unclicked.config import ModelConfig
from unclicked.encoders.base import LastPositionEncoder
from unclicked.errors import UserError
from unclicked.model import UnclickedRecommender, encoder_names
from unclicked.tensors import thinned, to_tensors

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def one() -> World:
    return world(3)


def vectors(model: UnclickedRecommender, one: World, chosen: Any, **changes: Any) -> Tensor:
    model.eval()
    with torch.no_grad():
        return model.user_vectors(to_tensors(one.builder(**changes).build(np.array(chosen)), CPU))


def test_batch_mates_and_padding_change_nothing(one: World) -> None:
    model = one.model()
    order = np.random.default_rng(0).permutation(len(one.samples))[:12].tolist()
    together = vectors(model, one, order, rows="query")
    backwards = vectors(model, one, order[::-1], rows="query")
    torch.testing.assert_close(together, backwards.flip(0))
    for place, number in enumerate(order):
        alone = vectors(model, one, [number], rows="query")[0]
        torch.testing.assert_close(together[place], alone)


def test_nothing_after_a_position_reaches_it(one: World) -> None:
    model = one.model()
    chosen = np.argsort(one.samples.end - one.samples.start)[-4:]
    whole = one.builder().build(chosen)
    before = vectors(model, one, chosen)
    for cut in range(1, whole.mask.shape[1]):
        cut_off = whole.clicked.copy()
        cut_off[:, cut:] = np.where(whole.mask[:, cut:], 1 + cut_off[:, cut:] % 3, 0)
        with torch.no_grad():
            after = model.user_vectors(to_tensors(replace(whole, clicked=cut_off), CPU))
        early = torch.from_numpy(whole.row_position < cut)
        assert torch.equal(before[early], after[early])
        assert not torch.equal(before, after)


def test_labels_reach_no_user_vector(one: World) -> None:
    model = one.model().eval()
    batch = one.builder().build(np.arange(6))
    other = replace(batch, labels=batch.labels[::-1].copy())
    found = [model.user_vectors(to_tensors(b, CPU)) for b in (batch, other)]
    assert torch.equal(*found)


@pytest.mark.parametrize("weighted", [False, True])
def test_means_of_unclicked_items_against_a_loop(one: World, weighted: bool) -> None:
    model = one.model(exposure_weights=weighted).eval()
    batch = one.builder().build(np.arange(len(one.samples)))
    rows = model.encode(to_tensors(batch, CPU))
    tower = model.tower(torch.from_numpy(batch.items))
    empty = 0
    for row in range(len(batch.row_sample)):
        begin, end = batch.unclicked_offsets[batch.unclicked_list[row] :][:2]
        total, weight = torch.zeros(16, dtype=torch.float64), 0
        for k in range(begin, end):
            count = int(batch.unclicked_counts[k]) if weighted else 1
            total += count * tower[batch.unclicked[k]]
            weight += count
        expected = total / weight if weight else total
        torch.testing.assert_close(rows.unclicked_mean[row], expected)
        assert bool(rows.unclicked_mask[row]) == (weight > 0)
        empty += weight == 0
    assert empty
    assert batch.unclicked_counts.max() > 1


def test_a_row_without_unclicked_items_is_its_clicked_vector(one: World) -> None:
    model = one.model().eval()
    batch = to_tensors(one.builder().build(np.arange(len(one.samples))), CPU)
    rows, user = model.encode(batch), model.user_vectors(batch)
    empty = ~rows.unclicked_mask
    assert empty.any()
    assert torch.equal(user[empty], rows.clicked[empty])
    assert not torch.equal(user, rows.clicked)
    nothing = one.builder(need_unclicked=False).build(np.arange(len(one.samples)))
    assert torch.equal(model.user_vectors(to_tensors(nothing, CPU)), rows.clicked)


def test_items_are_left_out_in_training_alone(one: World) -> None:
    model = one.model(unclicked_dropout=0.5).eval()
    batch = to_tensors(one.builder().build(np.arange(len(one.samples))), CPU)
    whole = model.encode(batch)
    assert torch.equal(whole.unclicked_mean, one.model().eval().encode(batch).unclicked_mean)
    torch.manual_seed(3)
    thin = model.encode(thinned(batch, 0.5))
    torch.manual_seed(3)
    trained = model.train().encode(batch)
    assert torch.equal(trained.unclicked_mean, thin.unclicked_mean)
    assert torch.equal(trained.unclicked_mask, thin.unclicked_mask)
    assert torch.equal(trained.clicked, whole.clicked)
    assert not torch.equal(trained.unclicked_mean, whole.unclicked_mean)


def test_the_unknown_item_is_its_fields_alone(one: World) -> None:
    model = one.model().eval()
    unknown = model.tower(torch.tensor([NUM_ITEMS + 1]))[0]
    # All rows for unknown values start at zero.
    assert not unknown.any() if model.tower.join is None else unknown.abs().max() < 1
    brand = model.tower.table("brand")
    brand.weight.data[-1] = 7.0
    assert (model.tower(torch.tensor([NUM_ITEMS + 1]))[0] == 7.0).sum() == brand.weight.shape[1]


@pytest.mark.parametrize("tied", [False, True])
def test_vectors_to_score_with(one: World, tied: bool) -> None:
    model = one.model(tie_item_vectors=tied).eval()
    every = model.all_item_vectors()
    assert every.shape == (NUM_ITEMS + 1, 16)
    some = torch.tensor([2, 5, 12])
    assert torch.equal(every[some], model.item_vectors(some))
    names = set(model.tables())
    assert ("output.weight" in names) != tied
    assert "tower.tables.0.weight" in names


def test_widths_may_be_given(one: World) -> None:
    model = one.model(field_dims={"brand": 6})
    assert model.tower.widths["brand"] == 6
    assert model.tower.join is not None
    with pytest.raises(UserError, match="field_dims"):
        one.model(field_dims={"shop": 6})


class Last(nn.Module):
    def forward(self, items: Tensor, mask: Tensor, context: Any) -> Tensor:
        return items.sum(dim=1)


def own(one: World, encoder: nn.Module) -> UnclickedRecommender:
    config = ModelConfig(dim=16)
    return UnclickedRecommender(config, one.catalogue, {}, 0, lambda shape: encoder)


def test_an_encoder_of_the_wrong_shape_is_named(one: World) -> None:
    batch = to_tensors(one.builder().build(np.arange(3)), CPU)
    with pytest.raises(UserError, match=r"Last: returned \[3, 16\].*LastPositionEncoder"):
        own(one, Last()).encode(batch)
    adapted = own(one, LastPositionEncoder(Last()))
    final = to_tensors(one.builder(rows="query").build(np.arange(3)), CPU)
    assert adapted.encode(final).clicked.any(dim=1).all()


def test_a_new_user_has_no_id(one: World) -> None:
    model = one.model(use_user_id=True)
    known = vectors(model, one, [0, 1], rows="query")
    new = vectors(model, one, [0, 1], rows="query", new_users=True)
    assert not torch.equal(known, new)
    assert model.profile is not None
    assert model.profile.user_table is not None
    model.profile.user_table.weight.data[1:] = 9.0
    assert torch.equal(new, vectors(model, one, [0, 1], rows="query", new_users=True))


def test_encoders_are_listed() -> None:
    assert "sdm" in encoder_names()
