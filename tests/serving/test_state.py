"""Kept events: the same promises of every store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from tests.serving.redis_state_server import RedisServer, redis_server

from unclicked.config import ClickedConfig, DataConfig, UnclickedConfig
from unclicked.serving.memory_state import MemoryStore
from unclicked.serving.redis_state import RedisStore
from unclicked.serving.state import Added, Record, Store, horizon_us

__all__ = ["redis_server"]

HOUR = 3_600_000_000
NOW = 1_000_000 * HOUR
Opened = Callable[..., AbstractAsyncContextManager[Store]]


@pytest.fixture(params=["memory", "redis"])
def opened(request: pytest.FixtureRequest) -> Opened:
    """Opens a store of each kind, with a horizon of ten hours where no other is asked."""
    server: RedisServer | None = None
    if request.param == "redis":
        server = request.getfixturevalue("redis_server")

    @asynccontextmanager
    async def open_store(
        horizon: int = 10 * HOUR, max_events: int = 10_000
    ) -> AsyncIterator[Store]:
        store: Store = MemoryStore(horizon, max_events=max_events, max_users=20_000)
        if server is not None:
            store = RedisStore.from_url(server.url, horizon, max_events=max_events)
        try:
            yield store
        finally:
            await store.close()

    return open_store


def at(hours: float, item: str | int = "a", clicked: bool = False, **more: Any) -> Record:
    """An event some hours after NOW."""
    return Record(item, NOW + round(hours * HOUR), clicked, **more)


def test_events_come_back_in_order_of_time(opened: Opened) -> None:
    async def run() -> None:
        async with opened() as store:
            assert await store.get("u", NOW) == []
            assert await store.add("u", [at(2), at(0, "b"), at(1, 7)], NOW) == Added(3, 0)
            assert await store.add("u", [at(0, "a"), at(1, "7"), at(1, 70)], NOW) == Added(3, 0)
            found = [(one.time_us - NOW, one.item_id) for one in await store.get("u", NOW)]
            assert found == [
                (0, "a"), (0, "b"), (HOUR, 7), (HOUR, 70), (HOUR, "7"), (2 * HOUR, "a"),
            ]  # fmt: skip
            assert await store.get("v", NOW) == []

    asyncio.run(run())


def test_every_value_survives(opened: Opened) -> None:
    largest = (1 << 63) - 1
    events = [
        Record("", NOW, False),
        Record("ü\u2028'\"\\\0 \ud800", NOW + 1, True, NOW + 2, "s\n\U0001f600"),
        Record(largest, NOW + 3, True, None, ""),
        Record(-largest - 1, NOW + 4, False, NOW + 5),
        Record("9223372036854775807", NOW + 6, False),
        Record("1e5", NOW + 7, False),
    ]

    async def run() -> None:
        async with opened() as store:
            for user in ("", "7", "ü:{x}", "\ud800", "x" * 10_000, "a\0b"):
                assert await store.add(user, events, NOW + 9) == Added(6, 0)
                found = await store.get(user, NOW + 9)
                assert found == events
                assert [type(one.item_id) for one in found] == [str, str, int, int, str, str]
                assert await store.add(user, found, NOW + 9) == Added(0, 6)
                assert await store.remove(user) == 6
                assert await store.get(user, NOW + 9) == []
                assert await store.remove(user) == 0

    asyncio.run(run())


def test_the_same_event_again_is_merged(opened: Opened) -> None:
    shown = at(0)
    later = at(0, clicked=True, clicked_at_us=NOW + 9, session_id="b")
    earlier = at(0, clicked_at_us=NOW + 5, session_id="\uffff")
    # U+10000 comes after U+FFFF in UTF-8, before it in UTF-16.
    smallest = at(0, session_id="\U00010000")

    async def run() -> None:
        async with opened() as store:
            assert await store.add("u", [shown, shown], NOW) == Added(1, 1)
            assert await store.add("u", [earlier, smallest], NOW) == Added(0, 2)
            kept = at(0, clicked_at_us=NOW + 5, session_id="\uffff")
            assert await store.get("u", NOW) == [kept]
            assert await store.add("u", [later, shown], NOW) == Added(0, 2)
            kept = at(0, clicked=True, clicked_at_us=NOW + 5, session_id="b")
            assert await store.get("u", NOW) == [kept]

    asyncio.run(run())


def test_what_is_too_old_goes_at_the_next_add(opened: Opened) -> None:
    async def run() -> None:
        async with opened() as store:
            # A horizon of 10 hours; the newest event, without a click, is the anchor.
            await store.add("u", [at(0), at(1), at(10)], NOW + 10 * HOUR)
            assert len(await store.get("u", NOW + 10 * HOUR)) == 3
            assert await store.add("u", [at(11), at(0.5)], NOW + 11 * HOUR) == Added(1, 0)
            assert await store.get("u", NOW + 11 * HOUR) == [at(1), at(10), at(11)]
            # An impression of long ago that is clicked now is an event of now.
            await store.add(
                "u", [at(1, clicked=True, clicked_at_us=NOW + 12 * HOUR)], NOW + 12 * HOUR
            )
            assert len(await store.get("u", NOW + 12 * HOUR)) == 3
            # A click holds ten hours before it, although more is shown later, ...
            await store.add("u", [at(20)], NOW + 20 * HOUR)
            await store.add("u", [at(22)], NOW + 22 * HOUR)
            assert len(await store.get("u", NOW + 22 * HOUR)) == 5
            # ... until it is itself more than ten hours before the newest event.
            await store.add("u", [at(22.5)], NOW + round(22.5 * HOUR))
            assert await store.get("u", NOW + 23 * HOUR) == [at(20), at(22), at(22.5)]

    asyncio.run(run())


def test_a_user_goes_with_her_newest_event(opened: Opened) -> None:
    async def run() -> None:
        async with opened() as store:
            await store.add("u", [at(0), at(3)], NOW + 3 * HOUR)
            assert len(await store.get("u", NOW + 13 * HOUR - 1)) == 2
            assert await store.get("u", NOW + 13 * HOUR) == []
            # Asking about another moment removes nothing.
            assert len(await store.get("u", NOW + 3 * HOUR)) == 2
            # The one at hour 3 would merge, were the user not gone; now it comes too late.
            assert await store.add("u", [at(3), at(3)], NOW + 13 * HOUR) == Added(0, 1)
            assert await store.get("u", NOW + 3 * HOUR) == []
            assert await store.remove("u") == 0

    asyncio.run(run())


def test_a_clock_that_is_ahead_drops_nothing(opened: Opened) -> None:
    async def run() -> None:
        async with opened() as store:
            await store.add("u", [at(0, clicked=True), at(1)], NOW + HOUR)
            assert await store.add("u", [at(10**6, clicked=True)], NOW + HOUR) == Added(1, 0)
            assert len(await store.get("u", NOW + HOUR)) == 3

    asyncio.run(run())


def test_the_oldest_go_where_there_are_too_many(opened: Opened) -> None:
    async def run() -> None:
        async with opened(max_events=3) as store:
            assert await store.add("u", [at(h / 10) for h in range(5)], NOW + HOUR) == Added(3, 0)
            assert await store.get("u", NOW + HOUR) == [at(0.2), at(0.3), at(0.4)]
            assert await store.add("u", [at(0.25), at(0.1), at(0.4)], NOW + HOUR) == Added(1, 1)
            assert await store.get("u", NOW + HOUR) == [at(0.25), at(0.3), at(0.4)]

    asyncio.run(run())


def test_it_says_that_it_is_ready(opened: Opened) -> None:
    async def run() -> None:
        async with opened() as store:
            assert await store.ready() is True
            assert store.kind in {"memory", "redis"}
            assert await store.add("u", [], NOW) == Added(0, 0)

    asyncio.run(run())


def test_the_least_recently_used_user_goes() -> None:
    async def run() -> None:
        told = []
        store = MemoryStore(10 * HOUR, max_users=2, told=lambda: told.append("a user"))
        for user in ("a", "b"):
            await store.add(user, [at(0)], NOW)
        assert len(await store.get("a", NOW)) == 1
        await store.add("c", [at(0)], NOW)
        assert [len(await store.get(user, NOW)) for user in "abc"] == [1, 0, 1]
        assert (store.users_dropped, len(store), told) == (1, 2, ["a user"])
        # Users whose time has come make room first and are not counted.
        await store.add("d", [at(20)], NOW + 20 * HOUR)
        await store.add("e", [at(20)], NOW + 20 * HOUR)
        assert store.users_dropped == 1
        assert len(await store.get("d", NOW + 20 * HOUR)) == 1

    asyncio.run(run())


def test_the_horizon_is_the_longest_look_back() -> None:
    clicked = ClickedConfig(long_window_days=2, max_short=6, session_gap_minutes=20)
    assert horizon_us(DataConfig(clicked=clicked)) == 3 * 24 * HOUR + 2 * HOUR
    unclicked = UnclickedConfig(window_days=0.5)
    assert horizon_us(DataConfig(clicked=clicked, unclicked=unclicked)) == 50 * HOUR


def test_a_model_with_longer_windows_keeps_events_longer(opened: Opened) -> None:
    async def run() -> None:
        async with opened(horizon=10 * HOUR) as store:
            await store.add("u", [at(0, clicked=True)], NOW)
            assert await store.get("u", NOW + 11 * HOUR) == []
            store.keep_for(20 * HOUR)
            await store.add("v", [at(0, clicked=True)], NOW)
            assert len(await store.get("v", NOW + 11 * HOUR)) == 1
            assert await store.get("v", NOW + 20 * HOUR) == []

    asyncio.run(run())


def test_who_is_gone_is_freed_though_nobody_adds_anything() -> None:
    async def run() -> None:
        store = MemoryStore(10 * HOUR, max_users=100)
        for number in range(7):
            await store.add(f"u{number}", [at(number)], NOW + 6 * HOUR)
        # Of the seven the first three are gone at that moment; three are looked at in a call.
        freed = [store.forget_gone(NOW + 12 * HOUR, most=3) for _ in range(3)]
        assert (sum(freed), max(freed), len(store)) == (3, 2, 4)
        assert [len(await store.get(f"u{n}", NOW + 12 * HOUR)) for n in (2, 3)] == [0, 1]
        assert store.forget_gone(NOW + 30 * HOUR) == 4

    asyncio.run(run())
