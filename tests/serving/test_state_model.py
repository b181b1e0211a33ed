"""Any order of calls on the stores gives what a plain model of their promises gives."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from tests.serving.redis_state_server import redis_server

from unclicked.serving.memory_state import MemoryStore
from unclicked.serving.redis_state import RedisStore
from unclicked.serving.state import Record, Store

__all__ = ["redis_server"]

HOUR = 3_600_000_000
NOW = 1_000_000 * HOUR
EVENTS = st.tuples(
    st.sampled_from([7, "7", "b"]),
    st.integers(-40, 6),
    st.booleans(),
    st.none() | st.integers(-45, 6),
    st.sampled_from([None, "s", "t"]),
)
USERS = st.sampled_from(["7", "u"])


class PlainModel:
    """The promises in the plainest words: a list of what was added, and loops over it."""

    def __init__(self, horizon: int, most: int) -> None:
        self.horizon, self.most = horizon, most
        self.users: dict[str, list[list[Any]]] = {}

    def gone(self, user: str, now: int) -> bool:
        last = [max(row[1], row[3] or row[1]) for row in self.users.get(user, [])]
        return not last or max(last) + self.horizon <= now

    def add(self, user: str, events: list[Record], now: int) -> tuple[int, int]:
        if self.gone(user, now):
            self.users[user] = []
        rows, fresh, twice = self.users[user], [], 0
        for e in events:
            for row in rows:
                if row[1] == e.time_us and row[0] == e.item_id and type(row[0]) is type(e.item_id):
                    twice += 1
                    row[2] |= e.clicked
                    row[3] = min((x for x in (row[3], e.clicked_at_us) if x), default=None)
                    row[4] = min((x for x in (row[4], e.session_id) if x), default=None)
                    break
            else:
                fresh.append([e.item_id, e.time_us, e.clicked, e.clicked_at_us, e.session_id])
                rows.append(fresh[-1])
        past = [max(row[1], row[3] or row[1]) for row in rows]
        newest = max((time for time in past if time <= now), default=now)
        clicks = [row[3] or row[1] for row in rows if row[2]]
        anchor = newest
        for click in sorted(clicks):
            if newest - self.horizon <= click <= now:
                anchor = click
        order = {"int": 0, "str": 1}
        rows = [r for r in rows if max(r[1], r[3] or r[1]) >= anchor - self.horizon]
        rows.sort(
            key=lambda r: (max(r[1], r[3] or r[1]), r[1], order[type(r[0]).__name__], str(r[0]))
        )
        self.users[user] = rows[max(0, len(rows) - self.most) :]
        if self.gone(user, now):
            self.users[user] = []
        return sum(any(one is row for row in self.users[user]) for one in fresh), twice

    def get(self, user: str, now: int) -> list[Record]:
        rows = [] if self.gone(user, now) else self.users[user]
        return sorted(
            (Record(*row) for row in rows),
            key=lambda r: (r.time_us, isinstance(r.item_id, str), str(r.item_id)),
        )


def at_now(
    now: int, item: str | int, shown: int, clicked: bool, clicked_at: int | None, name: str | None
) -> Record:
    """An event of so many hours before or after a moment."""
    when = None if clicked_at is None else now + clicked_at * HOUR
    return Record(item, now + shown * HOUR, clicked, when, name)


class Machine(RuleBasedStateMachine):
    """Any order of calls on both stores gives what the model gives."""

    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.now = NOW
        self.stores: list[Store] = [MemoryStore(20 * HOUR, max_events=6, max_users=9)]
        if self.url:
            self.stores.append(RedisStore.from_url(self.url, 20 * HOUR, max_events=6))
            for user in ("7", "u"):
                self.runner.run(self.stores[-1].remove(user))
        self.model = PlainModel(20 * HOUR, 6)

    @rule(user=USERS, rows=st.lists(EVENTS, max_size=5), hours=st.integers(0, 12))
    def add(self, user: str, rows: list[tuple[Any, ...]], hours: int) -> None:
        self.now += hours * HOUR
        events = [
            at_now(self.now, item, shown, click, clicked_at, name)
            for item, shown, click, clicked_at, name in rows
        ]
        wanted = self.model.add(user, events, self.now)
        for store in self.stores:
            assert self.runner.run(store.add(user, events, self.now)) == wanted

    @rule(user=USERS, hours=st.integers(0, 25))
    def get(self, user: str, hours: int) -> None:
        moment = self.now + hours * HOUR
        for store in self.stores:
            assert self.runner.run(store.get(user, moment)) == self.model.get(user, moment)

    @rule(user=USERS)
    def remove(self, user: str) -> None:
        rows = self.model.users.pop(user, [])
        late = not rows or max(max(r[1], r[3] or r[1]) for r in rows) + 20 * HOUR <= self.now
        for store in self.stores:
            removed = self.runner.run(store.remove(user))
            assert removed == len(rows) or (late and removed == 0)

    def teardown(self) -> None:
        for store in self.stores:
            self.runner.run(store.close())
        self.runner.close()


@pytest.mark.parametrize("with_redis", [False, True], ids=["memory", "both"])
def test_any_order_of_calls(with_redis: bool, request: pytest.FixtureRequest) -> None:
    server = request.getfixturevalue("redis_server") if with_redis else None
    machine = type("Bound", (Machine,), {"url": server.url if server else ""})
    steps = settings(max_examples=25 if with_redis else 60, stateful_step_count=30, deadline=None)
    run_state_machine_as_test(machine, settings=steps)
