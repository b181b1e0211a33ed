"""Which matrix products are fast on this processor, and whether they keep their bound."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import torch
from torch import Tensor

from unclicked.processor import fast_bfloat16, fast_int8
from unclicked.retrieval.bounds import STORED_SHARE, user_terms

WIDEST: Final = 2**16


def fastest(width: int) -> torch.dtype:
    """What is multiplied fastest here, of what keeps its bound.

    Args:
        width: Width of the vectors.

    Returns:
        int8, bfloat16 or float32, by one short trial in the life of the process.
    """
    if holds(torch.int8, width) and fast_int8():
        return torch.int8
    return torch.bfloat16 if half_pays() else torch.float32


def holds(kind: torch.dtype, width: int) -> bool:
    """Whether products keep the bound of `bounds` here.

    Args:
        kind: What is multiplied: float32, bfloat16 or int8.
        width: Width of the vectors.

    Returns:
        The answer.
    """
    if kind == torch.int8:
        # Wider vectors could leave the range of 32 bits.
        return 0 < width <= WIDEST and integers_hold(width)
    return kind == torch.float32 or half_holds()


@cache
def half_pays() -> bool:
    """Whether products in bfloat16 are faster than in float32 here, and within their bound.

    Returns:
        The answer of one short trial; it is the same for the life of the process.
    """
    return half_holds() and fast_bfloat16()


@cache
def half_holds() -> bool:
    """Whether products in bfloat16 keep the bound of `bounds` on a trial.

    The bound rests on sums in float32. Where a processor, or a library, adds in bfloat16, this is
    false, and such products are never used.

    Returns:
        The answer.
    """
    users, items = (one.bfloat16() for one in _trial())
    exact = users.double() @ items.double().T
    found = users @ items.T
    terms = torch.from_numpy(user_terms(users.float(), users, coarse=False))
    allowed = terms[:, :1] * torch.linalg.vector_norm(items.double(), dim=1)
    allowed = allowed + terms[:, 2:] + found.double().abs() * STORED_SHARE[torch.bfloat16]
    return bool(((found.double() - exact).abs() <= allowed).all())


@cache
def integers_hold(width: int) -> bool:
    """Whether sums of products of whole numbers of one byte are exact here.

    Some processors add pairs of them in 16 bits, where large ones do not fit; and vectors of one
    number are taken apart wrongly by torch 2.13.

    Args:
        width: Width of the vectors.

    Returns:
        The answer of a trial with the largest numbers there are.
    """
    random = torch.Generator().manual_seed(0)
    users = torch.randint(-127, 128, (70, width), generator=random, dtype=torch.int8)
    items = torch.randint(-127, 128, (300, width), generator=random, dtype=torch.int8)
    users[:9], items[:9] = 127, 127
    users[9:18], items[9:18] = -127, -127
    exact = users.long() @ items.long().T
    try:
        for rows, columns in ((70, 300), (1, 300), (70, 1), (3, 2), (1, 1)):
            found = torch.empty(rows, columns, dtype=torch.int32)
            multiply_integers(users[:rows], items[:columns].T, found)
            if not torch.equal(found.long(), exact[:rows, :columns]):
                return False
    except (AttributeError, RuntimeError):
        # Torch keeps this product to itself as yet.
        return False
    return True


def multiply_integers(users: Tensor, items: Tensor, out: Tensor) -> None:
    """Exact sums of products.

    Args:
        users: int8 [B, D].
        items: int8 [D, C].
        out: int32 [B, C]; changed.
    """
    torch._int_mm(users, items, out=out)


def coarse_float32() -> bool:
    """Whether the user of the process allowed float32 products with rounded inputs.

    Returns:
        True unless they are known to be exact.
    """
    backends: Any = torch.backends
    asked = (backends.mkldnn.matmul.fp32_precision, backends.fp32_precision)
    return any(one not in ("none", "ieee") for one in asked)


def _trial() -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(0)
    # All positive, so that sums grow long and a sum in bfloat16 would show.
    return torch.rand(128, 128, generator=random), torch.rand(1024, 128, generator=random)
