"""What the model hands to an encoder: long-term clicks as it asks for them, unclicked items."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.model_twin import World, world
from unclicked.config import ModelConfig
from unclicked.encoders import ENCODERS, EncoderContext
from unclicked.errors import UserError
from unclicked.model import UnclickedRecommender
from unclicked.tensors import TensorBatch, to_tensors, unclicked_of_samples


class Listener(nn.Module):
    """Passes the items on and remembers the context."""

    def __init__(self, long_input: str | None, reads: bool = False) -> None:
        super().__init__()
        self.seen: list[EncoderContext] = []
        if long_input is not None:
            self.long_input = long_input
        if reads:
            self.reads_unclicked = True

    def forward(self, items: Tensor, mask: Tensor, context: EncoderContext) -> Tensor:
        self.seen.append(context)
        return items


@pytest.fixture(scope="module")
def one() -> World:
    return world(3)


def tensors(one: World) -> TensorBatch:
    batch = one.builder().build(np.arange(len(one.samples)))
    return to_tensors(batch, torch.device("cpu"))


def listened(one: World, long_input: str | None) -> tuple[UnclickedRecommender, EncoderContext]:
    listener = Listener(long_input)
    model = UnclickedRecommender(
        ModelConfig(dim=16), one.catalogue, one.profile_sizes, 0, lambda shape: listener
    )
    model.encode(tensors(one))
    return model, listener.seen[0]


@pytest.mark.parametrize("long_input", [None, "items", "fields", "none"])
def test_the_encoder_gets_what_it_asks_for_and_nothing_else(
    one: World, long_input: str | None
) -> None:
    model, context = listened(one, long_input)
    assert context.profile is not None
    assert (context.long is not None) == (long_input in (None, "items"))
    assert (context.long_mask is not None) == (context.long is not None)
    assert set(context.long_fields) == (
        set(model.tower.widths) if long_input == "fields" else set()
    )
    if context.long_mask is not None:
        assert bool(context.long_mask.any())
    if long_input == "fields":
        assert bool(context.long_fields["brand"][1].any())


@pytest.mark.parametrize("long_input", ["items", "fields", "none"])
def test_unclicked_items_are_handed_out_where_asked_for(one: World, long_input: str) -> None:
    assert listened(one, long_input)[1].unclicked is None
    listener = Listener(long_input, reads=True)
    model = UnclickedRecommender(
        ModelConfig(dim=16, fusion="none", metric="none"),
        one.catalogue,
        one.profile_sizes,
        0,
        lambda shape: listener,
    )
    plain = one.builder(cut="session_start", need_unclicked=False, long="both")
    builder = model.asked_of(plain)
    assert (builder.long, builder.need_unclicked) == (long_input, True)
    batch = to_tensors(builder.build(np.arange(len(one.samples))), torch.device("cpu"))
    model.encode(batch)
    context = listener.seen[0]
    assert context.unclicked is not None
    assert context.unclicked_mask is not None
    assert (context.long is not None) == (long_input == "items")
    assert bool(context.long_fields) == (long_input == "fields")
    places, seen = unclicked_of_samples(batch)
    assert bool(seen.any())
    assert torch.equal(context.unclicked_mask, seen)
    there = places > 0
    expected = model.tower(batch.items[places[there]])
    torch.testing.assert_close(context.unclicked[there], expected)
    listener.reads_unclicked = False
    assert not model.asked_of(plain).need_unclicked
    assert model.asked_of(one.builder()).need_unclicked


@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("cut", ["now", "session_start"])
def test_a_vector_is_the_same_in_training_and_where_lists_are_made(
    one: World, cut: str, num_layers: int
) -> None:
    options = {"dropout": 0.0, "reads_unclicked": True, "num_layers": num_layers}
    model = one.model(encoder="sasrec", encoder_options=options, fusion="none", metric="none")
    vectors, last = {}, {}
    for rows in ("all", "query"):
        builder = model.asked_of(one.builder(cut=cut, rows=rows))
        batch = to_tensors(builder.build(np.arange(len(one.samples))), torch.device("cpu"))
        with torch.no_grad():
            vectors[rows] = model.user_vectors(batch)
        end = batch.mask.sum(dim=1)[batch.row_sample] - 1
        last[rows] = {
            int(sample): row
            for row, sample in enumerate(batch.row_sample)
            if batch.row_position[row] == end[row]
        }
    both = sorted(set(last["all"]) & set(last["query"]))
    assert len(both) > 5
    ours, theirs = (vectors[rows][[last[rows][one_] for one_ in both]] for rows in last)
    torch.testing.assert_close(ours, theirs)


def test_where_none_is_asked_for_no_table_is_read_for_it(one: World) -> None:
    handed_out = {}
    for long_input in ("fields", "none"):
        model, _ = listened(one, long_input)
        handed_out[long_input] = {
            name: len(table.handed_out) for name, table in model.tables().items()
        }
    fewer = {
        name for name, count in handed_out["none"].items() if count < handed_out["fields"][name]
    }
    assert fewer == {"tower.tables.0.weight", "tower.tables.1.weight", "tower.tables.2.weight"}


def test_a_wrong_word_is_named(one: World) -> None:
    with pytest.raises(UserError, match="Listener: found long_input = 'long', expected one of"):
        listened(one, "long")


@pytest.mark.parametrize("name", list(ENCODERS))
def test_every_encoder_learns_inside_the_model(one: World, name: str) -> None:
    model = one.model(encoder=name)
    assert model.user_vectors(tensors(one)).isfinite().all()
    model.user_vectors(tensors(one)).square().sum().backward()
    for key, parameter in model.encoder.named_parameters():
        assert parameter.grad is not None, key
        assert bool(parameter.grad.isfinite().all()), key
