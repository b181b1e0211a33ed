"""Work done in threads a little ahead of its use, with the results in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Wanted = TypeVar("Wanted")
Made = TypeVar("Made")

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


def in_turn(
    make: Callable[[Wanted], Made], wanted: Iterable[Wanted], *, threads: int = 0, ahead: int = -1
) -> Generator[Made, None, None]:
    """Make things in threads, some before they are asked for.

    Close the iterator where it is not read to its end, so that the threads end.

    Args:
        make: Makes one; it must not depend on what happens between its calls.
        wanted: What to make, in order.
        threads: Threads that make; 0 takes as many as are worth it.
        ahead: How many wait or are under way while one is used; one less than there are threads
            without.

    Yields:
        What was made, in order. An error of `make` is raised here, where its result would come.

    Example:
        >>> list(in_turn(lambda number: number * number, [1, 2, 3]))
        [1, 4, 9]
    """
    threads = threads or num_threads()
    most = threads - 1 if ahead < 0 else ahead
    waiting: deque[Future[Made]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="in turn") as pool:
        try:
            for one in wanted:
                waiting.append(pool.submit(make, one))
                if len(waiting) > most:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
