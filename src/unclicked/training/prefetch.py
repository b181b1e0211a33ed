"""What a step needs, made in the background while the step before it runs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Wanted = TypeVar("Wanted")
Made = TypeVar("Made")
# One is in use, one lies ready, one is under way: more would only hold memory.
DEPTH = 2


def ahead(
    make: Callable[[Wanted], Made], wanted: Iterable[Wanted], depth: int = DEPTH
) -> Generator[Made, None, None]:
    """Make things in order in one background thread, some ahead of their use.

    Close the iterator where it is not read to its end, so that the thread ends.

    Args:
        make: Makes one; it must not depend on what happens between its calls.
        wanted: What to make, in order.
        depth: How many are made before they are asked for, at least 1.

    Yields:
        What was made, in order. An error of `make` is raised here, where its result would come.

    Example:
        >>> list(ahead(lambda number: number * number, [1, 2, 3]))
        [1, 4, 9]
    """
    waiting: deque[Future[Made]] = deque()
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as pool:
        try:
            for one in wanted:
                waiting.append(pool.submit(make, one))
                if len(waiting) > depth:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
