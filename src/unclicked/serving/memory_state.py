"""Users' events in the memory of one process: gone when it ends, and not seen by another."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

from unclicked.serving.state import MAX_EVENTS, Added, Record, add_records, is_gone

# Each call of add frees at most this many users who are gone, so that no call is slow.
SWEPT = 2
# And so many are looked at when nobody adds anything.
LOOKED_AT = 100


class MemoryStore:
    """A store for one process. Nothing here waits, so that calls of one loop never mix.

    Args:
        horizon: How long events are kept, microseconds; see `state.horizon_us`.
        max_events: Events of one user that are kept at most, the oldest go.
        max_users: Users that are kept at most, the least recently used go.
        told: Called for every user who had to go before her time.

    Attributes:
        kind: "memory".
        users_dropped: Users who had to go before their time, since the start.

    Example:
        >>> import asyncio
        >>> store = MemoryStore(horizon=100, max_users=9)
        >>> asyncio.run(store.add("u", [Record("a", 5, clicked=False)], 9))
        Added(stored=1, duplicates=0)
        >>> len(asyncio.run(store.get("u", 104))), len(asyncio.run(store.get("u", 105)))
        (1, 0)
    """

    kind = "memory"

    def __init__(
        self,
        horizon: int,
        *,
        max_events: int = MAX_EVENTS,
        max_users: int,
        told: Callable[[], object] | None = None,
    ) -> None:
        self._told = told
        self._horizon = horizon
        self._max_events = max_events
        self._max_users = max_users
        # The least recently used user first.
        self._users: OrderedDict[str, list[Record]] = OrderedDict()
        # Whom this round of `forget_gone` has not looked at.
        self._unseen: list[str] = []
        self.users_dropped = 0

    def __len__(self) -> int:
        """Users that are kept; of some the time may be over."""
        return len(self._users)

    async def add(self, user_id: str, events: Sequence[Record], now_us: int) -> Added:
        """Add a user's events; see `state.Store`.

        Args:
            user_id: Whose.
            events: What she was shown.
            now_us: The server's clock.

        Returns:
            How many are new and kept, and how many were there already.
        """
        kept, added = add_records(
            self._users.get(user_id, []),
            events,
            now_us,
            horizon=self._horizon,
            max_events=self._max_events,
        )
        self._users.pop(user_id, None)
        if kept:
            self._users[user_id] = kept
        self._sweep(now_us)
        return added

    async def get(self, user_id: str, now_us: int) -> list[Record]:
        """A user's events; see `state.Store`.

        Args:
            user_id: Whose.
            now_us: The moment.

        Returns:
            What is kept, in order of time.
        """
        kept = self._users.get(user_id, [])
        if is_gone(kept, now_us, self._horizon):
            return []
        self._users.move_to_end(user_id)
        return list(kept)

    async def remove(self, user_id: str) -> int:
        """Forget a user; see `state.Store`.

        Args:
            user_id: Whom.

        Returns:
            Number of events removed.
        """
        return len(self._users.pop(user_id, []))

    async def ready(self) -> bool:
        """Whether the store answers: always."""
        return True

    def keep_for(self, horizon: int) -> None:
        """Keep events for another time from now on; see `state.Store`.

        Args:
            horizon: Microseconds.
        """
        self._horizon = horizon

    def forget_gone(self, now_us: int, most: int = LOOKED_AT) -> int:
        """Free what nobody can be answered with any more, of the next few users in turn.

        Args:
            now_us: The server's clock.
            most: Users that are looked at; what is left is looked at in later calls.

        Returns:
            Number of users who are not kept any more.
        """
        if not self._unseen:
            self._unseen = list(self._users)
        turn, self._unseen = self._unseen[-most:], self._unseen[:-most]
        found = ((name, self._users.get(name)) for name in turn)
        gone = [name for name, one in found if one and is_gone(one, now_us, self._horizon)]
        for name in gone:
            del self._users[name]
        return len(gone)

    async def close(self) -> None:
        """Forget everything."""
        self._users.clear()

    def _sweep(self, now_us: int) -> None:
        for _ in range(SWEPT):
            oldest = next(iter(self._users), None)
            if oldest is None or not is_gone(self._users[oldest], now_us, self._horizon):
                break
            del self._users[oldest]
        while len(self._users) > self._max_users:
            self._users.popitem(last=False)
            self.users_dropped += 1
            if self._told is not None:
                self._told()
