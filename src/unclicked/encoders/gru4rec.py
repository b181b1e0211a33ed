"""GRU4REC: the session read by a GRU, with no long-term interest."""

from __future__ import annotations

from dataclasses import dataclass, field

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
from unclicked.nn.recurrent import CELLS, SessionGRU


@dataclass(frozen=True)
class GRU4RECConfig:
    """Options of GRU4REC.

    Raises:
        UserError: A value is out of range.

    Example:
        >>> GRU4RECConfig(num_layers=2).cell
        'reset_before'
    """

    num_layers: int = field(default=1, metadata={"help": "Number of GRU layers, at least 1."})
    dropout: float = field(
        default=0.2,
        metadata={"help": "Probability of dropping an input of a GRU layer, 0 to <1."},
    )
    cell: str = field(
        default="reset_before",
        metadata={
            "help": "Where the reset gate acts: reset_before the recurrent product, as in the "
            "paper, or reset_after it, as in torch."
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
        check_choice("cell", self.cell, CELLS)
        check_flag("use_profile", self.use_profile)


class GRU4REC(nn.Module):
    """A recurrent session model: the state of a GRU after each clicked item.

    Args:
        shape: Sizes.
        config: Options.

    Source: the GRU4REC paper (ICLR 2016), as the official SDM code runs it.
    Differs: the paper knows no profile; the official SDM code can put it beside every item, so
        that base encoders are compared on the same inputs. The initial values are that code's.
    """

    long_input = "none"

    def __init__(self, shape: EncoderShape, config: GRU4RECConfig) -> None:
        super().__init__()
        self.shape = shape
        self.config = config
        self.reads_profile = shape.has_profile and config.use_profile
        self.gru = SessionGRU(
            shape.dim,
            with_profile=self.reads_profile,
            cell=config.cell,
            num_layers=config.num_layers,
            dropout=config.dropout,
        )

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
        states: Tensor = self.gru(items, mask, profile if self.reads_profile else None)
        return states


def build_gru4rec(shape: EncoderShape, **options: Option) -> GRU4REC:
    """Return a GRU4REC encoder.

    Args:
        shape: Sizes.
        **options: Values of `GRU4RECConfig` by name.

    Returns:
        The encoder, in training mode, with fresh weights from torch's global generator.

    Raises:
        UserError: An option is unknown or its value is out of range.

    Example:
        >>> import torch
        >>> encoder = build_gru4rec(EncoderShape(dim=8), cell="reset_after")
        >>> items, mask = torch.zeros(2, 3, 8), torch.ones(2, 3, dtype=torch.bool)
        >>> encoder(items, mask, EncoderContext()).shape
        torch.Size([2, 3, 8])
    """
    return GRU4REC(shape, build_config(GRU4RECConfig, options))
