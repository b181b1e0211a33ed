"""Compiled loops over rows, shared out to as many threads as torch uses."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch

# Below this many values a second thread costs more than it brings.
LEAST_VALUES = 200_000
_pools: dict[int, ThreadPoolExecutor] = {}
# A child made by fork has none of its parent's threads: it makes its own.
os.register_at_fork(after_in_child=_pools.clear)


def over_rows(loop: Callable[[int, int], object], count: int, width: int) -> None:
    """Run a compiled loop over all rows, each thread on a part of its own.

    Args:
        loop: Takes the first row and the end; releases the interpreter and writes to its own rows
            only.
        count: Number of rows.
        width: Values in a row, to see whether threads are worth it.

    Example:
        >>> found = [0, 0, 0]
        >>> over_rows(lambda begin, end: found.__setitem__(slice(begin, end), [1] * (end - begin)),
        ...     3, 1_000_000)
        >>> found
        [1, 1, 1]
    """
    threads = min(torch.get_num_threads(), count)
    if threads < 2 or count * width < LEAST_VALUES:
        loop(0, count)
        return
    if threads not in _pools:
        _pools[threads] = ThreadPoolExecutor(threads - 1, thread_name_prefix="rows")
    bounds = [count * part // threads for part in range(threads + 1)]
    others = [
        _pools[threads].submit(loop, begin, end)
        for begin, end in zip(bounds[1:-1], bounds[2:], strict=True)
    ]
    try:
        loop(0, bounds[1])
    finally:
        for other in others:
            other.result()
