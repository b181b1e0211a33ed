"""What this processor is fast at, found by trying."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import torch
from torch import Tensor

ROWS, COLUMNS, INNER = 256, 2048, 128
TRIES = 12
# Less than that is no reason to round.
WORTH = 0.75
# Two trials at once would measure each other, and mix up how many threads there were before.
_ONE_TRIAL = threading.Lock()


def fast_bfloat16() -> bool:
    """Whether products in bfloat16 take much less time here than in single precision.

    Where the processor does not compute in bfloat16, torch imitates it many times slower.

    Returns:
        What a trial of some milliseconds showed, once for the process.

    Example:
        >>> fast_bfloat16() in (True, False)
        True
    """
    return _takes(torch.bfloat16) < WORTH * _takes(torch.float32)


def fast_int8() -> bool:
    """Whether products of whole numbers of one byte take much less time here than all others.

    Returns:
        What a trial of some milliseconds showed, once for the process.

    Example:
        >>> fast_int8() in (True, False)
        True
    """
    return _takes(torch.int8) < WORTH * min(_takes(torch.bfloat16), _takes(torch.float32))


def _takes(kind: torch.dtype) -> float:
    """Seconds of a product; no build needs to have them all."""
    with _ONE_TRIAL:
        return _seconds().get(kind, float("inf"))


@cache
def _seconds() -> dict[torch.dtype, float]:
    """Seconds of one product of each kind, in one thread whatever the process uses.

    Threads that are born, or that wait for a busy core, would take longer than the product.
    """
    before = torch.get_num_threads()
    with ThreadPoolExecutor(1, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        try:
            return pool.submit(_try_all).result()
        finally:
            # Threads that are yet to be born take the number that was set last.
            torch.set_num_threads(before)


def _try_all() -> dict[torch.dtype, float]:
    """The best of some tries, by turns, so that a slow moment falls on all kinds alike."""
    best: dict[torch.dtype, float] = {}
    for _ in range(TRIES):
        for kind in (torch.float32, torch.bfloat16, torch.int8):
            left = torch.ones(ROWS, INNER, dtype=kind)
            right = torch.ones(COLUMNS, INNER, dtype=kind).T
            try:
                started = time.perf_counter()
                _multiply(left, right)
                found = time.perf_counter() - started
            except (AttributeError, RuntimeError):
                continue
            best[kind] = min(best.get(kind, found), found)
    return best


def _multiply(left: Tensor, right: Tensor) -> Tensor:
    return torch._int_mm(left, right) if left.dtype == torch.int8 else torch.mm(left, right)
