"""Work on numbered pieces in several threads, results in order, few of them at a time."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")

MOST_THREADS = 4


def num_threads() -> int:
    """Threads that are worth starting here.

    Returns:
        As many as there are cores that this process may use, at most four.
    """
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:
        cores = os.cpu_count() or 1
    return min(cores, MOST_THREADS)


def in_turn(work: Callable[[int], Result], count: int) -> Iterator[Result]:
    """Results of some work for the numbers from 0, in order.

    Args:
        work: What to do for a number, in a thread; it must not depend on the other numbers.
        count: How many numbers.

    Yields:
        The results; no more of them are held than there are threads.

    Example:
        >>> list(in_turn(lambda number: number * number, 4))
        [0, 1, 4, 9]
    """
    threads = num_threads()
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            for number in range(count):
                if len(waiting) == threads:
                    yield waiting.popleft().result()
                waiting.append(pool.submit(work, number))
            while waiting:
                yield waiting.popleft().result()
        finally:
            for one in waiting:
                one.cancel()
