"""SHAN: the user asks first the long-term clicks, then the session together with their summary."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import cast

import torch
from torch import Tensor, nn

from unclicked.encoders.base import (
    EncoderContext,
    EncoderShape,
    checked_profile,
    long_term_fields,
    long_term_items,
)
from unclicked.encoders.options import Option, build_config, check_choice, check_probability
from unclicked.nn.attention import Query, causal_mask, masked_softmax
from unclicked.nn.initialise import dense
from unclicked.nn.pooling import LONG_ATTENTIONS, LongTermInterest

LONG_FORMS = ("sdm", "paper")
SESSION_FORMS = ("paper", "code")


@dataclass(frozen=True)
class SHANConfig:
    """Options of SHAN.

    Raises:
        UserError: A value is out of range.

    Example:
        >>> SHANConfig(long="paper").dropout
        0.2
    """

    long: str = field(
        default="sdm",
        metadata={"help": "First level: sdm (lists of every item field) or paper (whole items)."},
    )
    long_attention: str = field(
        default="paper",
        metadata={"help": "With long = sdm, how values are weighted: paper, code or mean."},
    )
    session: str = field(
        default="paper",
        metadata={"help": "Second level: paper (a relu layer) or code (dot product over sqrt D)."},
    )
    dropout: float = field(
        default=0.2,
        metadata={"help": "Probability of dropping an attention weight, from 0 to below 1."},
    )

    def __post_init__(self) -> None:
        """Check every value."""
        check_choice("long", self.long, LONG_FORMS)
        check_choice("long_attention", self.long_attention, LONG_ATTENTIONS)
        check_choice("session", self.session, SESSION_FORMS)
        check_probability("dropout", self.dropout)


class SHAN(nn.Module):
    """The sequential hierarchical attention network, one vector per position of the session.

    With u the user's query, a position t sees the keys x in {p, v_1, ..., v_t}, where p is the
    first level's vector of the long-term clicks: h_t = sum of b_x x with
    b = softmax(u^T relu(W2 x + b2)). The first level of `long="paper"` is the same attention over
    the long-term items with weights W1, b1 of its own. With `session="code"` the second level's
    weights are b = softmax(q^T x / sqrt(D)), where q = tanh(W profile + b), as in the official SDM
    code. The order inside a session plays no part.

    Args:
        shape: Sizes; with `long="paper"` long-term clicks come as item vectors of width D.
        config: Options.

    Source: the SHAN paper (IJCAI 2018); `long="sdm"` is how the official SDM code runs it.
    Differs: u is a linear map of the profile, or one learned vector without profiles, where the
        paper has a vector for every user. Where a user has no long-term click, p is no key (its
        weight is 0), so that nothing but the session speaks; the paper leaves that case open.
    """

    def __init__(self, shape: EncoderShape, config: SHANConfig) -> None:
        super().__init__()
        self.shape = shape
        self.config = config
        self.long_input = "items" if config.long == "paper" else "fields"
        dim, has_profile = shape.dim, shape.has_profile
        width = dim if has_profile else 0
        by_code = config.session == "code"
        self.query: Query | None = None
        if config.long == "paper" or not by_code:
            self.query = Query(width, dim, activation=False)
        self.weight_dropout = nn.Dropout(config.dropout)
        self.session_query = Query(width, dim, activation=True) if by_code else None
        self.session_keys = None if by_code else dense(dim, dim)
        self.long_keys: nn.Linear | None = None
        self.long_term: LongTermInterest | None = None
        if config.long == "paper":
            self.long_keys = dense(dim, dim)
        else:
            self.long_term = LongTermInterest(
                shape.long_field_dims(),
                dim,
                has_profile=has_profile,
                attention=config.long_attention,
                dropout=config.dropout,
            )

    def forward(self, items: Tensor, mask: Tensor, context: EncoderContext) -> Tensor:
        """Encode clicked sessions.

        Args:
            items: Item vectors [B, T, D], float, oldest first, padded on the right.
            mask: True where an item is real, bool [B, T].
            context: Profile and long-term clicks.

        Returns:
            Vectors h [B, T, D]; zero at padding.

        Raises:
            UserError: The context does not fit the shape that the encoder was built for.
        """
        profile = checked_profile(context, self.shape)
        items = items.masked_fill(~mask.unsqueeze(-1), 0.0)
        query = None if self.query is None else self.query(profile, len(items))
        long_term, some = self._first_level(items, context, profile, query)
        keys = torch.cat([long_term.unsqueeze(1), items], dim=1)
        # Scores do not depend on the position that asks, only which of them it may see.
        scores = self._second_level(keys, profile, query).unsqueeze(1)
        seen = torch.cat([some[:, None, None].expand(-1, items.shape[1], 1), causal_mask(mask)], -1)
        weights = self.weight_dropout(masked_softmax(scores, seen))
        hybrid: Tensor = weights @ keys
        return hybrid.masked_fill(~mask.unsqueeze(-1), 0.0)

    def _first_level(
        self, items: Tensor, context: EncoderContext, profile: Tensor | None, query: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Long-term vectors p [B, D], and bool [B]: whether there is any long-term click."""
        if self.long_term is not None:
            fields = long_term_fields(context, self.long_term.field_dims)
            vectors: Tensor = self.long_term(fields, items, profile)
            return vectors, _any_real([real for _, real in fields.values()], items)
        clicks = long_term_items(context, self.shape.dim)
        if clicks is None or self.long_keys is None or query is None:
            return items.new_zeros(len(items), self.shape.dim), _any_real([], items)
        values = clicks[0].masked_fill(~clicks[1].unsqueeze(-1), 0.0)
        weights = masked_softmax(_scores(self.long_keys, values, query), clicks[1])
        pooled: Tensor = self.weight_dropout(weights).unsqueeze(1) @ values
        return pooled.squeeze(1), _any_real([clicks[1]], items)

    def _second_level(self, keys: Tensor, profile: Tensor | None, query: Tensor | None) -> Tensor:
        """Scores [B, K] of the keys p, v_1, ..., v_T."""
        if self.session_keys is not None and query is not None:
            return _scores(self.session_keys, keys, query)
        asked: Tensor = cast("Query", self.session_query)(profile, len(keys))
        return (keys @ asked).squeeze(-1) / math.sqrt(self.shape.dim)


def _scores(layer: nn.Linear, keys: Tensor, query: Tensor) -> Tensor:
    """u^T relu(W x + b) of every key [B, K]."""
    return (torch.relu(layer(keys)) @ query).squeeze(-1)


def _any_real(masks: Iterable[Tensor], items: Tensor) -> Tensor:
    """Whether each user has a value in any of the lists, bool [B]."""
    some = torch.zeros(len(items), dtype=torch.bool, device=items.device)
    for real in masks:
        some = some | real.any(dim=1)
    return some


def build_shan(shape: EncoderShape, **options: Option) -> SHAN:
    """Return a SHAN encoder.

    Args:
        shape: Sizes.
        **options: Values of `SHANConfig` by name.

    Returns:
        The encoder, in training mode, with fresh weights from torch's global generator.

    Raises:
        UserError: An option is unknown or its value is out of range.

    Example:
        One click and nothing else: all weight is on that click.

        >>> encoder = build_shan(EncoderShape(dim=2), dropout=0.0)
        >>> items, mask = torch.tensor([[[3.0, -1.0]]]), torch.tensor([[True]])
        >>> encoder(items, mask, EncoderContext()).tolist()
        [[[3.0, -1.0]]]
    """
    return SHAN(shape, build_config(SHANConfig, options))
