"""A thread for what is no list for a user: few may wait for it, and nothing else waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
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
        self._most = most
        self._there = 0
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
        if self._there >= self._most:
            raise busy("too many requests wait.")
        self._there += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, partial(work, *given))
        finally:
            # Of a caller who went away what has not begun never begins.
            self._there -= 1

    def close(self) -> None:
        """End the thread; what is under way is finished."""
        self._thread.shutdown(wait=True)
