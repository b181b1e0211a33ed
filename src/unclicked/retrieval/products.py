"""Which matrix products are fast on this processor, and whether they keep their bound."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor

from unclicked.processor import fast_bfloat16
from unclicked.retrieval.bounds import STORED_SHARE, user_terms


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
