"""Messages arrive whole, in order and alike, however they were cut on their way."""

from __future__ import annotations

import asyncio
import random
import socket
from typing import Any

import pytest

from unclicked.serving.wire import Wire, packed

MESSAGES = [
    (0, {"path": "/a"}, b""),
    (2**32 - 1, [200, "é", None], b"\x00\xff" * 40),
    (7, {}, b"{" * 70_000),
    (7, "again", b"x"),
]


def received(pieces: list[bytes]) -> list[tuple[int, Any, bytes]]:
    found: list[tuple[int, Any, bytes]] = []
    wire = Wire(lambda *one: found.append(one), lambda: None)
    for piece in pieces:
        wire.data_received(piece)
    return found


@pytest.mark.parametrize("seed", range(5))
def test_messages_cut_anywhere_arrive_whole(seed: int) -> None:
    whole = b"".join(packed(*one) for one in MESSAGES)
    draw = random.Random(seed)
    cuts = sorted(draw.choices(range(len(whole) + 1), k=draw.choice((0, 3, 400))))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert received(pieces) == MESSAGES
    assert received([whole[:-1]]) == MESSAGES[:-1]


def test_byte_by_byte() -> None:
    whole = packed(*MESSAGES[0]) + packed(*MESSAGES[3])
    assert received([bytes([one]) for one in whole]) == [MESSAGES[0], MESSAGES[3]]


def test_two_ends_talk_and_learn_that_the_other_is_gone() -> None:
    async def talk() -> tuple[list[Any], list[str], list[bool]]:
        found: list[Any] = []
        told: list[str] = []
        loop = asyncio.get_running_loop()
        ends = []
        for name, one in zip("ab", socket.socketpair(), strict=True):
            wire = Wire(lambda *m: found.append(m), lambda name=name: told.append(name))
            await loop.create_unix_connection(lambda wire=wire: wire, sock=one)
            ends.append(wire)
        sent = [ends[0].send(*one) for one in MESSAGES]
        ends[0].close()
        while len(told) < 2:
            await asyncio.sleep(0.01)
        return found, told, [*sent, ends[0].send(1, 2), ends[1].send(1, 2)]

    found, told, sent = asyncio.run(asyncio.wait_for(talk(), 10))
    # What was sent before hanging up arrives; a list takes the place of a tuple on no way here.
    assert found == MESSAGES
    assert sorted(told) == ["a", "b"]
    assert sent == [True] * len(MESSAGES) + [False, False]
