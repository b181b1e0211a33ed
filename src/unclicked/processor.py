"""What this processor is fast at, found by trying."""

from __future__ import annotations

import time
from functools import cache

import torch

ROWS, COLUMNS, INNER = 256, 2048, 128
TRIES = 3
# Less than that is no reason to round.
WORTH = 0.75


@cache
def fast_bfloat16() -> bool:
    """Whether products in bfloat16 take much less time here than in single precision.

    Where the processor does not compute in bfloat16, torch imitates it many times slower.

    Returns:
        What a trial of some milliseconds showed, once for the process.

    Example:
        >>> fast_bfloat16() in (True, False)
        True
    """
    return _seconds(torch.bfloat16) < WORTH * _seconds(torch.float32)


@cache
def fast_int8() -> bool:
    """Whether products of whole numbers of one byte take much less time here than all others.

    Returns:
        What a trial of some milliseconds showed, once for the process.

    Example:
        >>> fast_int8() in (True, False)
        True
    """
    others = min(_seconds(torch.bfloat16), _seconds(torch.float32))
    try:
        return _seconds(torch.int8) < WORTH * others
    except (AttributeError, RuntimeError):
        # Torch keeps this product to itself as yet.
        return False


@cache
def _seconds(kind: torch.dtype) -> float:
    left, right = torch.ones(ROWS, INNER, dtype=kind), torch.ones(COLUMNS, INNER, dtype=kind).T
    multiply = torch._int_mm if kind == torch.int8 else torch.mm
    best = float("inf")
    for _ in range(TRIES + 1):
        started = time.perf_counter()
        multiply(left, right)
        best = min(best, time.perf_counter() - started)
    return best
