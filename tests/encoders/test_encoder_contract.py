"""What every encoder of the dict promises, for every option."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor, nn

from unclicked.encoders import (
    ENCODERS,
    EncoderContext,
    EncoderShape,
    LastPositionEncoder,
    build_encoder,
)
from unclicked.encoders.options import Option
from unclicked.encoders.sdm import GATES, SDMConfig
from unclicked.errors import UserError

DIM, BATCH, LENGTH = 16, 4, 6
LENGTHS = torch.tensor([6, 1, 3, 0])
FIELDS = {"item": 5, "brand": 3}

OPTIONS: dict[str, list[dict[str, Option]]] = {
    "sdm": [
        {},
        {"num_layers": 1, "num_residual_layers": 0, "num_heads": 4},
        {"num_layers": 3, "num_residual_layers": 2, "user_residual": False},
        {"long_attention": "code", "num_heads": 2},
        {"long_attention": "mean"},
        *({"gate": gate} for gate in GATES),
    ]
}
CASES = [
    pytest.param(name, options, kind, id=f"{name}-{options}-{kind}")
    for name in ENCODERS
    for options, kind in [
        *((options, "fields") for options in OPTIONS.get(name, [{}])),
        ({}, "long"),
    ]
]


def build(name: str, options: dict[str, Option], kind: str) -> nn.Module:
    torch.manual_seed(0)
    fields = FIELDS if kind == "fields" else {}
    shape = EncoderShape(dim=DIM, field_dims=fields, has_profile=kind == "fields")
    encoder = build_encoder(name, shape, **options).double().eval()
    with torch.no_grad():
        # Biases start at 0, which hides what an empty long-term list should still give.
        for parameter in encoder.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return encoder


def context(kind: str, rows: Tensor | slice = slice(None)) -> EncoderContext:
    generator = torch.Generator().manual_seed(2)
    lengths = torch.tensor([0, 4, 1, 2])
    mask = torch.arange(4) < lengths[:, None]
    if kind == "long":
        long = torch.randn(BATCH, 4, DIM, generator=generator, dtype=torch.float64)
        return EncoderContext(long=long[rows], long_mask=mask[rows])
    fields = {}
    for field, width in FIELDS.items():
        values = torch.randn(BATCH, 4, width, generator=generator, dtype=torch.float64)
        fields[field] = (values[rows], mask[rows])
    profile = torch.randn(BATCH, DIM, generator=generator, dtype=torch.float64)
    return EncoderContext(profile=profile[rows], long_fields=fields)


def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    items = torch.randn(BATCH, LENGTH, DIM, generator=generator, dtype=torch.float64)
    return items, torch.arange(LENGTH) < LENGTHS[:, None]


@pytest.mark.parametrize(("name", "options", "kind"), CASES)
def test_one_finite_vector_per_position_and_zero_at_padding(
    name: str, options: dict[str, Option], kind: str
) -> None:
    items, mask = batch()
    out = build(name, options, kind)(items, mask, context(kind))
    assert out.shape == (BATCH, LENGTH, DIM)
    assert bool(out.isfinite().all())
    assert out[~mask].abs().max() == 0.0
    assert bool((out[mask].abs().amax(dim=-1) > 0).all())


@pytest.mark.parametrize(("name", "options", "kind"), CASES)
def test_later_items_change_nothing_before_them(
    name: str, options: dict[str, Option], kind: str
) -> None:
    items, mask = batch()
    encoder, known = build(name, options, kind), context(kind)
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
    encoder, known = build(name, options, kind), context(kind)
    before = encoder(items, mask, known)
    wide = torch.full((BATCH, LENGTH + 3, DIM), float("nan"), dtype=torch.float64)
    wide[:, :LENGTH][mask] = items[mask]
    wide_mask = torch.arange(LENGTH + 3) < LENGTHS[:, None]
    after = encoder(wide, wide_mask, known)
    torch.testing.assert_close(after[:, :LENGTH], before, atol=1e-12, rtol=0)
    alone = encoder(items[2:3, :3], mask[2:3, :3], context(kind, slice(2, 3)))
    torch.testing.assert_close(alone, before[2:3, :3], atol=1e-12, rtol=0)


@pytest.mark.parametrize(("name", "options", "kind"), CASES)
def test_rows_do_not_see_each_other(name: str, options: dict[str, Option], kind: str) -> None:
    items, mask = batch()
    encoder, order = build(name, options, kind), torch.tensor([2, 0, 3, 1])
    before = encoder(items, mask, context(kind))
    after = encoder(items[order], mask[order], context(kind, order))
    torch.testing.assert_close(after, before[order], atol=1e-12, rtol=0)


@pytest.mark.parametrize(("name", "options", "kind"), CASES)
def test_gradients_reach_every_parameter_and_every_input(
    name: str, options: dict[str, Option], kind: str
) -> None:
    items, mask = batch()
    items.requires_grad_()
    encoder, known = build(name, options, kind).train(), context(kind)
    inputs = [values for values, _ in known.long_fields.values()]
    inputs += [part for part in (known.profile, known.long) if part is not None]
    for part in inputs:
        part.requires_grad_()
    out = encoder(items, mask, known)
    (out[mask] * torch.randn_like(out[mask])).sum().backward()
    for parameter_name, parameter in encoder.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert bool(parameter.grad.isfinite().all()), parameter_name
        assert parameter.grad.abs().max() > 0.0, parameter_name
    for part in [items, *inputs]:
        assert part.grad is not None
        assert bool(part.grad.isfinite().all())
    assert items.grad is not None
    assert items.grad[~mask].abs().max() == 0.0


@pytest.mark.parametrize("name", list(ENCODERS))
def test_dropout_is_off_in_evaluation_and_follows_torchs_seed_in_training(name: str) -> None:
    items, mask = batch()
    encoder, known = build(name, {}, "fields"), context("fields")
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


def test_every_option_has_a_sentence() -> None:
    for entry in dataclasses.fields(SDMConfig):
        assert len(entry.metadata["help"].split()) >= 5, entry.name


@pytest.mark.parametrize("width", [0, -3])
def test_widths_are_at_least_one(width: int) -> None:
    with pytest.raises(UserError, match="expected at least 1"):
        EncoderShape(dim=width)
    with pytest.raises(UserError, match="brand: found a width"):
        EncoderShape(dim=4, field_dims={"brand": width})


class LastItem(nn.Module):
    def forward(self, items: Tensor, mask: Tensor, context: EncoderContext) -> Tensor:
        last = mask.sum(dim=1).clamp(min=1) - 1
        return items[torch.arange(items.shape[0]), last]


def test_the_adapter_fills_the_last_real_position_only() -> None:
    items, mask = batch()
    encoder = LastPositionEncoder(LastItem())
    out = encoder(items, mask, EncoderContext())
    expected = torch.zeros_like(items)
    for row, length in enumerate(LENGTHS.tolist()):
        if length:
            expected[row, length - 1] = items[row, length - 1]
    assert torch.equal(out, expected)
    assert encoder.last_position_only


def test_the_adapter_refuses_another_shape() -> None:
    items, mask = batch()
    with pytest.raises(UserError, match=r"PassThrough.*expected \[B, D\] = \[4, 16\]"):
        LastPositionEncoder(PassThrough())(items, mask, EncoderContext())


class PassThrough(nn.Module):
    def forward(self, items: Tensor, mask: Tensor, context: EncoderContext) -> Tensor:
        return items
