"""What is kept of a user gives the inputs that her whole history gives."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest

from unclicked.config import ClickedConfig, DataConfig, UnclickedConfig
from unclicked.data.dataset import PreparedDataset
from unclicked.data.rules import Rules
from unclicked.data.stored_log import load_log
from unclicked.recommendation.events import CodedEvent, Found, apply_rules
from unclicked.serving.memory_state import MemoryStore
from unclicked.serving.state import Record, horizon_us, last_us

HOUR = 3_600_000_000
# Windows that are short beside the log, so that most of it has to go.
CONFIG = DataConfig(
    clicked=ClickedConfig(long_window_days=0.5, max_short=4, session_gap_minutes=20),
    unclicked=UnclickedConfig(window_days=0.25, min_exposures=1),
)


@pytest.fixture(scope="module")
def histories(tiny_data: PreparedDataset) -> list[list[Record]]:
    """Every user's events of the log in order of time, some of them clicked an hour later."""
    found: dict[object, list[Record]] = {}
    chance = random.Random(7)
    for row in load_log(tiny_data).to_pylist():
        time, clicked = row["timestamp_us"], row["clicked"]
        late = time + chance.randrange(HOUR) if clicked and chance.random() < 0.5 else None
        event = Record(row["item_id"], time, clicked, late)
        found.setdefault(row["user_id"], []).append(event)
    return [sorted(events, key=last_us) for events in found.values()]


def inputs(events: list[Record], now_us: int, cut: str) -> Found:
    """What the rules find, less what they keep of all times."""
    names = sorted({one.item_id for one in events}, key=str)
    coded = [
        CodedEvent(
            int(str(one.item_id).strip("abcdefghijklmnopqrstuvwxyz_")) + 1,
            names.index(one.item_id),
            one.time_us,
            one.clicked,
            one.clicked_at_us,
            one.session_id,
        )
        for one in events
    ]
    return replace(apply_rules([(coded, now_us)], Rules.from_config(CONFIG), cut)[0], seen=[])


@pytest.mark.parametrize("cut", ["now", "session_start"])
def test_nothing_that_matters_is_dropped(histories: list[list[Record]], cut: str) -> None:
    horizon = horizon_us(CONFIG)
    chance = random.Random(cut)
    compared = dropped = 0

    async def run() -> None:
        nonlocal compared, dropped
        for number, events in enumerate(histories):
            store = MemoryStore(horizon, max_users=9)
            begin = 0
            while begin < len(events):
                # What happened within half an hour arrives together, in any order.
                late = last_us(events[begin]) + HOUR // 2
                end = begin + chance.randint(1, 12)
                past = [one for one in events[:end] if last_us(one) <= late]
                batch = past[begin:]
                now = last_us(past[-1]) + 1
                begin = len(past)
                chance.shuffle(batch)
                await store.add(f"{number}", batch, now)
                if chance.random() < 0.8:
                    continue
                kept = await store.get(f"{number}", now)
                clicks = [one.clicked_at_us or one.time_us for one in past if one.clicked]
                if clicks and max(clicks) >= now - horizon:
                    compared += 1
                    dropped += len(past) - len(kept)
                    assert inputs(kept, now, cut) == inputs(past, now, cut)

    asyncio.run(run())
    assert compared > 200
    assert dropped > 10 * compared
