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
    seconds = {kind: _seconds(kind) for kind in (torch.float32, torch.bfloat16)}
    return seconds[torch.bfloat16] < WORTH * seconds[torch.float32]


def _seconds(kind: torch.dtype) -> float:
    left, right = torch.ones(ROWS, INNER, dtype=kind), torch.ones(INNER, COLUMNS, dtype=kind)
    best = float("inf")
    for _ in range(TRIES + 1):
        started = time.perf_counter()
        torch.mm(left, right)
        best = min(best, time.perf_counter() - started)
    return best
