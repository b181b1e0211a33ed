"""A failing store is told of at once, and then seldom."""

from __future__ import annotations

import asyncio

import pytest
from tests.serving.redis_state_server import RedisServer, redis_server

from unclicked.serving.redis_state import RedisStore
from unclicked.serving.state import StateError
from unclicked.serving.trouble_log import PAUSE_SECONDS, TroubleLog

__all__ = ["redis_server"]

HOUR = 3_600_000_000


def test_the_first_line_comes_at_once_and_others_are_counted() -> None:
    lines: list[str] = []
    now = [100.0]
    log = TroubleLog(lines.append, lambda: now[0])
    for moment, text in [(0.0, "a"), (1.0, "b"), (PAUSE_SECONDS - 0.1, "c"), (PAUSE_SECONDS, "d")]:
        now[0] = 100.0 + moment
        log(text)
    now[0] += PAUSE_SECONDS
    log("e")
    assert lines == ["a\n", "d (2 more since the last such line)\n", "e\n"]


def test_without_a_place_it_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    TroubleLog()("Redis is gone.")
    assert capsys.readouterr().err == "Redis is gone.\n"


def test_a_server_that_goes_away_is_told_of(redis_server: RedisServer) -> None:
    lines: list[str] = []

    async def run() -> None:
        store = RedisStore.from_url(redis_server.url, HOUR, log=TroubleLog(lines.append))
        assert await store.get("u", 0) == []
        assert lines == []
        redis_server.stop()
        for _ in range(3):
            with pytest.raises(StateError, match="does not answer"):
                await store.get("u", 0)
        await store.close()

    asyncio.run(run())
    assert len(lines) == 1
    assert lines[0].startswith("Redis at 127.0.0.1:")
    assert "does not answer" in lines[0]
