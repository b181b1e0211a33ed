"""Ends connections that the server cannot see the harm of: no byte sent, or no answer read.

The server gives a client ten seconds for a header once it has begun, but for ever until then, and
for ever to read. Here the system is asked what happened on each connection (Linux alone).
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
LOOK_SECONDS = 1.0
AT_ONCE, PAUSE_SECONDS = 32, 0.005
_FOLDER = "/proc/self/fd"
# Places in the system's struct tcp_info: milliseconds since data came, bytes that the other side
# has acknowledged and sent, and bytes that wait to be sent to it.
_LAST_RECEIVED, _ACKNOWLEDGED, _RECEIVED, _NOT_SENT = 52, 120, 128, 144
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
    """

    def __init__(
        self,
        port: int,
        silent_seconds: float = SILENT_SECONDS,
        unread_seconds: float = UNREAD_SECONDS,
    ) -> None:
        self._port = port
        self._silent_ms = 1000 * silent_seconds
        self._unread = unread_seconds
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
            facts = one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _LENGTH)
            if len(facts) < _LENGTH or not self._must_end(number, one, facts):
                return False
            # What still waits is thrown away, so that the system need not keep it.
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            one.shutdown(socket.SHUT_RDWR)
            return True

    def _must_end(self, number: int, one: socket.socket, facts: bytes) -> bool:
        if _long(facts, _RECEIVED) == 0:
            return _int(facts, _LAST_RECEIVED) > self._silent_ms
        if _int(facts, _NOT_SENT) == 0:
            self._stalled.pop(number, None)
            return False
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


def _int(facts: bytes, place: int) -> int:
    return int(struct.unpack_from("=I", facts, place)[0])


def _long(facts: bytes, place: int) -> int:
    return int(struct.unpack_from("=Q", facts, place)[0])
