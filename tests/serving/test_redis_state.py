"""Redis hurt in every way: foreign values, writers at one moment, a server frozen or gone."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from typing import Any

import pytest
from tests.serving.redis_state_server import RedisServer, redis_server

from unclicked.serving import redis_state
from unclicked.serving.redis_state import RedisStore, trouble_at
from unclicked.serving.state import Added, Record, StateError

__all__ = ["redis_server"]

HOUR = 3_600_000_000
NOW = 1_000_000 * HOUR
KEY = "unclicked:events:u"


def store_of(server: RedisServer, horizon: int = HOUR) -> RedisStore:
    return RedisStore.from_url(server.url, horizon)


def test_writers_at_one_moment_lose_nothing(redis_server: RedisServer) -> None:
    async def run() -> None:
        stores = [store_of(redis_server) for _ in range(4)]
        calls = [
            stores[writer].add("u", [Record(writer, NOW + n, False), Record("x", n, True)], NOW)
            for writer in range(4)
            for n in range(25)
        ]
        added = await asyncio.gather(*calls)
        assert sum(one.stored for one in added) == 100
        found = await stores[0].get("u", NOW)
        assert {(one.item_id, one.time_us - NOW) for one in found} == {
            (writer, n) for writer in range(4) for n in range(25)
        }
        for store in stores:
            await store.close()

    asyncio.run(run())


WRITER = """
import asyncio, sys
from unclicked.serving import redis_state
from unclicked.serving.redis_state import RedisStore
redis_state.OPERATION_SECONDS = 60.0  # What is lost counts here, on however slow a machine.
from unclicked.serving.state import Record
async def write(url, writer, now):
    store = RedisStore.from_url(url, 3_600_000_000)
    for n in range(100):
        # The even ones are shown by one process and clicked by another.
        await store.add("u", [Record("both", now + n, writer == n % 3, now + n + writer)], now)
        assert (await store.add("u", [Record(writer, now + n, False)], now)).stored == 1
    await store.close()
asyncio.run(write(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
"""


def test_processes_at_one_moment_lose_nothing(redis_server: RedisServer) -> None:
    command = [sys.executable, "-c", WRITER, redis_server.url]
    writers = [subprocess.Popen([*command, str(writer), str(NOW)]) for writer in range(3)]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0, 0]
    wanted = [Record(writer, NOW + n, False) for writer in range(3) for n in range(100)]
    wanted += [Record("both", NOW + n, True, NOW + n) for n in range(100)]

    async def run() -> None:
        store = store_of(redis_server)
        assert sorted(await store.get("u", NOW), key=repr) == sorted(wanted, key=repr)
        await store.close()

    asyncio.run(run())


FOREIGN = [
    b"",
    b"hello",
    b"{}",
    b"null",
    b"7",
    b"[",
    b"[" * 100_000,
    b"\xff\xfe",
    b"\xef\xbb\xbf[]",
    b'["a"]',
    b'[["a",5,true,null]]',
    b'[["a",5,true,null,null,null]]',
    b"[[1.0,5,true,null,null]]",
    b"[[true,5,true,null,null]]",
    b"[[null,5,true,null,null]]",
    b'[["a","5",true,null,null]]',
    b'[["a",5e3,true,null,null]]',
    b'[["a",NaN,true,null,null]]',
    b'[["a",9223372036854775808,true,null,null]]',
    b'[["a",5,1,null,null]]',
    b'[["a",5,true,false,null]]',
    b'[["a",5,true,null,7]]',
    b'[["a",5,true,null,null],["a",5,true,null,null]]',
    b'[["a",6,true,null,null],["a",5,true,null,null]]',
    b'[["a",' + b"9" * 5_000 + b",true,null,null]]",
]


@pytest.mark.parametrize("value", FOREIGN, ids=[repr(value[:44]) for value in FOREIGN])
def test_a_foreign_value_is_named_and_left(redis_server: RedisServer, value: bytes) -> None:
    redis_server.say("SET", KEY, value)
    _refused_everywhere(redis_server)
    assert redis_server.say("STRLEN", KEY) == b":%d\r\n" % len(value)


def test_a_foreign_kind_of_key_is_named_and_left(redis_server: RedisServer) -> None:
    redis_server.say("HSET", KEY, "a", "b")
    _refused_everywhere(redis_server)
    assert redis_server.say("HLEN", KEY) == b":1\r\n"


def _refused_everywhere(server: RedisServer) -> None:
    async def run() -> None:
        store = store_of(server)
        for call in (
            lambda: store.get("u", NOW),
            lambda: store.add("u", [Record("secret", NOW, False)], NOW),
            lambda: store.remove("u"),
        ):
            with pytest.raises(StateError, match="the key|The key") as caught:
                await call()
            assert f"'{KEY}'" in str(caught.value)
            assert "secret" not in str(caught.value)
        # Others are served as before, on connections that are not disturbed.
        assert await store.add("v", [Record("a", NOW, False)], NOW) == Added(1, 0)
        await store.close()

    asyncio.run(run())


def test_redis_forgets_by_its_own_clock(redis_server: RedisServer) -> None:
    async def run() -> None:
        store = store_of(redis_server)
        await store.add("u", [Record("a", NOW, True, NOW + HOUR // 2)], NOW + HOUR // 2)
        life = int(redis_server.say("PTTL", KEY)[1:])
        assert 3_600_000 - 30_000 < life <= 3_600_000
        # The next event gives a new hour; one of a far future does not break the clock.
        await store.add("u", [Record("a", (1 << 63) - 1, False)], NOW + HOUR)
        assert int(redis_server.say("PTTL", KEY)[1:]) > 3_600_000
        assert len(await store.get("u", NOW + HOUR)) == 2
        await store.remove("u")
        assert redis_server.say("DBSIZE") == b":0\r\n"
        # 200 thousandths of a second are left of the hour.
        await store.add("u", [Record("a", NOW, False)], NOW + HOUR - 200_000)
        assert redis_server.say("DBSIZE") == b":1\r\n"
        await asyncio.sleep(0.3)
        assert await store.get("u", NOW) == []
        await store.close()

    asyncio.run(run())


async def timed_refusals(store: RedisStore, words: str) -> list[float]:
    """Every call refuses, and says what is wrong; seconds that each took."""
    seconds = []
    for call in (
        lambda: store.get("u", NOW),
        lambda: store.add("u", [Record("secret", NOW, False)], NOW),
        lambda: store.remove("u"),
    ):
        begun = time.monotonic()
        with pytest.raises(StateError, match=words):
            await call()
        seconds.append(time.monotonic() - begun)
    assert words in await store.trouble()
    begun = time.monotonic()
    assert await store.ready() is False
    return [*seconds, time.monotonic() - begun]


def test_a_frozen_server(redis_server: RedisServer) -> None:
    async def run() -> None:
        store = store_of(redis_server)
        await store.add("u", [Record("a", NOW, False)], NOW)
        redis_server.freeze()
        try:
            assert max(await timed_refusals(store, "does not answer")) < 2.5
        finally:
            redis_server.thaw()
        # No late answer of before is taken for one of now.
        assert await store.get("u", NOW) == [Record("a", NOW, False)]
        assert await store.add("v", [Record("b", NOW, False)], NOW) == Added(1, 0)
        assert await store.get("v", NOW) == [Record("b", NOW, False)]
        await store.close()

    asyncio.run(run())


def test_a_server_that_goes_and_comes_back(redis_server: RedisServer) -> None:
    async def run() -> None:
        store = store_of(redis_server)
        await asyncio.gather(*(store.add(f"{n}", [Record("a", NOW, False)], NOW) for n in range(8)))
        redis_server.stop()
        assert max(await timed_refusals(store, "does not answer")) < 1
        redis_server.start()
        assert await store.ready() is True
        assert await store.add("u", [Record("a", NOW, False)], NOW) == Added(1, 0)
        await asyncio.gather(*(store.get(f"{n}", NOW) for n in range(8)))
        await store.close()

    asyncio.run(run())


def test_a_server_that_restarts_between_two_calls(redis_server: RedisServer) -> None:
    async def run() -> None:
        store = store_of(redis_server)
        await store.add("u", [Record("a", NOW, False)], NOW)
        redis_server.stop()
        redis_server.start()
        assert await store.add("u", [Record("a", NOW, False)], NOW) == Added(1, 0)
        await store.close()

    asyncio.run(run())


def test_more_callers_than_connections(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # That all have their turn is asked here, not how soon on a machine with much else to do.
    monkeypatch.setattr(redis_state, "WAIT_SECONDS", 10.0)
    monkeypatch.setattr(redis_state, "OPERATION_SECONDS", 30.0)

    async def run() -> None:
        store = store_of(redis_server)
        users = [f"{n}" for n in range(300)]
        await asyncio.gather(*(store.add(user, [Record(user, NOW, True)], NOW) for user in users))
        found = await asyncio.gather(*(store.get(user, NOW) for user in users))
        assert [one[0].item_id for one in found] == users
        await store.close()

    asyncio.run(run())


def test_a_caller_who_goes_away_disturbs_nobody(redis_server: RedisServer) -> None:
    async def run() -> None:
        store = store_of(redis_server)
        for user in ("u", "v"):
            await store.add(user, [Record(user, NOW, False)], NOW)
        for wait in range(40):
            calls: list[asyncio.Task[Any]] = [
                asyncio.create_task(store.get("u", NOW)),
                asyncio.create_task(store.add("u", [Record("u", NOW, False)], NOW)),
            ]
            await asyncio.sleep(wait * 5e-5)
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
            assert await store.get("v", NOW) == [Record("v", NOW, False)]
        assert await store.get("u", NOW) == [Record("u", NOW, False)]
        await store.close()

    asyncio.run(run())


def test_a_password(redis_server: RedisServer) -> None:
    redis_server.stop()
    redis_server.start("--requirepass", "open#sesame")
    right = redis_server.url.replace("//", "//:open%23sesame@")

    async def run() -> None:
        store = RedisStore.from_url(right, HOUR)
        assert await store.ready() is True
        assert "sesame" not in repr(vars(store)["_where"])
        await store.close()
        for url in (redis_server.url, redis_server.url.replace("//", "//:guess@")):
            store = RedisStore.from_url(url, HOUR)
            with pytest.raises(StateError, match="password") as caught:
                await store.get("u", NOW)
            assert "guess" not in str(caught.value)
            assert await store.ready() is False
            await store.close()

    asyncio.run(run())
    assert trouble_at(right) == ""
    told = trouble_at(redis_server.url.replace("//", "//:guess@"))
    assert "password" in told
    assert "guess" not in told


def test_a_server_without_memory(redis_server: RedisServer) -> None:
    redis_server.say("CONFIG", "SET", "maxmemory", "1")

    async def run() -> None:
        store = store_of(redis_server)
        with pytest.raises(StateError, match="OutOfMemoryError") as caught:
            await store.add("u", [Record("secret", NOW, False)], NOW)
        assert "secret" not in str(caught.value)
        await store.close()

    asyncio.run(run())
