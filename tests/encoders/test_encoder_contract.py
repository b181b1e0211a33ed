"""What every encoder of the dict promises, for every option; a user's own is held to it too."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from safetensors.torch import load, save
from tests.encoders.encoder_cases import (
    BATCH,
    DIM,
    LENGTH,
    LENGTHS,
    OPTIONS,
    batch,
    build,
    config_of,
    context,
    cut_to,
)
from torch import Tensor, nn

from unclicked.encoders import ENCODERS, EncoderContext, EncoderShape, build_encoder
from unclicked.encoders.asks import long_input_of
from unclicked.encoders.options import Option
from unclicked.errors import UserError
from unclicked.plugin import UnclickedPlugin

EVERY = [*ENCODERS, "own"]
CASES = [
    pytest.param(name, options, kind, id=f"{name}-{options}-{kind}")
    for name in EVERY
    for options, kind in [*((options, "full") for options in OPTIONS.get(name, [{}])), ({}, "long")]
]


@pytest.mark.parametrize(("name", "options", "kind"), CASES)
def test_one_finite_vector_per_position_and_zero_at_padding(
    name: str, options: dict[str, Option], kind: str
) -> None:
    items, mask = batch()
    encoder = build(name, options, kind)
    out = encoder(items, mask, context(encoder, kind))
    assert out.shape == (BATCH, LENGTH, DIM)
    assert bool(out.isfinite().all())
    assert out[~mask].abs().max() == 0.0
    assert bool((out[mask].abs().amax(dim=-1) > 0).all())


@pytest.mark.parametrize(("name", "options", "kind"), CASES)
def test_later_items_change_nothing_before_them(
    name: str, options: dict[str, Option], kind: str
) -> None:
    items, mask = batch()
    encoder = build(name, options, kind)
    known = context(encoder, kind)
    before = encoder(items, mask, known)
    for position in (0, 2, LENGTH - 2):
        changed = items.clone()
        changed[:, position + 1 :] = 7.0 * items[:, position + 1 :] + 1.0
        after = encoder(changed, mask, known)
        kept = slice(None, position + 1)
        torch.testing.assert_close(after[:, kept], before[:, kept], atol=1e-12, rtol=0)
        assert not torch.allclose(after[0, position + 1], before[0, position + 1], atol=1e-4)


@pytest.mark.parametrize(("name", "options", "kind"), CASES)
def test_padding_and_what_stands_in_it_change_nothing(
    name: str, options: dict[str, Option], kind: str
) -> None:
    items, mask = batch()
    encoder = build(name, options, kind)
    known = context(encoder, kind)
    before = encoder(items, mask, known)
    wide = torch.full((BATCH, LENGTH + 3, DIM), float("nan"), dtype=torch.float64)
    wide[:, :LENGTH][mask] = items[mask]
    wide_mask = torch.arange(LENGTH + 3) < LENGTHS[:, None]
    after = encoder(wide, wide_mask, cut_to(known, LENGTH + 3))
    torch.testing.assert_close(after[:, :LENGTH], before, atol=1e-12, rtol=0)
    own = cut_to(context(encoder, kind, slice(2, 3)), 3)
    alone = encoder(items[2:3, :3], mask[2:3, :3], own)
    torch.testing.assert_close(alone, before[2:3, :3], atol=1e-12, rtol=0)


@pytest.mark.parametrize(("name", "options", "kind"), CASES)
def test_rows_do_not_see_each_other(name: str, options: dict[str, Option], kind: str) -> None:
    items, mask = batch()
    encoder, order = build(name, options, kind), torch.tensor([2, 0, 3, 1])
    before = encoder(items, mask, context(encoder, kind))
    after = encoder(items[order], mask[order], context(encoder, kind, order))
    torch.testing.assert_close(after, before[order], atol=1e-12, rtol=0)


@pytest.mark.parametrize(("name", "options", "kind"), CASES)
def test_gradients_reach_every_parameter_and_every_input_that_is_read(
    name: str, options: dict[str, Option], kind: str
) -> None:
    items, mask = batch()
    # What stands at padding must not come back as 0 * NaN either.
    items[~mask] = float("nan")
    encoder = build(name, options, kind).train()
    known = context(encoder, kind)
    long = [values for values, _ in known.long_fields.values()]
    long += [known.long] if known.long is not None else []
    profile = [known.profile] if known.profile is not None else []
    shown = [known.unclicked] if known.unclicked is not None else []
    for part in [items, *long, *profile, *shown]:
        part.requires_grad_()
    out = encoder(items, mask, known)
    (out[mask] * torch.randn_like(out[mask])).sum().backward()
    check_parameters(encoder)
    check_input(items, read=True)
    assert items.grad is not None
    assert items.grad[~mask].abs().max() == 0.0
    for part in long:
        check_input(part, read=long_input_of(encoder) != "none")
    for part in shown:
        check_input(part, read=True)
    for part in profile:
        check_input(part, read=name != "own" and getattr(encoder.config, "use_profile", True))


def check_input(part: Tensor, *, read: bool) -> None:
    """An input that is read has a finite gradient that is not all zero, another one has none."""
    assert (part.grad is not None) == read
    if part.grad is not None:
        assert bool(part.grad.isfinite().all())
        assert part.grad.abs().max() > 0.0


def check_parameters(module: nn.Module) -> None:
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        assert bool(parameter.grad.isfinite().all()), name
        assert parameter.grad.abs().max() > 0.0, name


@pytest.mark.parametrize("name", EVERY)
def test_nothing_known_but_the_clicks_is_enough(name: str) -> None:
    items, mask = batch()
    encoder = build(name, {}, "long").train()
    out = encoder(items, mask, EncoderContext())
    out.square().sum().backward()
    assert bool(out.isfinite().all())
    for parameter in encoder.parameters():
        assert parameter.grad is None or bool(parameter.grad.isfinite().all())
    encoder.eval()
    empty = torch.zeros(BATCH, 0, dtype=torch.bool)
    without = EncoderContext(long=items[:, :0], long_mask=empty)
    torch.testing.assert_close(
        encoder(items, mask, without), encoder(items, mask, EncoderContext()), atol=1e-12, rtol=0
    )


@pytest.mark.parametrize(("name", "options", "kind"), CASES)
def test_the_plug_in_trains_on_its_vectors(
    name: str, options: dict[str, Option], kind: str
) -> None:
    items, mask = batch()
    encoder = build(name, options, kind).train()
    plugin = UnclickedPlugin(DIM, fusion="confidence", metric="symmetric", margin=5.0).double()
    rows = encoder(items, mask, context(encoder, kind))[mask]
    shown = torch.randn(len(rows), 3, DIM, dtype=torch.float64)
    shown_mask = torch.arange(3) < (torch.arange(len(rows)) % 4)[:, None]
    labels, label_mask = torch.randn_like(shown), torch.ones(len(rows), 3, dtype=torch.bool)
    out = plugin.train_step(rows, shown, shown_mask, labels, label_mask)
    assert out.user.shape == (int(mask.sum()), DIM)
    assert torch.equal(out.user[::4], rows[::4])
    assert not torch.equal(out.user[1::4], rows[1::4])
    (out.user.square().sum() + out.metric_loss.sum()).backward()
    check_parameters(encoder)
    check_parameters(plugin)


@pytest.mark.parametrize(("name", "options", "kind"), CASES)
def test_weights_survive_a_file(name: str, options: dict[str, Option], kind: str) -> None:
    items, mask = batch()
    first, second = build(name, options, kind), build(name, options, kind, seed=1)
    known = context(first, kind)
    assert not torch.equal(second(items, mask, known), first(items, mask, known))
    stored = save({key: value.contiguous() for key, value in first.state_dict().items()})
    second.load_state_dict(load(stored))
    assert torch.equal(second(items, mask, known), first(items, mask, known))


@pytest.mark.parametrize("name", EVERY)
def test_dropout_is_off_in_evaluation_and_follows_torchs_seed_in_training(name: str) -> None:
    items, mask = batch()
    encoder = build(name, {}, "full")
    known = context(encoder, "full")
    assert torch.equal(encoder(items, mask, known), encoder(items, mask, known))
    encoder.train()
    outputs = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        outputs.append(encoder(items, mask, known))
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])


@pytest.mark.parametrize("name", list(ENCODERS))
def test_an_unknown_option_names_the_nearest(name: str) -> None:
    with pytest.raises(UserError, match="drop_out: no such name, did you mean 'dropout'"):
        build_encoder(name, EncoderShape(dim=DIM), drop_out=0.1)


def test_an_unknown_encoder_names_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean 'sdm'"):
        build_encoder("sdn", EncoderShape(dim=DIM))


@pytest.mark.parametrize("name", list(ENCODERS))
def test_every_option_has_a_sentence_and_a_case(name: str) -> None:
    entries = dataclasses.fields(config_of(name))
    assert entries
    tried = {option for options in OPTIONS[name] for option in options}
    for entry in entries:
        assert len(entry.metadata["help"].split()) >= 5, entry.name
        assert len(entry.metadata["help"]) < 140, entry.name
        assert entry.name in tried or "dropout" in entry.name, entry.name
