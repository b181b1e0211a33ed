"""Micro-batching: everybody is answered once and by name, or refused at once."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest

from unclicked.serving.batcher import Batcher
from unclicked.serving.problems import Problem


def doubled(requests: Sequence[Any]) -> list[Any]:
    return [2 * one for one in requests]


def batcher(compute: Any = doubled, **options: Any) -> Batcher:
    return Batcher(compute, **({"max_batch": 4, "queue": 8, "timeout_seconds": 5.0} | options))


def test_each_gets_its_own_answer_and_batches_fill_up() -> None:
    sizes: list[int] = []

    def compute(requests: Sequence[Any]) -> list[Any]:
        sizes.append(len(requests))
        time.sleep(0.01)
        return doubled(requests)

    async def ask() -> list[list[Any]]:
        one = batcher(compute, queue=1000)
        found = await asyncio.gather(*(one.submit([n, -n]) for n in range(50)))
        one.close()
        return list(found)

    assert asyncio.run(ask()) == [[2 * n, -2 * n] for n in range(50)]
    assert sum(sizes) == 100
    assert max(sizes) == 4
    assert len(sizes) <= 27


def test_one_alone_does_not_wait() -> None:
    async def ask() -> float:
        one = batcher()
        started = time.perf_counter()
        await one.submit([1])
        one.close()
        return time.perf_counter() - started

    assert asyncio.run(ask()) < 0.5


def test_a_full_queue_refuses_at_once_and_the_others_are_answered() -> None:
    go = threading.Event()

    def compute(requests: Sequence[Any]) -> list[Any]:
        go.wait(10)
        return doubled(requests)

    async def ask() -> tuple[list[Any], float]:
        one = batcher(compute, max_batch=1)
        tasks = [asyncio.create_task(one.submit([0]))]
        await asyncio.sleep(0.05)
        tasks += [asyncio.create_task(one.submit([n])) for n in range(1, 9)]
        await asyncio.sleep(0.05)
        started = time.perf_counter()
        with pytest.raises(Problem) as refused:
            await one.submit([99])
        took = time.perf_counter() - started
        assert (refused.value.status, refused.value.headers) == (503, {"Retry-After": "1"})
        go.set()
        found = await asyncio.gather(*tasks)
        one.close()
        return found, took

    found, took = asyncio.run(ask())
    assert found == [[2 * n] for n in range(9)]
    assert took < 0.05


def test_who_waits_too_long_is_refused_and_not_computed() -> None:
    computed: list[Any] = []

    def compute(requests: Sequence[Any]) -> list[Any]:
        computed.extend(requests)
        time.sleep(0.2)
        return doubled(requests)

    async def ask() -> list[Any]:
        one = batcher(compute, max_batch=1, timeout_seconds=0.1)
        found = await asyncio.gather(*(one.submit([n]) for n in range(3)), return_exceptions=True)
        one.close()
        return list(found)

    first, *others = asyncio.run(ask())
    assert first == [0]
    assert [isinstance(one, Problem) and one.status for one in others] == [503, 503]
    assert computed == [0]


def test_work_of_a_client_that_went_away_is_dropped() -> None:
    computed: list[Any] = []

    def compute(requests: Sequence[Any]) -> list[Any]:
        computed.extend(requests)
        time.sleep(0.1)
        return doubled(requests)

    async def ask() -> list[Any]:
        one = batcher(compute, max_batch=1)
        first = asyncio.create_task(one.submit([1]))
        gone = asyncio.create_task(one.submit([2]))
        last = asyncio.create_task(one.submit([3]))
        await asyncio.sleep(0.03)
        gone.cancel()
        found = [await first, await last]
        one.close()
        return found

    assert asyncio.run(ask()) == [[2], [6]]
    assert computed == [1, 3]


def test_a_defect_reaches_whoever_asked_and_the_next_is_answered() -> None:
    def compute(requests: Sequence[Any]) -> list[Any]:
        if 0 in requests:
            raise ZeroDivisionError
        return doubled(requests)

    async def ask() -> list[Any]:
        one = batcher(compute)
        with pytest.raises(ZeroDivisionError):
            await one.submit([0])
        found = await one.submit([4])
        one.close()
        return found

    assert asyncio.run(ask()) == [8]


def test_whoever_went_away_keeps_no_place_in_the_queue() -> None:
    go = threading.Event()

    def compute(requests: Sequence[Any]) -> list[Any]:
        go.wait(10)
        return doubled(requests)

    async def ask() -> list[Any]:
        one = batcher(compute, max_batch=1, queue=2)
        first = asyncio.create_task(one.submit([0]))
        await asyncio.sleep(0.05)
        gone = [asyncio.create_task(one.submit([n])) for n in (1, 2)]
        await asyncio.sleep(0)
        with pytest.raises(Problem):
            await one.submit([3])
        for task in gone:
            task.cancel()
        await asyncio.sleep(0)
        last = asyncio.create_task(one.submit([4]))
        await asyncio.sleep(0)
        go.set()
        found = [await first, await last]
        one.close()
        return found

    assert asyncio.run(ask()) == [[0], [8]]
