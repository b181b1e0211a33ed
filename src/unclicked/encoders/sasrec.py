"""SASRec: causal self-attention over the session, and over what came before it too."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from unclicked.encoders.base import (
    EncoderContext,
    EncoderShape,
    checked_profile,
    long_term_items,
    unclicked_items,
)
from unclicked.encoders.options import (
    Option,
    build_config,
    check_choice,
    check_count,
    check_flag,
    check_probability,
)
from unclicked.nn.attention import CausalHeads, causal_mask, default_num_heads
from unclicked.nn.initialise import UNIFORM_RANGE, dense, free_vector

SEQUENCES = ("session", "history")


@dataclass(frozen=True)
class SASRecConfig:
    """Options of SASRec.

    Raises:
        UserError: A value is out of range.

    Example:
        >>> SASRecConfig(sequence="session").num_layers
        1
    """

    sequence: str = field(
        default="history",
        metadata={
            "help": "What is attended to: history (long-term clicks, then the session) or session "
            "alone."
        },
    )
    num_layers: int = field(default=1, metadata={"help": "Number of blocks, at least 1."})
    num_heads: int | None = field(
        default=None,
        metadata={"help": "Number of attention heads; a divisor of the width; none: 16 wide each."},
    )
    dropout: float = field(
        default=0.2,
        metadata={"help": "Probability of dropping an input, a weight or an output, 0 to <1."},
    )
    positions: int = field(
        default=50,
        metadata={
            "help": "Places on either side of the session's begin with a vector of their own; "
            "farther ones share the last."
        },
    )
    use_profile: bool = field(
        default=True,
        metadata={"help": "Whether a map of the profile, if any, is added to every item."},
    )
    reads_unclicked: bool = field(
        default=False,
        metadata={"help": "Whether unclicked items stand in the sequence too, marked by a vector."},
    )

    def __post_init__(self) -> None:
        """Check every value."""
        check_choice("sequence", self.sequence, SEQUENCES)
        check_count("num_layers", self.num_layers, low=1, high=64)
        if self.num_heads is not None:
            check_count("num_heads", self.num_heads, low=1)
        check_probability("dropout", self.dropout)
        check_count("positions", self.positions, low=1, high=10_000)
        check_flag("use_profile", self.use_profile)
        check_flag("reads_unclicked", self.reads_unclicked)


class Block(nn.Module):
    """Attention, then two linear layers; what each finds is added to what it was given.

    Args:
        dim: Width D, at least 1.
        num_heads: Number of heads; divides D.
        dropout: Probability with which a weight, a hidden unit or an output is dropped.

    Source: the SASRec paper (ICDM 2018), equations 2 to 5 with x + dropout(g(norm(x))).
    Differs: heads are joined by a linear layer, as in the transformer paper; hidden units are
        dropped too, as in the official code.
    """

    def __init__(self, dim: int, num_heads: int, dropout: float) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(dim)
        self.attention = CausalHeads(dim, num_heads, dropout)
        self.forward_norm = nn.LayerNorm(dim)
        self.inner, self.outer = dense(dim, dim), dense(dim, dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, inputs: Tensor, seen: Tensor) -> Tensor:
        """Return a vector for each of the last positions, from those that it may see.

        Args:
            inputs: Vectors [B, T, D], float, finite at padding too.
            seen: True where one of the last Q positions may see a position, bool [B, Q, T].

        Returns:
            Vectors [B, Q, D].
        """
        attended = self.attention.attend(self.attention_norm(inputs), seen)
        attended = inputs[:, inputs.shape[1] - seen.shape[1] :] + self.dropout(attended)
        hidden = self.dropout(torch.relu(self.inner(self.forward_norm(attended))))
        result: Tensor = attended + self.dropout(self.outer(hidden))
        return result


class SASRec(nn.Module):
    """A transformer without a look ahead: what each clicked item makes of those before it.

    Args:
        shape: Sizes; with `sequence="history"` long-term clicks come as item vectors of width D.
        config: Options.

    Raises:
        UserError: `num_heads` does not divide the width.

    Source: the SASRec paper (ICDM 2018). It is no base recommender of our paper.
    Differs: places are counted from the begin of the session, backwards for the clicks before it,
        so that a vector means the same for any number of them; of long-term clicks each item
        stands once, where it was clicked last. With `reads_unclicked` each position's unclicked
        list stands in its sequence too, marked by a vector and without places, in the last block:
        one sequence of clicks and skips, the rival of the plug-in. Vectors are not scaled by
        sqrt(D) first, as the formula has it and the official code has not. A map of the profile can
        be added, so that base encoders are compared on the same inputs. One block of several heads
        by default, where the paper has two of one, and short steps for its weights: chosen on
        validation (docs/experiments.md).
    """

    dense_rate = 0.03

    def __init__(self, shape: EncoderShape, config: SASRecConfig) -> None:
        super().__init__()
        self.shape = shape
        self.config = config
        dim, whole = shape.dim, config.sequence == "history"
        self.long_input = "items" if whole else "none"
        places = config.positions * (2 if whole else 1)
        self.places = nn.Parameter(torch.empty(places, dim).uniform_(-UNIFORM_RANGE, UNIFORM_RANGE))
        self.reads_unclicked = config.reads_unclicked
        self.skip = free_vector(dim) if config.reads_unclicked else None
        self.profile: nn.Linear | None = None
        if shape.has_profile and config.use_profile:
            self.profile = dense(dim, dim)
        self.input_dropout = nn.Dropout(config.dropout)
        heads = config.num_heads or default_num_heads(dim)
        self.blocks = nn.ModuleList(
            Block(dim, heads, config.dropout) for _ in range(config.num_layers)
        )
        self.norm = nn.LayerNorm(dim)

    def forward(self, items: Tensor, mask: Tensor, context: EncoderContext) -> Tensor:
        """Encode clicked sessions.

        Args:
            items: Item vectors [B, T, D], float, oldest first, padded on the right.
            mask: True where an item is real, bool [B, T].
            context: Profile; with `sequence="history"`, long-term clicks; with
                `reads_unclicked`, unclicked items.

        Returns:
            Vectors h [B, T, D]; zero at padding.

        Raises:
            UserError: The context does not fit the shape that the encoder was built for.
        """
        profile = checked_profile(context, self.shape)
        length = items.shape[1]
        place = torch.arange(length, device=items.device).expand(len(items), -1)
        vectors, real = items, mask
        clicks = None
        if self.config.sequence == "history":
            clicks = long_term_items(context, self.shape.dim)
        if clicks is not None:
            before = clicks[1].long().cumsum(dim=1) - clicks[1].sum(dim=1, keepdim=True) - 1
            vectors, real = torch.cat([clicks[0], items], 1), torch.cat([clicks[1], mask], 1)
            place = torch.cat([before, place], 1)
        vectors = vectors.masked_fill(~real.unsqueeze(-1), 0.0) + self._vectors_of(place)
        added = 0.0 if self.profile is None else self.profile(profile).unsqueeze(1)
        vectors = self.input_dropout(vectors + added)
        seen = causal_mask(real)
        for block in self.blocks[:-1]:
            vectors = block(vectors, seen)
        # Nobody asks for the last block's vectors of what stands before the session.
        seen = seen[:, seen.shape[1] - length :]
        found = unclicked_items(context, self.shape.dim, length)
        if self.skip is not None and found is not None:
            # In the last block alone: no position then sees the lists of others through them.
            shown = found[0].masked_fill(~found[1].any(dim=1).unsqueeze(-1), 0.0) + self.skip
            vectors = torch.cat([self.input_dropout(shown + added), vectors], 1)
            seen = torch.cat([found[1], seen], 2)
        states: Tensor = self.norm(self.blocks[-1](vectors, seen))
        return states.masked_fill(~mask.unsqueeze(-1), 0.0)

    def _vectors_of(self, place: Tensor) -> Tensor:
        """Vectors of places, which count from 0 at the begin of the session; -1 lies before it."""
        begin = len(self.places) - self.config.positions
        return self.places[(place + begin).clamp(0, len(self.places) - 1)]


def build_sasrec(shape: EncoderShape, **options: Option) -> SASRec:
    """Return a SASRec encoder.

    Args:
        shape: Sizes.
        **options: Values of `SASRecConfig` by name.

    Returns:
        The encoder, in training mode, with fresh weights from torch's global generator.

    Raises:
        UserError: An option is unknown or its value is out of range.

    Example:
        >>> encoder = build_sasrec(EncoderShape(dim=8), sequence="session")
        >>> items, mask = torch.zeros(2, 3, 8), torch.ones(2, 3, dtype=torch.bool)
        >>> encoder(items, mask, EncoderContext()).shape
        torch.Size([2, 3, 8])
    """
    return SASRec(shape, build_config(SASRecConfig, options))
