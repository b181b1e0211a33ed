"""A thread for what is no list for a user: few may wait for it, and nothing else waits for them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from unclicked.serving.problems import busy

MOST = 32
Result = TypeVar("Result")


class SideThread:
    """One thread, and a bounded number of calls that are in it or wait for it.

    Args:
        most: How many, at least 1.
    """

    def __init__(self, most: int = MOST) -> None:
        self._free = threading.BoundedSemaphore(most)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="side")

    async def run(self, work: Callable[..., Result], *given: Any) -> Result:
        """What a function gives, called in the thread.

        Args:
            work: The function.
            *given: Its arguments.

        Returns:
            Its result.

        Raises:
            Problem: 503, where too many wait already.
        """
        if not self._free.acquire(blocking=False):
            raise busy("too many requests wait.")
        future = self._thread.submit(work, *given)
        # Of a caller who went away what has not begun never begins, and what has begun counts on.
        future.add_done_callback(lambda _: self._free.release())
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """End the thread; what is under way is finished, and what waits is not begun."""
        self._thread.shutdown(wait=True, cancel_futures=True)
