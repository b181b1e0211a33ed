"""What an encoder is given, what it returns and how both are checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor, nn

from unclicked.encoders.asks import dense_rate_of, long_input_of, reads_unclicked
from unclicked.encoders.options import Option
from unclicked.errors import UserError

LongField = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class EncoderContext:
    """What is known of a user besides the clicked sequence; every part is optional.

    Args:
        profile: Profile vectors [B, D], float.
        long: Item vectors of the long-term clicks [B, M, D], float.
        long_mask: True where a long-term click is real, bool [B, M].
        long_fields: For each item field its long-term values [B, M_f, d_f], float, and their
            mask, bool [B, M_f].
        unclicked: Item vectors of what was shown and left unclicked [B, N, D], float, in an order
            that means nothing; for encoders that ask for it.
        unclicked_mask: True where a position may see such an item, bool [B, T, N]: the item is in
            the unclicked list of that position. In training each position has one; where lists are
            made, the last position alone has.
    """

    profile: Tensor | None = None
    long: Tensor | None = None
    long_mask: Tensor | None = None
    long_fields: dict[str, LongField] = field(default_factory=dict)
    unclicked: Tensor | None = None
    unclicked_mask: Tensor | None = None


@dataclass(frozen=True)
class EncoderShape:
    """The sizes a factory needs to build an encoder.

    Args:
        dim: Width D of item vectors, profiles and results, at least 1.
        field_dims: Width d_f of the long-term value vectors by item field; empty where long-term
            clicks come as item vectors (then one field `item` of width D is used).
        has_profile: Whether every context will carry a profile.

    Raises:
        UserError: A width is below 1.

    Example:
        >>> EncoderShape(dim=8).long_field_dims()
        {'item': 8}
    """

    dim: int
    field_dims: dict[str, int] = field(default_factory=dict)
    has_profile: bool = False

    def __post_init__(self) -> None:
        """Check the widths."""
        for name, width in {"dim": self.dim, **self.field_dims}.items():
            if width < 1:
                raise UserError(
                    "ENCODER-SHAPE", name, f"found a width of {width}, expected at least 1."
                )

    def long_field_dims(self) -> dict[str, int]:
        """Return the width by field, with the single field `item` where none is named."""
        return dict(self.field_dims) or {"item": self.dim}


class SequenceEncoder(Protocol):
    """Turns the clicked sequence into one vector per position, using nothing that comes later.

    An encoder may have an attribute `long_input` that says how it wants the long-term clicks:
    `items` (as item vectors; so without the attribute), `fields` (as lists by item field) or
    `none` (it does not read them, and they are not computed). The profile, where users have one, is
    always computed; an encoder need not read it. An attribute `reads_unclicked`, True, asks for the
    unclicked items themselves, beside what the plug-in does with their mean. An attribute
    `dense_rate`, a number above 0, is the factor of the step size for its weights, where full steps
    are too long for them.
    """

    def forward(self, items: Tensor, mask: Tensor, context: EncoderContext) -> Tensor:
        """Encode a batch of clicked sequences.

        Args:
            items: Item vectors [B, T, D], float, oldest first, padded on the right.
            mask: True where an item is real, bool [B, T].
            context: What else is known of the users.

        Returns:
            Vectors [B, T, D]; position t depends on items 1..t only.
        """
        ...


class EncoderFactory(Protocol):
    """Builds an encoder from sizes and options."""

    def __call__(self, shape: EncoderShape, **options: Option) -> nn.Module:
        """Return the encoder, or raise `UserError` for an unknown or wrong option."""
        ...


class LastPositionEncoder(nn.Module):
    """Adapts a module that yields one vector per sequence, [B, D], to one per position.

    Only the last real position of each sequence is filled, so such an encoder trains there and
    nowhere else; `last_position_only` tells a trainer so.

    Args:
        module: Called with (items [B, T, D], mask [B, T], context), returns [B, D].

    Example:
        >>> class Mean(nn.Module):
        ...     def forward(self, items, mask, context):
        ...         return items.mean(dim=1)
        >>> items = torch.tensor([[[1.0], [3.0]]])
        >>> LastPositionEncoder(Mean())(items, torch.tensor([[True, True]]), EncoderContext())
        tensor([[[0.],
                 [2.]]])
    """

    last_position_only = True

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module
        self.long_input = long_input_of(module)
        self.dense_rate = dense_rate_of(module)
        self.reads_unclicked = reads_unclicked(module)

    def forward(self, items: Tensor, mask: Tensor, context: EncoderContext) -> Tensor:
        """Encode each sequence and place the vector at its last real position.

        Args:
            items: Item vectors [B, T, D], float.
            mask: True where an item is real, bool [B, T].
            context: What else is known of the users.

        Returns:
            Vectors [B, T, D], zero at every position but the last real one.

        Raises:
            UserError: The module returned another shape than [B, D].
        """
        vectors: Tensor = self.module(items, mask, context)
        batch, length, dim = items.shape
        if vectors.shape != (batch, dim):
            raise UserError(
                "ENCODER-OUTPUT",
                type(self.module).__name__,
                f"returned {list(vectors.shape)}, expected [B, D] = [{batch}, {dim}]. "
                "A module that returns [B, T, D] needs no adapter.",
            )
        order = torch.arange(1, length + 1, device=mask.device)
        last = (order * mask).amax(dim=1, keepdim=True)
        is_last = mask & (order == last)
        spread = vectors.unsqueeze(1).expand(-1, length, -1)
        return spread.masked_fill(~is_last.unsqueeze(-1), 0.0)


def long_term_fields(
    context: EncoderContext, field_dims: Mapping[str, int]
) -> dict[str, LongField]:
    """Return the long-term lists by field, checked against the widths an encoder was built for.

    Args:
        context: `long_fields` is used where it is not empty, else `long` as the field `item`.
        field_dims: Width by field.

    Returns:
        Values [B, M_f, d_f] and mask [B, M_f] by field; empty where the context has neither.

    Raises:
        UserError: A field is missing, unknown or of another width, or `long` has no mask.
    """
    found = dict(context.long_fields)
    if not found and context.long is None:
        return {}
    if not found and context.long is not None:
        if context.long_mask is None:
            raise UserError("ENCODER-CONTEXT", "long_mask", "found none, `long` needs its mask.")
        found = {"item": (context.long, context.long_mask)}
    if set(found) != set(field_dims):
        raise UserError(
            "ENCODER-CONTEXT",
            "long_fields",
            f"found {sorted(found)}, expected {sorted(field_dims)}. "
            "Build the encoder with these fields in EncoderShape.field_dims.",
        )
    for name, (values, mask) in found.items():
        if values.shape != (*mask.shape, field_dims[name]):
            raise UserError(
                "ENCODER-CONTEXT",
                f"long field '{name}'",
                f"found values {list(values.shape)} with mask {list(mask.shape)}, expected "
                f"[B, M, {field_dims[name]}] with [B, M].",
            )
    return found


def long_term_items(context: EncoderContext, dim: int) -> LongField | None:
    """Return the long-term clicks as item vectors, for an encoder that reads whole items.

    Args:
        context: `long` and `long_mask` are used; `long_fields` beside them is not.
        dim: Width D that the encoder was built for.

    Returns:
        Values [B, M, D] and mask [B, M]; None where the context has no long-term clicks.

    Raises:
        UserError: There are lists by field only, or `long` has no mask or another width.
    """
    if context.long is None and context.long_fields:
        raise UserError(
            "ENCODER-CONTEXT",
            "long",
            "found long_fields only, expected item vectors: this encoder reads whole items.",
        )
    alone = EncoderContext(long=context.long, long_mask=context.long_mask)
    return long_term_fields(alone, {"item": dim}).get("item")


def unclicked_items(context: EncoderContext, dim: int, length: int) -> LongField | None:
    """Return the unclicked items as item vectors, for an encoder that reads them itself.

    Args:
        context: `unclicked` and `unclicked_mask` are used.
        dim: Width D that the encoder was built for.
        length: Number of positions T.

    Returns:
        Values [B, N, D] and mask [B, T, N]; None where the context has no unclicked items.

    Raises:
        UserError: `unclicked` has no mask, or another width or length.
    """
    values, mask = context.unclicked, context.unclicked_mask
    if values is None:
        return None
    batch, count = len(values), values.shape[1]
    if mask is None or mask.shape != (batch, length, count) or values.shape[2:] != (dim,):
        shape = None if mask is None else list(mask.shape)
        raise UserError(
            "ENCODER-CONTEXT",
            "unclicked",
            f"found values {list(values.shape)} with mask {shape}, expected [B, N, {dim}] with "
            f"[B, {length}, N].",
        )
    return values, mask


def checked_profile(context: EncoderContext, shape: EncoderShape) -> Tensor | None:
    """Return the profile [B, D] where the encoder was built for one, else None.

    Args:
        context: What is known of the users.
        shape: What the encoder was built for.

    Returns:
        The profile or None.

    Raises:
        UserError: A profile is there and not expected, or the other way round, or its width is
            not D.
    """
    profile = context.profile
    if (profile is not None) != shape.has_profile:
        found, expected = ("none", "one") if profile is None else ("one", "none")
        raise UserError(
            "ENCODER-CONTEXT",
            "profile",
            f"found {found}, expected {expected}. Set EncoderShape.has_profile to fit the data.",
        )
    if profile is not None and (profile.dim() != 2 or profile.shape[-1] != shape.dim):
        raise UserError(
            "ENCODER-CONTEXT",
            "profile",
            f"found {list(profile.shape)}, expected [B, {shape.dim}].",
        )
    return profile
