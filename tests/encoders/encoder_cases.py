"""Encoders, options, batches and contexts for the contract that all encoders keep."""

from __future__ import annotations

import sys
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from unclicked.encoders import ENCODERS, EncoderContext, EncoderShape, build_encoder
from unclicked.encoders.asks import long_input_of, reads_unclicked
from unclicked.encoders.options import Option
from unclicked.encoders.sdm import GATES

DIM, BATCH, LENGTH = 16, 4, 6
LENGTHS = torch.tensor([6, 1, 3, 0])
FIELDS = {"item": 5, "brand": 3}

GRUS: list[dict[str, Option]] = [{}, {"cell": "reset_after"}, {"num_layers": 2}]
# One line of options for each way to build an encoder; every option but dropout stands somewhere.
OPTIONS: dict[str, list[dict[str, Option]]] = {
    "sdm": [
        {},
        {"num_layers": 1, "num_residual_layers": 0, "num_heads": 4},
        {"num_layers": 3, "num_residual_layers": 2, "user_residual": False},
        {"long_attention": "code", "num_heads": 2},
        {"long_attention": "mean"},
        *({"gate": gate} for gate in GATES),
    ],
    "dnn": [
        {},
        {"last_activation": "none"},
        {"mean_of": "history"},
        {"mean_of": "history", "depth": 0},
        {"depth": 1, "tower_rate": 0.1},
        {"long_attention": "code"},
        {"long_attention": "mean"},
    ],
    "gru4rec": [*GRUS, {"use_profile": False}],
    "narm": [
        *GRUS,
        {"use_profile": False},
        {"attention_norm": "none"},
        {"style": "sdm"},
        {"style": "sdm", "cell": "reset_after", "num_layers": 2},
    ],
    "shan": [
        {},
        {"long": "paper"},
        {"long_attention": "code"},
        {"long_attention": "mean"},
        {"session": "code"},
        {"session": "code", "long": "paper"},
    ],
    "binn": [
        {},
        {"peephole": True},
        {"behaviour": True},
        {"use_profile": True},
        {"peephole": True, "behaviour": True, "use_profile": True},
    ],
    "sasrec": [
        {},
        {"sequence": "session"},
        {"num_layers": 2, "num_heads": 4, "use_profile": False},
        {"positions": 2},
        {"reads_unclicked": True},
        {"sequence": "session", "reads_unclicked": True},
    ],
}


class OwnEncoder(nn.Module):
    """What a user might write: no attribute, no config, the clicks and the long-term clicks."""

    def __init__(self, shape: EncoderShape) -> None:
        super().__init__()
        self.gru = nn.GRU(shape.dim, shape.dim, batch_first=True)
        self.long = nn.Linear(shape.dim, shape.dim, bias=False)
        self.dropout = nn.Dropout(0.1)

    def forward(self, items: Tensor, mask: Tensor, context: EncoderContext) -> Tensor:
        out = self.gru(self.dropout(items.masked_fill(~mask.unsqueeze(-1), 0.0)))[0]
        if context.long is not None and context.long_mask is not None:
            summed = (context.long * context.long_mask.unsqueeze(-1)).sum(dim=1, keepdim=True)
            out = out + self.long(summed)
        return out * mask.unsqueeze(-1)


def build(name: str, options: dict[str, Option], kind: str, seed: int = 0) -> nn.Module:
    """An encoder for a full context, or for long-term item vectors and no profile."""
    torch.manual_seed(seed)
    fields = FIELDS if kind == "full" else {}
    shape = EncoderShape(dim=DIM, field_dims=fields, has_profile=kind == "full")
    fresh = OwnEncoder(shape) if name == "own" else build_encoder(name, shape, **options)
    encoder = fresh.double().eval()
    with torch.no_grad():
        # Biases start at 0, which hides what an empty long-term list should still give.
        for parameter in encoder.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return encoder


def context(encoder: nn.Module, kind: str, rows: Tensor | slice = slice(None)) -> EncoderContext:
    """What the model would hand to an encoder; of kind `long`, item vectors whatever it reads."""
    generator = torch.Generator().manual_seed(2)
    lengths = torch.tensor([0, 4, 1, 2])
    mask = torch.arange(4) < lengths[:, None]
    long = torch.randn(BATCH, 4, DIM, generator=generator, dtype=torch.float64)
    if kind == "long":
        return EncoderContext(long=long[rows], long_mask=mask[rows])
    profile = torch.randn(BATCH, DIM, generator=generator, dtype=torch.float64)
    known = EncoderContext(profile=profile[rows])
    if reads_unclicked(encoder):
        shown = torch.randn(BATCH, 3, DIM, generator=generator, dtype=torch.float64)
        allowed = torch.rand(BATCH, LENGTH, 3, generator=generator) < 0.5
        allowed[1], allowed[:, 2] = False, False
        known = replace(known, unclicked=shown[rows], unclicked_mask=allowed[rows])
    if long_input_of(encoder) == "none":
        return known
    if long_input_of(encoder) == "items":
        return replace(known, long=long[rows], long_mask=mask[rows])
    fields = {}
    for field, width in FIELDS.items():
        values = torch.randn(BATCH, 4, width, generator=generator, dtype=torch.float64)
        fields[field] = (values[rows], mask[rows])
    return replace(known, long_fields=fields)


def cut_to(known: EncoderContext, length: int) -> EncoderContext:
    """The same context for sequences of another padded length."""
    if known.unclicked_mask is None:
        return known
    allowed = functional.pad(known.unclicked_mask, (0, 0, 0, length))[:, :length]
    return replace(known, unclicked_mask=allowed)


def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    items = torch.randn(BATCH, LENGTH, DIM, generator=generator, dtype=torch.float64)
    return items, torch.arange(LENGTH) < LENGTHS[:, None]


def config_of(name: str) -> type:
    """The config dataclass beside a factory."""
    module = sys.modules[ENCODERS[name].__module__]
    (found,) = (
        value
        for key, value in vars(module).items()
        if key.endswith("Config") and value.__module__ == module.__name__
    )
    assert isinstance(found, type)
    return found
