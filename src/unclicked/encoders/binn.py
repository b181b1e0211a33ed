"""BINN: an LSTM reads the session, a bidirectional one the long-term clicks."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from unclicked.encoders.base import (
    EncoderContext,
    EncoderShape,
    checked_profile,
    long_term_items,
)
from unclicked.encoders.options import Option, build_config, check_flag, check_probability
from unclicked.nn.initialise import dense, lstm_layer
from unclicked.nn.peephole import PeepholeLSTM
from unclicked.nn.pooling import masked_mean

# More groups wait less and start more layers; from three to six made no difference, and rows that
# are all equally long are read as fast as in one group.
_LENGTH_GROUPS = 4


@dataclass(frozen=True)
class BINNConfig:
    """Options of BINN.

    Raises:
        UserError: A value is out of range.

    Example:
        >>> BINNConfig(peephole=True).behaviour
        False
    """

    behaviour: bool = field(
        default=False,
        metadata={"help": "Whether gates get a term for the kind of behaviour, here one: a click."},
    )
    peephole: bool = field(
        default=False,
        metadata={"help": "Whether gates also see the memory cell (true is slower, false faster)."},
    )
    dropout: float = field(
        default=0.2,
        metadata={"help": "Probability of dropping an input of an LSTM, from 0 to below 1."},
    )
    use_profile: bool = field(
        default=False,
        metadata={
            "help": "Whether the profile, if any, stands beside every item of the session (the "
            "paper has none)."
        },
    )

    def __post_init__(self) -> None:
        """Check every value."""
        check_flag("behaviour", self.behaviour)
        check_flag("peephole", self.peephole)
        check_probability("dropout", self.dropout)
        check_flag("use_profile", self.use_profile)


class BINN(nn.Module):
    """The behaviour-intensive neural network, one vector per position of the session.

    short_t is the state of an LSTM after the clicks 1..t; long is the mean, over the long-term
    clicks, of [forward; backward] states of two more; h_t = W [short_t; long] + b.

    Args:
        shape: Sizes; long-term clicks come as item vectors of width D.
        config: Options.

    Source: the BINN paper (KDD 2018).
    Differs: the session is read whole instead of its last ten steps, at every position; long-term
        clicks stand for the paper's preference behaviours; item vectors start at random, without
        item2vec. `behaviour` and `peephole` are on in the paper; with clicks alone the first is
        one more bias. Without a long-term click, long is zero. The paper has no profile;
        `use_profile` puts it beside every item of the session, as GRU4REC and NARM have it here.
    """

    long_input = "items"

    def __init__(self, shape: EncoderShape, config: BINNConfig) -> None:
        super().__init__()
        self.shape = shape
        self.config = config
        self.input_dropout = nn.Dropout(config.dropout)
        self.reads_profile = shape.has_profile and config.use_profile
        self.short_term = self._layer(2 * shape.dim if self.reads_profile else shape.dim)
        self.long_forward = self._layer(shape.dim)
        self.long_backward = self._layer(shape.dim)
        self.join = dense(3 * shape.dim, shape.dim)

    def forward(self, items: Tensor, mask: Tensor, context: EncoderContext) -> Tensor:
        """Encode clicked sessions.

        Args:
            items: Item vectors [B, T, D], float, oldest first, padded on the right.
            mask: True where an item is real, bool [B, T].
            context: Long-term item vectors; the profile is read with `use_profile` only.

        Returns:
            Vectors h [B, T, D]; zero at padding.

        Raises:
            UserError: The context does not fit the shape that the encoder was built for.
        """
        profile = checked_profile(context, self.shape)
        padding = ~mask.unsqueeze(-1)
        steps = items.masked_fill(padding, 0.0)
        if profile is not None and self.reads_profile:
            steps = torch.cat([steps, profile.unsqueeze(1).expand_as(items)], dim=-1)
        short = self._states(self.short_term, self._inputs(steps))
        long = self._long(items, context).unsqueeze(1).expand(-1, items.shape[1], -1)
        joined: Tensor = self.join(torch.cat([short, long], dim=-1))
        return joined.masked_fill(padding, 0.0)

    def _layer(self, in_dim: int) -> nn.Module:
        # The one-hot kind of behaviour is one more input: its column of weights is the paper's W_b.
        width = in_dim + int(self.config.behaviour)
        if self.config.peephole:
            return PeepholeLSTM(width, self.shape.dim)
        return lstm_layer(width, self.shape.dim)

    def _inputs(self, values: Tensor) -> Tensor:
        """What a layer reads for values [B, T, D]."""
        inputs: Tensor = self.input_dropout(values)
        if self.config.behaviour:
            inputs = torch.cat([inputs, inputs.new_ones(*inputs.shape[:-1], 1)], dim=-1)
        return inputs

    def _states(self, layer: nn.Module, inputs: Tensor) -> Tensor:
        """States [B, T, D] of a layer that starts at the left."""
        output = layer(inputs)
        states: Tensor = output if self.config.peephole else output[0]
        return states

    def _long(self, items: Tensor, context: EncoderContext) -> Tensor:
        """Mean over real long-term clicks of [forward; backward] states, [B, 2 D]."""
        clicks = long_term_items(context, self.shape.dim)
        if clicks is None or clicks[0].shape[1] == 0:
            return items.new_zeros(len(items), 2 * self.shape.dim)
        values, real = clicks
        forward, forward_mask = real_first(values, real)
        backward, backward_mask = real_first(values.flip(1), real.flip(1))
        # The mean does not care for the order of the states, so the second stay reversed.
        ahead = self._mean_state(self.long_forward, forward, forward_mask)
        back = self._mean_state(self.long_backward, backward, backward_mask)
        return torch.cat([ahead, back], dim=-1)

    def _mean_state(self, layer: nn.Module, values: Tensor, mask: Tensor) -> Tensor:
        """Mean over real entries, which come first, of the states of a layer, [B, D].

        In training, rows of about the same length are read together, so that most rows do not
        wait for the longest one.
        """
        inputs = self._inputs(values)
        # A layer with peepholes is a loop over steps: more groups are more of them.
        if not self.training or self.config.peephole:
            return masked_mean(self._states(layer, inputs), mask)
        lengths = mask.sum(dim=1)
        order = lengths.argsort()
        groups = order.chunk(_LENGTH_GROUPS)
        last = torch.stack([rows[-1] for rows in groups])
        longest: list[int] = lengths[last].clamp(min=1).tolist()
        means = []
        for rows, steps in zip(groups, longest, strict=True):
            states = self._states(layer, inputs[rows, :steps])
            means.append(masked_mean(states, mask[rows, :steps]))
        return torch.cat(means)[order.argsort()]


def real_first(values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Move the real entries of each list to its front, in their order, and zero the rest.

    A layer that then reads from the left has met no padding at any real entry. Applied to lists
    turned round, it lets a layer read each of them from its last real entry to its first.

    Args:
        values: Vectors [B, M, D], float; whatever stands at padding (NaN too) is ignored.
        mask: True where an entry is real, bool [B, M].

    Returns:
        Vectors [B, M, D] and their mask [B, M].

    Example:
        >>> values = torch.tensor([[[9.0], [1.0], [9.0], [2.0]]])
        >>> mask = torch.tensor([[False, True, False, True]])
        >>> real_first(values, mask)[0].squeeze(-1).tolist()
        [[1.0, 2.0, 0.0, 0.0]]
        >>> real_first(values.flip(1), mask.flip(1))[0].squeeze(-1).tolist()
        [[2.0, 1.0, 0.0, 0.0]]
    """
    values = values.masked_fill(~mask.unsqueeze(-1), 0.0)
    order = (~mask).to(torch.uint8).argsort(dim=1, stable=True)
    moved = values.gather(1, order.unsqueeze(-1).expand_as(values))
    return moved, mask.gather(1, order)


def build_binn(shape: EncoderShape, **options: Option) -> BINN:
    """Return a BINN encoder.

    Args:
        shape: Sizes.
        **options: Values of `BINNConfig` by name.

    Returns:
        The encoder, in training mode, with fresh weights from torch's global generator.

    Raises:
        UserError: An option is unknown or its value is out of range.

    Example:
        >>> encoder = build_binn(EncoderShape(dim=8), peephole=True)
        >>> items, mask = torch.zeros(2, 3, 8), torch.ones(2, 3, dtype=torch.bool)
        >>> encoder(items, mask, EncoderContext()).shape
        torch.Size([2, 3, 8])
    """
    return BINN(shape, build_config(BINNConfig, options))
