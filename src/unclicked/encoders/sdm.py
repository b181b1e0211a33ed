"""SDM: the session read by an LSTM and attention, gated with long-term interest."""

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
from unclicked.encoders.options import (
    Option,
    build_config,
    check_choice,
    check_count,
    check_flag,
    check_probability,
)
from unclicked.errors import UserError
from unclicked.nn.attention import CausalSelfAttention, ProfileAttention, default_num_heads
from unclicked.nn.initialise import dense, lstm_layer
from unclicked.nn.pooling import LONG_ATTENTIONS, LongTermInterest

GATES = ("vector", "scalar", "add", "multiply", "concat", "feature_gated")


@dataclass(frozen=True)
class SDMConfig:
    """Options of SDM.

    Raises:
        UserError: A value is out of range.

    Example:
        >>> SDMConfig(num_layers=1, num_residual_layers=0).gate
        'vector'
    """

    num_layers: int = field(default=2, metadata={"help": "Number of LSTM layers, at least 1."})
    num_residual_layers: int = field(
        default=1,
        metadata={"help": "Number of top LSTM layers that add their input to their output."},
    )
    dropout: float = field(
        default=0.2,
        metadata={"help": "Probability of dropping an LSTM input or an attention weight, 0 to <1."},
    )
    num_heads: int | None = field(
        default=None,
        metadata={"help": "Number of attention heads; a divisor of the width; none: 16 wide each."},
    )
    long_attention: str = field(
        default="paper",
        metadata={"help": "How long-term values are weighted: paper, code (one unit) or mean."},
    )
    user_residual: bool = field(
        default=True,
        metadata={"help": "Whether the user attention adds its input to its output (true, false)."},
    )
    gate: str = field(
        default="vector",
        metadata={"help": "How session and long-term vectors are joined: " + ", ".join(GATES)},
    )

    def __post_init__(self) -> None:
        """Check every value."""
        check_count("num_layers", self.num_layers, low=1, high=64)
        check_count("num_residual_layers", self.num_residual_layers, low=0)
        if self.num_residual_layers > self.num_layers:
            raise UserError(
                "ENCODER-OPTION",
                "num_residual_layers",
                f"found {self.num_residual_layers}, expected at most num_layers = "
                f"{self.num_layers}.",
            )
        check_probability("dropout", self.dropout)
        if self.num_heads is not None:
            check_count("num_heads", self.num_heads, low=1)
        check_choice("long_attention", self.long_attention, LONG_ATTENTIONS)
        check_flag("user_residual", self.user_residual)
        check_choice("gate", self.gate, GATES)


class SDM(nn.Module):
    """The sequential deep matching model, one vector per position of the session.

    Args:
        shape: Sizes; without long-term fields, one field of item vectors is used.
        config: Options.

    Raises:
        UserError: `num_heads` does not divide the width.

    Source: the SDM paper (CIKM 2019) and its official code.
    Differs: an empty long-term list gives a zero vector where the code gives NaN; without
        profiles both attentions ask with a learned vector.
    """

    long_input = "fields"

    def __init__(self, shape: EncoderShape, config: SDMConfig) -> None:
        super().__init__()
        self.shape = shape
        self.config = config
        dim, dropout, has_profile = shape.dim, config.dropout, shape.has_profile
        num_heads = config.num_heads or default_num_heads(dim)
        self.lstm = nn.ModuleList(lstm_layer(dim, dim) for _ in range(config.num_layers))
        self.input_dropout = nn.Dropout(dropout)
        self.self_attention = CausalSelfAttention(dim, num_heads, dropout)
        self.user_attention = ProfileAttention(dim, has_profile=has_profile, dropout=dropout)
        self.long_term = LongTermInterest(
            shape.long_field_dims(),
            dim,
            has_profile=has_profile,
            attention=config.long_attention,
            dropout=dropout,
        )
        self.join = SessionLongTermGate(config.gate, dim, has_profile=has_profile)

    def forward(self, items: Tensor, mask: Tensor, context: EncoderContext) -> Tensor:
        """Encode clicked sessions.

        Args:
            items: Item vectors [B, T, D], float, oldest first, padded on the right.
            mask: True where an item is real, bool [B, T].
            context: Profile and long-term lists.

        Returns:
            Vectors h [B, T, D]; zero at padding.

        Raises:
            UserError: The context does not fit the shape that the encoder was built for.
        """
        profile = checked_profile(context, self.shape)
        fields = long_term_fields(context, self.long_term.field_dims)
        padding = ~mask.unsqueeze(-1)
        states = self._read(items.masked_fill(padding, 0.0)).masked_fill(padding, 0.0)
        attended = self.self_attention(states, mask)
        session: Tensor = self.user_attention(attended, mask, profile)
        if self.config.user_residual:
            session = session + attended
        long_term: Tensor = self.long_term(fields, items, profile)
        joined: Tensor = self.join(session, long_term, profile)
        return joined.masked_fill(padding, 0.0)

    def _read(self, items: Tensor) -> Tensor:
        first_residual = self.config.num_layers - self.config.num_residual_layers
        states = items
        for number, layer in enumerate(self.lstm):
            output, _ = layer(self.input_dropout(states))
            states = output + states if number >= first_residual else output
        return states


class SessionLongTermGate(nn.Module):
    """Joins the session vector s of each position with the user's long-term vector p.

    Args:
        kind: `vector`: g * s + (1 - g) * p with g = sigmoid(W [s; p; profile]) [D]; `scalar`: the
            same with one g per position; `add`: s + p; `multiply`: s * p; `concat`: W [s; p];
            `feature_gated`: g * s + (1 - g) * tanh(W' [s; p; profile]).
        dim: Width D, at least 1.
        has_profile: Whether `forward` will be given a profile.

    Source: the gate of the SDM paper (`vector`); the others are in its official code.
    """

    def __init__(self, kind: str, dim: int, *, has_profile: bool) -> None:
        super().__init__()
        self.kind = kind
        width = (3 if has_profile else 2) * dim
        self.gate: nn.Linear | None = None
        self.mix: nn.Linear | None = None
        if kind in ("vector", "scalar", "feature_gated"):
            self.gate = dense(width, 1 if kind == "scalar" else dim)
        if kind == "feature_gated":
            self.mix = dense(width, dim)
        elif kind == "concat":
            self.mix = dense(2 * dim, dim)

    def forward(self, session: Tensor, long_term: Tensor, profile: Tensor | None) -> Tensor:
        """Join the two vectors at every position.

        Args:
            session: Session vectors s [B, T, D], float.
            long_term: Long-term vectors p [B, D], float.
            profile: Profiles [B, D], float, or None.

        Returns:
            Vectors [B, T, D].
        """
        spread = long_term.unsqueeze(1).expand_as(session)
        if self.kind == "add":
            return session + spread
        if self.kind == "multiply":
            return session * spread
        inputs = torch.cat([session, spread], dim=-1)
        if self.gate is None and self.mix is not None:
            mixed: Tensor = self.mix(inputs)
            return mixed
        if profile is not None:
            inputs = torch.cat([inputs, profile.unsqueeze(1).expand_as(session)], dim=-1)
        other = spread if self.mix is None else torch.tanh(self.mix(inputs))
        gate = torch.sigmoid(self.gate(inputs)) if self.gate is not None else 1.0
        return gate * session + (1.0 - gate) * other


def build_sdm(shape: EncoderShape, **options: Option) -> SDM:
    """Return an SDM encoder.

    Args:
        shape: Sizes.
        **options: Values of `SDMConfig` by name.

    Returns:
        The encoder, in training mode, with fresh weights from torch's global generator.

    Raises:
        UserError: An option is unknown or its value is out of range.

    Example:
        >>> encoder = build_sdm(EncoderShape(dim=8), num_layers=1)
        >>> items, mask = torch.zeros(2, 3, 8), torch.ones(2, 3, dtype=torch.bool)
        >>> encoder(items, mask, EncoderContext()).shape
        torch.Size([2, 3, 8])
    """
    return SDM(shape, build_config(SDMConfig, options))
