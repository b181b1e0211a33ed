"""What an encoder asks for by its attributes: what it reads besides clicks, and a step size."""

from __future__ import annotations

import math
from numbers import Real

from torch import nn

from unclicked.errors import UserError

LONG_INPUTS = ("items", "fields", "none")


def long_input_of(encoder: nn.Module) -> str:
    """Return how an encoder wants the long-term clicks.

    Args:
        encoder: The encoder; see `SequenceEncoder` for its attribute `long_input`.

    Returns:
        One of `LONG_INPUTS`; `items` where the encoder says nothing.

    Raises:
        UserError: The attribute is none of these.

    Example:
        >>> long_input_of(nn.Identity())
        'items'
    """
    found = getattr(encoder, "long_input", LONG_INPUTS[0])
    if found not in LONG_INPUTS:
        raise UserError(
            "ENCODER-LONG-INPUT",
            type(encoder).__name__,
            f"found long_input = {found!r}, expected one of {', '.join(LONG_INPUTS)}.",
        )
    return str(found)


def reads_unclicked(encoder: nn.Module) -> bool:
    """Return whether an encoder wants the unclicked items themselves.

    Args:
        encoder: The encoder; see `SequenceEncoder` for its attribute `reads_unclicked`.

    Returns:
        The attribute; False where the encoder says nothing.

    Raises:
        UserError: The attribute is neither True nor False.

    Example:
        >>> reads_unclicked(nn.Identity())
        False
    """
    found = getattr(encoder, "reads_unclicked", False)
    if not isinstance(found, bool):
        raise UserError(
            "ENCODER-READS-UNCLICKED",
            type(encoder).__name__,
            f"found reads_unclicked = {found!r}, expected True or False.",
        )
    return found


def dense_rate_of(encoder: nn.Module) -> float:
    """Return the factor of the step size that an encoder asks for.

    Args:
        encoder: The encoder; see `SequenceEncoder` for its attribute `dense_rate`.

    Returns:
        The factor; 1 where the encoder says nothing.

    Raises:
        UserError: The attribute is no number above 0.

    Example:
        >>> dense_rate_of(nn.Identity())
        1.0
    """
    found = getattr(encoder, "dense_rate", 1.0)
    if isinstance(found, bool) or not isinstance(found, Real) or not 0 < float(found) < math.inf:
        raise UserError(
            "ENCODER-DENSE-RATE",
            type(encoder).__name__,
            f"found dense_rate = {found!r}, expected a number above 0.",
        )
    return float(found)
