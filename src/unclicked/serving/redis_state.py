"""Users' events in Redis: several processes share them, and they outlive each."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakValueDictionary

from unclicked.errors import UserError
from unclicked.serving.event_text import decode, encode, shown
from unclicked.serving.redis_address import checked
from unclicked.serving.state import (
    MAX_EVENTS,
    Added,
    Record,
    StateError,
    add_records,
    is_gone,
    last_us,
)
from unclicked.serving.trouble_log import Log

if TYPE_CHECKING:
    from redis.asyncio import Redis

PREFIX = "unclicked:events:"
CONNECTIONS = 32
# One wait for the server, and a whole operation with every repetition.
WAIT_SECONDS = 0.5
OPERATION_SECONDS = 2.0
# Processes that write the same user at one moment come back after a random time, at most this long.
PAUSE_SECONDS = 0.02
# What Redis takes for a life; an event dated in a far future must not break its clock.
LONGEST_MS = 1 << 50

Result = TypeVar("Result")


class RedisStore:
    """A store that several processes share; one text in JSON for each user.

    A change is read, made here and written back only if nobody wrote between, else made again:
    every process follows the same rule, and no event is lost.

    Args:
        client: A connected client that answers in bytes.
        horizon: How long events are kept, microseconds; see `state.horizon_us`.
        max_events: Events of one user that are kept at most, the oldest go.
        where: Host and port, for messages.
        log: Told of everything that goes wrong, without events and passwords.

    Attributes:
        kind: "redis".
    """

    kind = "redis"

    def __init__(
        self,
        client: Redis,
        horizon: int,
        *,
        max_events: int = MAX_EVENTS,
        where: str = "redis",
        log: Log = lambda text: None,
    ) -> None:
        self._client = client
        self._log = log
        self._horizon = horizon
        self._max_events = max_events
        self._where = where
        # Callers of this process wait for each other; only other processes can come between.
        self._turns: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()

    @classmethod
    def from_url(
        cls, url: str, horizon: int, *, max_events: int = MAX_EVENTS, log: Log = lambda text: None
    ) -> RedisStore:
        """A store by its address; nothing is asked of the server yet.

        Args:
            url: redis://HOST:PORT/N, or rediss:// for TLS, with a user and password where there
                are ones; the certificates of TLS as `?ssl_ca_certs=FILE` and the like.
            horizon: How long events are kept, microseconds.
            max_events: Events of one user that are kept at most.
            log: Told of everything that goes wrong.

        Returns:
            The store.

        Raises:
            UserError: If the address is another or no such, or the package `redis` is missing.
        """
        parts = checked(url)
        try:
            from redis.asyncio import BlockingConnectionPool, Redis
            from redis.asyncio.retry import Retry
            from redis.backoff import NoBackoff
            from redis.exceptions import ConnectionError
        except ImportError:
            raise UserError(
                "STATE",
                "--state",
                'the package redis is not installed. Run: pip install ".[serve]".',
            ) from None
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS,
            timeout=WAIT_SECONDS,
            socket_timeout=WAIT_SECONDS,
            socket_connect_timeout=WAIT_SECONDS,
            # A connection from before a restart of the server is found dead only when it is used.
            # What timed out is not asked again: that would only add to the wait.
            retry=Retry(NoBackoff(), 1, supported_errors=(ConnectionError,)),
        )
        where = f"{parts.hostname}:{parts.port or 6379}"
        client = Redis.from_pool(pool)
        return cls(client, horizon, max_events=max_events, where=where, log=log)

    async def add(self, user_id: str, events: Sequence[Record], now_us: int) -> Added:
        """Add a user's events; see `state.Store`.

        Args:
            user_id: Whose.
            events: What she was shown.
            now_us: The server's clock.

        Returns:
            How many are new and kept, and how many were there already.

        Raises:
            StateError: If Redis does not answer or holds something else.
        """

        def change(kept: list[Record]) -> tuple[list[Record], int, Added]:
            left, added = add_records(
                kept, events, now_us, horizon=self._horizon, max_events=self._max_events
            )
            life = max(map(last_us, left), default=now_us) + self._horizon - now_us
            return left, life, added

        return await self._change(user_id, change)

    async def get(self, user_id: str, now_us: int) -> list[Record]:
        """A user's events; see `state.Store`.

        Args:
            user_id: Whose.
            now_us: The moment.

        Returns:
            What is kept, in order of time.

        Raises:
            StateError: If Redis does not answer or holds something else.
        """
        key = _key(user_id)
        async with self._told(key):
            kept = decode(await self._client.get(key), key)
        return [] if is_gone(kept, now_us, self._horizon) else kept

    async def remove(self, user_id: str) -> int:
        """Forget a user; see `state.Store`. What is not ours is not removed.

        Args:
            user_id: Whom.

        Returns:
            Number of events removed.

        Raises:
            StateError: If Redis does not answer or holds something else.
        """
        return await self._change(user_id, lambda kept: ([], 0, len(kept)))

    async def ready(self) -> bool:
        """Whether Redis answers now."""
        return not await self.trouble()

    async def trouble(self) -> str:
        """Why Redis does not answer now; empty where it does."""
        try:
            async with self._told(b""):
                await self._client.ping()
        except StateError as error:
            return str(error)
        return ""

    def keep_for(self, horizon: int) -> None:
        """Keep events for another time from now on; see `state.Store`.

        Args:
            horizon: Microseconds.
        """
        self._horizon = horizon

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _change(
        self, user_id: str, change: Callable[[list[Record]], tuple[list[Record], int, Result]]
    ) -> Result:
        """Replace a user's events by what a function makes of them, as one step.

        The function also gives how long they live, in microseconds, and the result.
        """
        from redis.exceptions import WatchError

        key = _key(user_id)
        turn = self._turns.setdefault(key, asyncio.Lock())
        async with self._told(key), turn:
            while True:
                try:
                    async with self._client.pipeline(transaction=True) as pipe:
                        await pipe.watch(key)
                        kept = decode(await pipe.get(key), key)
                        left, life, result = change(kept)
                        pipe.multi()  # type: ignore[no-untyped-call]
                        if left:
                            life_ms = min(max(-(-life // 1000), 1), LONGEST_MS)
                            pipe.set(key, encode(left), px=life_ms)
                        else:
                            pipe.delete(key)
                        await pipe.execute()
                        return result
                except WatchError:
                    await asyncio.sleep(random.uniform(0, PAUSE_SECONDS))

    @asynccontextmanager
    async def _told(self, key: bytes) -> AsyncIterator[None]:
        """What goes wrong is one class of error and in the log, without passwords and events."""
        from redis.exceptions import RedisError, ResponseError

        try:
            async with asyncio.timeout(OPERATION_SECONDS):
                yield
            return
        except StateError as error:
            told = error
        except ResponseError as error:
            # The text of the error may repeat what was to be stored.
            name = type(error).__name__
            told = StateError(
                f"Redis at {self._where} refused to work on the key {shown(key)} ({name}). "
                "Look at what the key holds and at the server's memory and rights."
            )
        except (RedisError, OSError, TimeoutError) as error:
            told = StateError(
                f"Redis at {self._where} does not answer ({type(error).__name__}). "
                "Is it running, and are host, port, number and password right?"
            )
        self._log(str(told))
        raise told


def trouble_at(url: str) -> str:
    """Ask Redis once, from outside of any service.

    Args:
        url: Its address, as `RedisStore.from_url` takes it.

    Returns:
        Why it does not answer now; empty where it does.

    Raises:
        UserError: If the address is none.
    """

    async def ask() -> str:
        store = RedisStore.from_url(url, 1)
        try:
            return await store.trouble()
        finally:
            await store.close()

    return asyncio.run(ask())


def _key(user_id: str) -> bytes:
    # A lone surrogate is no UTF-8, but still a name of its own.
    return (PREFIX + user_id).encode("utf-8", "surrogatepass")
