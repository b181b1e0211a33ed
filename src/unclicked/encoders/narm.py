"""NARM: the session read by a GRU, its last state joined with attention over all states."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from unclicked.encoders.base import EncoderContext, EncoderShape, checked_profile
from unclicked.encoders.options import (
    Option,
    build_config,
    check_choice,
    check_count,
    check_flag,
    check_probability,
)
from unclicked.errors import UserError
from unclicked.nn.attention import causal_mask, masked_softmax
from unclicked.nn.initialise import dense, free_vector
from unclicked.nn.recurrent import CELLS, SessionGRU

STYLES = ("paper", "sdm")
ATTENTION_NORMS = ("softmax", "none")


@dataclass(frozen=True)
class NARMConfig:
    """Options of NARM.

    Raises:
        UserError: A value is out of range, or two values exclude each other.

    Example:
        >>> NARMConfig(style="sdm").attention_norm
        'softmax'
    """

    num_layers: int = field(default=1, metadata={"help": "Number of GRU layers, at least 1."})
    dropout: float = field(
        default=0.2,
        metadata={
            "help": "Probability of dropping an input of a GRU layer and, in style sdm, an "
            "attention weight, 0 to <1."
        },
    )
    output_dropout: float = field(
        default=0.0,
        metadata={"help": "Probability of dropping an input of the last layer; 0.5 in the paper."},
    )
    cell: str = field(
        default="reset_before",
        metadata={
            "help": "Where the reset gate acts: reset_before the recurrent product, as in the "
            "paper, or reset_after it, as in torch."
        },
    )
    style: str = field(
        default="paper",
        metadata={
            "help": "Attention over the states: paper (additive, learned) or sdm (dot product "
            "without weights, as in the official SDM code)."
        },
    )
    attention_norm: str = field(
        default="softmax",
        metadata={
            "help": "How additive scores become weights: softmax, or none as the NARM paper "
            "writes it (sums then grow with the length)."
        },
    )
    use_profile: bool = field(
        default=True,
        metadata={"help": "Whether the profile, if any, stands beside every item (true, false)."},
    )

    def __post_init__(self) -> None:
        """Check every value."""
        check_count("num_layers", self.num_layers, low=1, high=64)
        check_probability("dropout", self.dropout)
        check_probability("output_dropout", self.output_dropout)
        check_choice("cell", self.cell, CELLS)
        check_choice("style", self.style, STYLES)
        check_choice("attention_norm", self.attention_norm, ATTENTION_NORMS)
        check_flag("use_profile", self.use_profile)
        if self.style == "sdm" and self.attention_norm != "softmax":
            raise UserError(
                "ENCODER-OPTION",
                "attention_norm",
                f"found {self.attention_norm!r}, expected 'softmax' where style is 'sdm'. "
                "Choose style 'paper' to leave the softmax out.",
            )


class NARM(nn.Module):
    """The neural attentive recommendation machine, one vector per position of the session.

    Args:
        shape: Sizes.
        config: Options.

    Source: the NARM paper (CIKM 2017): B [c_g; c_l] with the state c_g = h_t and
        c_l = sum over j <= t of a_tj h_j, a_tj = v^T sigmoid(A1 h_t + A2 h_j). Style `sdm`: the
        official SDM code, with a_tj the softmax of h_t . h_j / sqrt(D) and a bias after B.
    Differs: computed at every position, and a_tj goes through a softmax by default; the paper has
        no profile and no softmax.
    """

    long_input = "none"

    def __init__(self, shape: EncoderShape, config: NARMConfig) -> None:
        super().__init__()
        self.shape = shape
        self.config = config
        self.reads_profile = shape.has_profile and config.use_profile
        dim = shape.dim
        self.gru = SessionGRU(
            dim,
            with_profile=self.reads_profile,
            cell=config.cell,
            num_layers=config.num_layers,
            dropout=config.dropout,
        )
        self.attention: nn.Module
        if config.style == "paper":
            self.attention = AdditiveAttention(dim, normalised=config.attention_norm == "softmax")
            self.output = _matrix(2 * dim, dim)
        else:
            self.attention = DotProductAttention(config.dropout)
            self.output = dense(2 * dim, dim)
        self.output_dropout = nn.Dropout(config.output_dropout)

    def forward(self, items: Tensor, mask: Tensor, context: EncoderContext) -> Tensor:
        """Encode clicked sessions.

        Args:
            items: Item vectors [B, T, D], float, oldest first, padded on the right.
            mask: True where an item is real, bool [B, T].
            context: The profile is read; long-term clicks are not.

        Returns:
            Vectors h [B, T, D]; zero at padding.

        Raises:
            UserError: The context does not fit the shape that the encoder was built for.
        """
        profile = checked_profile(context, self.shape)
        states = self.gru(items, mask, profile if self.reads_profile else None)
        joined = torch.cat([states, self.attention(states, mask)], dim=-1)
        vectors: Tensor = self.output(self.output_dropout(joined))
        return vectors.masked_fill(~mask.unsqueeze(-1), 0.0)


class AdditiveAttention(nn.Module):
    """Causal attention with scores v^T sigmoid(A1 h_t + A2 h_j).

    Args:
        dim: Width D of the states, at least 1.
        normalised: Whether a softmax over j <= t makes weights of the scores.

    Source: the local encoder of the NARM paper.
    """

    def __init__(self, dim: int, *, normalised: bool) -> None:
        super().__init__()
        self.normalised = normalised
        self.of_query = _matrix(dim, dim)
        self.of_key = _matrix(dim, dim)
        self.vector = free_vector(dim)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """Return for each position the weighted sum of the real states up to it.

        Args:
            states: States [B, T, D], float, finite at padding too.
            mask: True where a position is real, bool [B, T].

        Returns:
            Vectors [B, T, D].
        """
        pairs = self.of_query(states).unsqueeze(2) + self.of_key(states).unsqueeze(1)
        # In place: [B, T, T, D] is by far the largest tensor of this encoder.
        scores = pairs.sigmoid_() @ self.vector
        seen = causal_mask(mask)
        weights = masked_softmax(scores, seen) if self.normalised else scores * seen
        attended: Tensor = weights @ states
        return attended


class DotProductAttention(nn.Module):
    """Causal attention without weights: softmax of h_t . h_j / sqrt(D).

    Args:
        dropout: Probability with which a weight is dropped, in [0, 1).

    Source: the official SDM code's NARM.
    """

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.weight_dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """Return for each position the weighted sum of the real states up to it.

        Args:
            states: States [B, T, D], float, finite at padding too.
            mask: True where a position is real, bool [B, T].

        Returns:
            Vectors [B, T, D].
        """
        scores = states @ states.transpose(-1, -2) / math.sqrt(states.shape[-1])
        weights = self.weight_dropout(masked_softmax(scores, causal_mask(mask)))
        attended: Tensor = weights @ states
        return attended


def build_narm(shape: EncoderShape, **options: Option) -> NARM:
    """Return a NARM encoder.

    Args:
        shape: Sizes.
        **options: Values of `NARMConfig` by name.

    Returns:
        The encoder, in training mode, with fresh weights from torch's global generator.

    Raises:
        UserError: An option is unknown or its value is out of range, or two exclude each other.

    Example:
        >>> encoder = build_narm(EncoderShape(dim=8), style="sdm")
        >>> items, mask = torch.zeros(2, 3, 8), torch.ones(2, 3, dtype=torch.bool)
        >>> encoder(items, mask, EncoderContext()).shape
        torch.Size([2, 3, 8])
    """
    return NARM(shape, build_config(NARMConfig, options))


def _matrix(in_dim: int, out_dim: int) -> nn.Linear:
    """A Glorot-uniform map without a bias."""
    layer = nn.Linear(in_dim, out_dim, bias=False)
    nn.init.xavier_uniform_(layer.weight)
    return layer
