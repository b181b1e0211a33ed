"""Micro-batching: requests that arrive while others are computed are answered together.

Nothing waits for company: a request that finds the model idle is computed at once, alone. The
queue is bounded, and each request has a deadline after which nobody computes it any more.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from unclicked.serving.problems import busy

# Answers a batch; an exception in the place of an answer concerns that request alone.
Compute = Callable[[Sequence[Any]], list[Any]]


@dataclass
class _Waiting:
    request: Any
    deadline: float
    future: asyncio.Future[Any] = field(repr=False)


class Batcher:
    """Collects requests for one thread that computes.

    Args:
        compute: Answers a batch, in a thread of its own.
        max_batch: Requests in a batch at most, at least 1.
        queue: Requests that may wait at most, at least 1.
        timeout_seconds: How long a request may wait before it is refused.
        told: Called after each batch with its size and seconds.
    """

    def __init__(
        self,
        compute: Compute,
        *,
        max_batch: int,
        queue: int,
        timeout_seconds: float,
        told: Callable[[int, float], None] = lambda size, seconds: None,
    ) -> None:
        self._compute = compute
        self._max_batch = max_batch
        self._room = queue
        self._timeout = timeout_seconds
        self._told = told
        self._queue: deque[_Waiting] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._task: asyncio.Task[None] | None = None

    @property
    def depth(self) -> int:
        """Requests that wait."""
        return len(self._queue)

    async def submit(self, requests: Sequence[Any]) -> list[Any]:
        """Answers to requests that belong together; all are taken, or none.

        Args:
            requests: What `compute` understands; at least one.

        Returns:
            Its answers in order.

        Raises:
            Problem: 503, where the queue is full or the deadline went by.
        """
        if len(self._queue) + len(requests) > self._room:
            # Of those who went away nobody keeps a place.
            self._queue = deque(one for one in self._queue if not one.future.done())
        # A full house takes nobody; an empty one takes any number, or large requests never came in.
        if self._queue and len(self._queue) + len(requests) > self._room:
            raise busy("too many requests wait.")
        loop = asyncio.get_running_loop()
        deadline = time.monotonic() + self._timeout
        waiting = [_Waiting(one, deadline, loop.create_future()) for one in requests]
        self._queue.extend(waiting)
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._run())
        try:
            return [await one.future for one in waiting]
        finally:
            for one in waiting:
                # Of a request that failed or whose client went away, the rest is not computed.
                if not one.future.cancel() and not one.future.cancelled():
                    one.future.exception()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._queue:
            batch = self._next()
            if not batch:
                continue
            started = time.monotonic()
            try:
                answers = await loop.run_in_executor(
                    self._thread, self._compute, [one.request for one in batch]
                )
            except Exception as error:
                answers = [error] * len(batch)
            self._told(len(batch), time.monotonic() - started)
            for one, answer in zip(batch, answers, strict=True):
                _settle(one.future, answer)

    def _next(self) -> list[_Waiting]:
        """The oldest requests that somebody still waits for."""
        batch: list[_Waiting] = []
        now = time.monotonic()
        while self._queue and len(batch) < self._max_batch:
            one = self._queue.popleft()
            if one.future.done():
                continue
            if one.deadline < now:
                one.future.set_exception(busy("the request waited too long."))
            else:
                batch.append(one)
        return batch

    def close(self) -> None:
        """End the thread; what is being computed is finished."""
        self._thread.shutdown(wait=True)


def _settle(future: asyncio.Future[Any], answer: Any) -> None:
    if future.done():
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
