"""What is no list for a user has one thread, and few may wait for it."""

from __future__ import annotations

import asyncio
import threading

import pytest

from unclicked.serving.problems import Problem
from unclicked.serving.side_thread import SideThread


def test_too_many_are_refused_at_once_and_the_others_are_answered() -> None:
    go = threading.Event()

    def work(number: int) -> int:
        go.wait(10)
        return 2 * number

    async def ask() -> list[int]:
        side = SideThread(most=3)
        tasks = [asyncio.create_task(side.run(work, number)) for number in range(3)]
        await asyncio.sleep(0.05)
        with pytest.raises(Problem) as refused:
            await side.run(work, 9)
        assert refused.value.status == 503
        go.set()
        found = [await one for one in tasks]
        # There is room again.
        found.append(await side.run(work, 9))
        side.close()
        return found

    assert asyncio.run(ask()) == [0, 2, 4, 18]


def test_of_a_caller_who_went_away_nothing_is_begun() -> None:
    go, begun = threading.Event(), []

    def work(number: int) -> None:
        begun.append(number)
        go.wait(10)

    async def ask() -> None:
        side = SideThread(most=2)
        first = asyncio.create_task(side.run(work, 1))
        await asyncio.sleep(0.05)
        gone = asyncio.create_task(side.run(work, 2))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        last = asyncio.create_task(side.run(work, 3))
        go.set()
        await first
        await last
        side.close()

    asyncio.run(ask())
    assert begun == [1, 3]


def test_what_goes_on_without_its_caller_counts_on_and_the_end_begins_nothing() -> None:
    go, begun = threading.Event(), []

    def work(number: int) -> None:
        begun.append(number)
        go.wait(10)

    async def ask() -> None:
        side = SideThread(most=2)
        first = asyncio.create_task(side.run(work, 1))
        await asyncio.sleep(0.05)
        first.cancel()
        await asyncio.sleep(0)
        second = asyncio.create_task(side.run(work, 2))
        await asyncio.sleep(0)
        with pytest.raises(Problem):
            await side.run(work, 3)
        threading.Timer(0.1, go.set).start()
        side.close()
        with pytest.raises(asyncio.CancelledError):
            await second

    asyncio.run(ask())
    assert begun == [1]
