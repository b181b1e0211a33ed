"""Encoders of the clicked sequence by name; a new one is one file and one line here."""

from __future__ import annotations

from torch import nn

from unclicked.encoders.base import (
    EncoderContext,
    EncoderFactory,
    EncoderShape,
    LastPositionEncoder,
    SequenceEncoder,
)
from unclicked.encoders.binn import build_binn
from unclicked.encoders.dnn import build_dnn
from unclicked.encoders.gru4rec import build_gru4rec
from unclicked.encoders.narm import build_narm
from unclicked.encoders.options import Option, unknown_name
from unclicked.encoders.sasrec import build_sasrec
from unclicked.encoders.sdm import build_sdm
from unclicked.encoders.shan import build_shan

__all__ = [
    "ENCODERS",
    "EncoderContext",
    "EncoderFactory",
    "EncoderShape",
    "LastPositionEncoder",
    "SequenceEncoder",
    "build_encoder",
]

ENCODERS: dict[str, EncoderFactory] = {
    "sdm": build_sdm,
    "dnn": build_dnn,
    "gru4rec": build_gru4rec,
    "narm": build_narm,
    "shan": build_shan,
    "binn": build_binn,
    "sasrec": build_sasrec,
}
"""Factories by name, each called with an `EncoderShape` and its options."""


def build_encoder(name: str, shape: EncoderShape, **options: Option) -> nn.Module:
    """Return the encoder of a name.

    Args:
        name: A key of `ENCODERS`.
        shape: Sizes.
        **options: Options of that encoder.

    Returns:
        The encoder.

    Raises:
        UserError: The name or an option is unknown, or a value is out of range.

    Example:
        >>> build_encoder("sdm", EncoderShape(dim=8), dropout=0.0).config.dropout
        0.0
    """
    if name not in ENCODERS:
        raise unknown_name("ENCODER-NAME", name, ENCODERS)
    return ENCODERS[name](shape, **options)
