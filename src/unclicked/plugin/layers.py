"""The two learned parts of the plug-in: the map of item lists and the gated subtraction."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from unclicked.errors import UserError
from unclicked.nn.initialise import dense
from unclicked.nn.pooling import masked_mean

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "identity": torch.positive,
}


class ItemsEncoder(nn.Module):
    """The vector of a list of items: tanh(W mean + b), and 0 for an empty list.

    Args:
        dim: Width D, at least 1.
        has_map: Whether the weights exist; without them every result is 0.

    Source: Eq. 3.
    """

    def __init__(self, dim: int, *, has_map: bool) -> None:
        super().__init__()
        self.dim = dim
        self.linear = dense(dim, dim) if has_map else None

    def forward(self, items: Tensor, mask: Tensor) -> Tensor:
        """Encode lists of item vectors, or their means.

        Args:
            items: Item vectors [R, N, D], float, or their means [R, D].
            mask: Bool [R, N], or [R] for means; True where there is an item.

        Returns:
            Vectors [R, D].

        Raises:
            UserError: Shapes do not fit.
        """
        fits = items.dim() in (2, 3) and items.shape[:-1] == mask.shape
        if not fits or items.shape[-1] != self.dim or mask.dtype != torch.bool:
            raise UserError(
                "PLUGIN-SHAPE",
                "items and mask",
                f"found items {list(items.shape)} with a {mask.dtype} mask {list(mask.shape)}, "
                f"expected [R, N, {self.dim}] with a bool mask [R, N], or [R, {self.dim}] with "
                "a bool mask [R].",
            )
        empty = ~has_item(mask).unsqueeze(-1)
        mean = masked_mean(items, mask) if items.dim() == 3 else items.masked_fill(empty, 0.0)
        if self.linear is None:
            return torch.zeros_like(mean)
        # tanh(b) is not 0: unmasked, an empty list would move the user vector.
        return torch.tanh(self.linear(mean)).masked_fill(empty, 0.0)


class Fusion(nn.Module):
    """Takes the unclicked vector out of the clicked vector.

    Args:
        dim: Width D, at least 1.
        kind: `none`, `subtract` or `confidence`.
        activation: `sigmoid`, `tanh` or `identity`, of the gate. With `tanh` the gate lies in
            (-1, 1): below 0 the user vector moves towards the unclicked vector. It starts near 0,
            almost shut, so that learning from unclicked items starts slowly; so with `identity`.

    Source: Eq. 6 to 8; the sigmoid is in section 4.3.
    Differs: `tanh` and `identity` let unclicked items attract, which the paper never does.
    """

    def __init__(self, dim: int, kind: str, activation: str) -> None:
        super().__init__()
        self.dim = dim
        self.kind = kind
        self.activation = activation
        self.linear = dense(2 * dim, dim) if kind == "confidence" else None

    def gate(self, clicked: Tensor, unclicked: Tensor) -> Tensor:
        """Return the gate G [R, D]; all 1 with `subtract`, all 0 with `none`.

        Args:
            clicked: Vectors h [R, D], float.
            unclicked: Vectors n [R, D], float.

        Returns:
            The gate.

        Raises:
            UserError: Shapes do not fit.
        """
        check_rows(self.dim, clicked=clicked, unclicked=unclicked)
        if self.linear is None:
            return torch.full_like(clicked, 0.0 if self.kind == "none" else 1.0)
        raw: Tensor = self.linear(torch.cat([clicked, unclicked], dim=-1))
        return _ACTIVATIONS[self.activation](raw)

    def forward(self, clicked: Tensor, unclicked: Tensor) -> Tensor:
        """Return h, h - n or h - G * n.

        Args:
            clicked: Vectors h [R, D], float.
            unclicked: Vectors n [R, D], float.

        Returns:
            User vectors [R, D].

        Raises:
            UserError: Shapes do not fit.
        """
        check_rows(self.dim, clicked=clicked, unclicked=unclicked)
        if self.kind == "none":
            return clicked
        if self.kind == "subtract":
            return clicked - unclicked
        return clicked - self.gate(clicked, unclicked) * unclicked


def has_item(mask: Tensor) -> Tensor:
    """Return which rows have an item [R] from a mask [R, N] or [R]."""
    return mask if mask.dim() == 1 else mask.any(dim=-1)


def check_rows(dim: int, **vectors: Tensor) -> None:
    """Raise `UserError` unless all vectors are [R, dim] with one R."""
    num_rows = next(iter(vectors.values())).shape[0]
    for name, vector in vectors.items():
        if vector.shape != (num_rows, dim):
            raise UserError(
                "PLUGIN-SHAPE",
                name,
                f"found {list(vector.shape)}, expected [R, D] = [{num_rows}, {dim}].",
            )
