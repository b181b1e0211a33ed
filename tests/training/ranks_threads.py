"""Ranks as threads of one process, so that a test of several needs no launcher."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TypeVar

from torch import distributed

from unclicked.training.ranks import Ranks

Given = TypeVar("Given")
SECONDS = 60


def together(count: int, act: Callable[[Ranks], Given], seconds: float = SECONDS) -> list[Given]:
    """What a function returns on each of some ranks that run at once.

    Args:
        count: Number of ranks.
        act: What each does; an error of the lowest rank that has one is raised here.
        seconds: How long a rank waits for another.
    """
    store = distributed.HashStore()

    def one(number: int) -> Given:
        def group(name: str) -> distributed.ProcessGroup:
            own = distributed.PrefixStore(name, store)
            return distributed.ProcessGroupGloo(own, number, count, timedelta(seconds=seconds))

        return act(Ranks(number, count, group("step"), group("wait")))

    with ThreadPoolExecutor(count) as pool:
        waiting = [pool.submit(one, number) for number in range(count)]
    return [future.result() for future in waiting]
