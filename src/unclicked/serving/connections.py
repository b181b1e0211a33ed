"""Ends connections that the server cannot see the harm of: nothing sent, read or asked any more.

The server gives a client ten seconds for a header once it has begun, but for ever until then, for
ever to read, and for ever to ask again; and it holds so many connections and no more. Here the
system is asked what happened on each connection (Linux alone).
"""

from __future__ import annotations

import asyncio
import math
import os
import socket
import struct
import sys
import time
from contextlib import suppress
from dataclasses import dataclass

# With the time between two looks, whoever does either is gone after ten seconds.
SILENT_SECONDS, UNREAD_SECONDS = 9.0, 8.0
# How long a client may ask nothing after an answer, and the same where half of the places are
# taken.
IDLE_SECONDS, CROWDED_IDLE_SECONDS = 75.0, 5.0
# Requests that one worker holds at a time, each with its connection; more wait in their sockets.
HELD = 4_096
LOOK_SECONDS = 1.0
AT_ONCE, PAUSE_SECONDS = 32, 0.005
_FOLDER = "/proc/self/fd"
# Places in the system's struct tcp_info: milliseconds since data was sent and came, bytes that the
# other side has acknowledged and sent, and bytes that wait to be sent to it.
_LAST_SENT, _LAST_RECEIVED, _ACKNOWLEDGED, _RECEIVED, _NOT_SENT = 44, 52, 120, 128, 144
_LENGTH = 148


@dataclass
class _Stalled:
    inode: int
    acknowledged: int
    since: float


class Connections:
    """Looks at all connections to a port of this process.

    Args:
        port: The port.
        silent_seconds: How long a client may say nothing at all.
        unread_seconds: How long a client may read nothing while an answer waits.
        idle_seconds: How long a client may ask nothing, having been answered; then the same where
            many are connected.
        crowd: Connections from which on they are many.
    """

    def __init__(
        self,
        port: int,
        silent_seconds: float = SILENT_SECONDS,
        unread_seconds: float = UNREAD_SECONDS,
        idle_seconds: tuple[float, float] = (IDLE_SECONDS, IDLE_SECONDS),
        crowd: int = HELD // 2,
    ) -> None:
        self._port = port
        self._silent_ms = 1000 * silent_seconds
        self._unread = unread_seconds
        self._idle_ms = tuple(1000 * one for one in idle_seconds)
        self._crowd = crowd
        # Connections that the last look found.
        self._found = 0
        self._crowded = False
        self._stalled: dict[int, _Stalled] = {}

    async def watch(self) -> None:
        """Look for ever; does nothing where the system cannot be asked."""
        while sys.platform == "linux":
            await asyncio.sleep(LOOK_SECONDS)
            await asyncio.to_thread(self.look)

    def look(self) -> int:
        """End what must be ended now.

        Returns:
            Number of connections ended.
        """
        numbers = [int(name) for name in os.listdir(_FOLDER)]  # noqa: PTH208
        for gone in self._stalled.keys() - set(numbers):
            del self._stalled[gone]
        ended = 0
        self._crowded, self._found = self._found >= self._crowd, 0
        for place, number in enumerate(numbers, start=1):
            if place % AT_ONCE == 0:
                # A thousand in one go would keep the loop from its turn for tens of milliseconds.
                time.sleep(PAUSE_SECONDS)
            # What was closed meanwhile is no concern.
            with suppress(OSError):
                ended += self._look_at(number)
        return ended

    def _look_at(self, number: int) -> bool:
        if not os.readlink(f"{_FOLDER}/{number}").startswith("socket:"):  # noqa: PTH115
            return False
        # A handle of our own: the number may be another connection's a moment later.
        with socket.socket(fileno=os.dup(number)) as one:
            if one.family not in (socket.AF_INET, socket.AF_INET6):
                return False
            if one.type != socket.SOCK_STREAM or one.getsockname()[1] != self._port:
                return False
            # Raises where it is the one that listens.
            one.getpeername()
            self._found += 1
            facts = one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _LENGTH)
            if len(facts) < _LENGTH or not self._must_end(number, one, facts):
                return False
            if _int(facts, _NOT_SENT):
                # What still waits is thrown away, so that the system need not keep it.
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            one.shutdown(socket.SHUT_RDWR)
            return True

    def _must_end(self, number: int, one: socket.socket, facts: bytes) -> bool:
        if _long(facts, _RECEIVED) == 0:
            return _int(facts, _LAST_RECEIVED) > self._silent_ms
        if _int(facts, _NOT_SENT) == 0:
            self._stalled.pop(number, None)
            received, sent = _int(facts, _LAST_RECEIVED), _int(facts, _LAST_SENT)
            # Where something came after the last answer an answer is owed, in a crowd too.
            crowded = self._crowded and sent <= received
            return min(received, sent) > self._idle_ms[crowded]
        inode, acknowledged = os.fstat(one.fileno()).st_ino, _long(facts, _ACKNOWLEDGED)
        known = self._stalled.get(number)
        if known is None or (known.inode, known.acknowledged) != (inode, acknowledged):
            self._stalled[number] = _Stalled(inode, acknowledged, time.monotonic())
            return False
        if time.monotonic() - known.since <= self._unread:
            return False
        # Once is enough, however long the server takes to notice.
        known.since = math.inf
        return True


def idle_seconds(longest_answer: float) -> tuple[float, float]:
    """How long a client may ask nothing, having been answered.

    Args:
        longest_answer: Seconds that a client may have to wait for an answer: she is not idle then.

    Returns:
        Seconds; and the same where many are connected.

    Example:
        >>> idle_seconds(2.0)
        (77.0, 5.0)
    """
    return longest_answer + IDLE_SECONDS, CROWDED_IDLE_SECONDS


def _int(facts: bytes, place: int) -> int:
    return int(struct.unpack_from("=I", facts, place)[0])


def _long(facts: bytes, place: int) -> int:
    return int(struct.unpack_from("=Q", facts, place)[0])
