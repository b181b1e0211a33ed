"""DNN: mean of the session, long-term interest and profile through three dense layers."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from unclicked.encoders.base import (
    EncoderContext,
    EncoderShape,
    checked_profile,
    long_term_fields,
)
from unclicked.encoders.options import Option, build_config, check_choice, check_probability
from unclicked.nn.initialise import dense
from unclicked.nn.pooling import LONG_ATTENTIONS, LongTermInterest

LAST_ACTIVATIONS = ("relu", "none")


@dataclass(frozen=True)
class DNNConfig:
    """Options of DNN.

    Raises:
        UserError: A value is out of range.

    Example:
        >>> DNNConfig(dropout=0.0).last_activation
        'relu'
    """

    dropout: float = field(
        default=0.2,
        metadata={"help": "Probability of dropping an input of a layer or an attention weight."},
    )
    long_attention: str = field(
        default="paper",
        metadata={"help": "How long-term values are weighted: paper, code (one unit) or mean."},
    )
    last_activation: str = field(
        default="relu",
        metadata={
            "help": "After the last layer: relu, as in the official code, so that no vector has a "
            "negative number, or none."
        },
    )

    def __post_init__(self) -> None:
        """Check every value."""
        check_probability("dropout", self.dropout)
        check_choice("long_attention", self.long_attention, LONG_ATTENTIONS)
        check_choice("last_activation", self.last_activation, LAST_ACTIVATIONS)


def running_mean(items: Tensor, mask: Tensor) -> Tensor:
    """Return at each position the mean of the real items up to and including it.

    Args:
        items: Vectors [B, T, D], float; whatever stands at padding (NaN too) is ignored.
        mask: True where an item is real, bool [B, T].

    Returns:
        Means [B, T, D]; zero where there is no item yet.

    Example:
        >>> running_mean(torch.tensor([[[1.0], [3.0], [8.0]]]), torch.ones(1, 3).bool()).tolist()
        [[[1.0], [2.0], [4.0]]]
    """
    total = items.masked_fill(~mask.unsqueeze(-1), 0.0).cumsum(dim=1)
    count = mask.cumsum(dim=1).clamp(min=1).unsqueeze(-1)
    return total / count.to(total.dtype)


class DNN(nn.Module):
    """A feed-forward model: what was clicked is averaged, its order is not seen.

    Args:
        shape: Sizes; without long-term fields, one field of item vectors is used.
        config: Options.

    Source: the YouTube DNN paper (RecSys 2016), as the official SDM code builds it: running mean,
        long-term interest and profile, then layers of 4 D, 2 D and D units with ReLU.
    Differs: the ReLU after the last layer is the default, as in that code, and can be left out:
        the plug-in subtracts from this vector, which has no negative numbers with it.
    """

    long_input = "fields"

    def __init__(self, shape: EncoderShape, config: DNNConfig) -> None:
        super().__init__()
        self.shape = shape
        self.config = config
        dim, has_profile = shape.dim, shape.has_profile
        self.long_term = LongTermInterest(
            shape.long_field_dims(),
            dim,
            has_profile=has_profile,
            attention=config.long_attention,
            dropout=config.dropout,
        )
        widths = [(3 if has_profile else 2) * dim, 4 * dim, 2 * dim, dim]
        self.layers = nn.ModuleList(
            dense(width, next_width)
            for width, next_width in zip(widths[:-1], widths[1:], strict=True)
        )
        self.input_dropout = nn.Dropout(config.dropout)

    def forward(self, items: Tensor, mask: Tensor, context: EncoderContext) -> Tensor:
        """Encode clicked sessions.

        Args:
            items: Item vectors [B, T, D], float, oldest first, padded on the right.
            mask: True where an item is real, bool [B, T].
            context: Profile and long-term lists.

        Returns:
            Vectors h [B, T, D], none negative unless `last_activation` is `none`; zero at padding.

        Raises:
            UserError: The context does not fit the shape that the encoder was built for.
        """
        profile = checked_profile(context, self.shape)
        fields = long_term_fields(context, self.long_term.field_dims)
        parts = [running_mean(items, mask)]
        of_user = [self.long_term(fields, items, profile)]
        if profile is not None:
            of_user.append(profile)
        parts.extend(part.unsqueeze(1).expand_as(items) for part in of_user)
        vectors = torch.cat(parts, dim=-1)
        for number, layer in enumerate(self.layers, start=1):
            vectors = layer(self.input_dropout(vectors))
            if number < len(self.layers) or self.config.last_activation == "relu":
                vectors = torch.relu(vectors)
        return vectors.masked_fill(~mask.unsqueeze(-1), 0.0)


def build_dnn(shape: EncoderShape, **options: Option) -> DNN:
    """Return a DNN encoder.

    Args:
        shape: Sizes.
        **options: Values of `DNNConfig` by name.

    Returns:
        The encoder, in training mode, with fresh weights from torch's global generator.

    Raises:
        UserError: An option is unknown or its value is out of range.

    Example:
        >>> encoder = build_dnn(EncoderShape(dim=8), dropout=0.0)
        >>> items, mask = torch.ones(2, 3, 8), torch.ones(2, 3, dtype=torch.bool)
        >>> bool((encoder(items, mask, EncoderContext()) >= 0).all())
        True
    """
    return DNN(shape, build_config(DNNConfig, options))
