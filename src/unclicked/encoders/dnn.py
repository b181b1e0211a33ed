"""DNN: means of clicked items and the profile through dense layers."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from unclicked.encoders.base import (
    EncoderContext,
    EncoderShape,
    checked_profile,
    long_term_fields,
    long_term_items,
)
from unclicked.encoders.options import (
    Option,
    build_config,
    check_choice,
    check_count,
    check_probability,
)
from unclicked.errors import UserError
from unclicked.nn.initialise import dense
from unclicked.nn.pooling import LONG_ATTENTIONS, LongTermInterest

LAST_ACTIVATIONS = ("relu", "none")
MEANS = ("session", "history")
DEEPEST = 6


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
    mean_of: str = field(
        default="session",
        metadata={
            "help": "Clicks averaged: session, beside SDM's long-term interest (official code), or "
            "history, long-term clicks and session in one (paper)."
        },
    )
    long_attention: str = field(
        default="paper",
        metadata={
            "help": "With mean_of = session, how long-term values are weighted: paper, code (one "
            "unit) or mean."
        },
    )
    depth: int = field(
        default=3,
        metadata={
            "help": "Layers with ReLU, each half as wide as the one before, the last as wide as "
            "an item vector; 0 is one linear layer."
        },
    )
    last_activation: str = field(
        default="relu",
        metadata={
            "help": "After the last layer: relu, as in the official code, so that no vector has a "
            "negative number, or none."
        },
    )
    tower_rate: float = field(
        default=1.0,
        metadata={
            "help": "Share of a step of AdaGrad or Adam that moves the dense layers; their weights "
            "are stored divided by it."
        },
    )

    def __post_init__(self) -> None:
        """Check every value."""
        check_probability("dropout", self.dropout)
        check_choice("mean_of", self.mean_of, MEANS)
        check_count("depth", self.depth, low=0, high=DEEPEST)
        rate = self.tower_rate
        if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0.001 <= rate <= 1:
            raise UserError(
                "ENCODER-OPTION",
                "tower_rate",
                f"found {rate!r}, expected a number from 0.001 to 1.",
            )
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
        long-term interest and profile, then layers of 4 D, 2 D and D units with ReLU. The paper's
        own forms are `mean_of="history"` and, where it compares depths, `depth` from 0 to 4.
    Differs: the ReLU after the last layer is the default, as in that code, and can be left out:
        the plug-in subtracts from this vector, which has no negative numbers with it. The paper
        averages the latest 50 clicks; `history` averages all long-term ones and the session.
    """

    def __init__(self, shape: EncoderShape, config: DNNConfig) -> None:
        super().__init__()
        self.shape = shape
        self.config = config
        dim, has_profile = shape.dim, shape.has_profile
        self.long_input = "items" if config.mean_of == "history" else "fields"
        self.long_term: LongTermInterest | None = None
        if config.mean_of == "session":
            self.long_term = LongTermInterest(
                shape.long_field_dims(),
                dim,
                has_profile=has_profile,
                attention=config.long_attention,
                dropout=config.dropout,
            )
        parts = 1 + (self.long_term is not None) + has_profile
        outputs = [dim * 2**halvings for halvings in reversed(range(config.depth))] or [dim]
        inputs = [parts * dim, *outputs[:-1]]
        layers = [dense(width, out) for width, out in zip(inputs, outputs, strict=True)]
        with torch.no_grad():
            for layer in layers:
                layer.weight.div_(config.tower_rate)
        self.layers = nn.ModuleList(layers)
        self.input_dropout = nn.Dropout(config.dropout)

    def forward(self, items: Tensor, mask: Tensor, context: EncoderContext) -> Tensor:
        """Encode clicked sessions.

        Args:
            items: Item vectors [B, T, D], float, oldest first, padded on the right.
            mask: True where an item is real, bool [B, T].
            context: Profile and long-term lists.

        Returns:
            Vectors h [B, T, D], none negative unless `last_activation` is `none` or `depth` is 0;
            zero at padding.

        Raises:
            UserError: The context does not fit the shape that the encoder was built for.
        """
        profile = checked_profile(context, self.shape)
        parts, of_user = self._averaged(items, mask, context, profile)
        if profile is not None:
            of_user.append(profile)
        parts.extend(part.unsqueeze(1).expand_as(items) for part in of_user)
        vectors = torch.cat(parts, dim=-1)
        for number, layer in enumerate(self.layers, start=1):
            vectors = layer(self.input_dropout(vectors)) * self.config.tower_rate
            last = number == len(self.layers) and self.config.last_activation == "none"
            if self.config.depth > 0 and not last:
                vectors = torch.relu(vectors)
        return vectors.masked_fill(~mask.unsqueeze(-1), 0.0)

    def _averaged(
        self, items: Tensor, mask: Tensor, context: EncoderContext, profile: Tensor | None
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Parts of the input that stand for clicks: those [B, T, D] and those [B, D]."""
        if self.long_term is not None:
            fields = long_term_fields(context, self.long_term.field_dims)
            return [running_mean(items, mask)], [self.long_term(fields, items, profile)]
        clicks = long_term_items(context, self.shape.dim)
        if clicks is None:
            return [running_mean(items, mask)], []
        values, real = clicks
        means = running_mean(torch.cat([values, items], dim=1), torch.cat([real, mask], dim=1))
        return [means[:, values.shape[1] :]], []


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
