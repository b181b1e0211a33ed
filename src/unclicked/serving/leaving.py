"""The end of a worker: the door is closed first, then every client is asked to hang up.

A server that closes connections on which a client may just be sending loses requests. Here SIGTERM
lets nobody in any more and lets every answer say `Connection: close` for a while; by then nobody
who talks is connected, and the server stops.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import socket
import struct
from contextlib import suppress
from pathlib import Path

SECONDS = 1.5
# For the listening socket, in the system's own little language: whoever asks for a new connection
# (SYN) is not heard, everything else is. Who was let in a moment ago still gets through, as would
# not be so if the socket were closed. (Code, jumps, operand; the flags of TCP are byte 13.)
_DEAF_TO_NEWCOMERS = (
    (0x30, 0, 0, 13),
    (0x54, 0, 0, 2),
    (0x15, 0, 1, 0),
    (0x06, 0, 0, 0xFFFFFFFF),
    (0x06, 0, 0, 0),
)
_ATTACH_FILTER = 26
_FOLDER = Path("/proc/self/fd")


class Leaving:
    """Whether this worker is about to end.

    Args:
        port: Port that is listened on.

    Attributes:
        begun: Whether answers ask clients to hang up.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self.begun = False

    def listen(self) -> None:
        """Let SIGTERM begin the end; the server's own handler of SIGINT finishes it."""
        # Another thread, or a system without such signals: the server ends as it would anyway.
        with suppress(ValueError, RuntimeError, NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.begin)

    def begin(self) -> None:
        """Close the door and ask clients to hang up; asked again, end at once."""
        if self.begun:
            os.kill(os.getpid(), signal.SIGINT)
            return
        self.begun = True
        close_door(self._port)
        loop = asyncio.get_running_loop()
        loop.call_later(SECONDS, os.kill, os.getpid(), signal.SIGINT)


def close_door(port: int) -> int:
    """Let no new connection in, whichever process or thread holds the listening socket.

    Args:
        port: Port that is listened on.

    Returns:
        Number of sockets closed to newcomers; 0 where the system does not tell them.
    """
    closed = 0
    names = list(_FOLDER.iterdir()) if _FOLDER.is_dir() else []
    for name in names:
        with suppress(OSError):
            if not os.readlink(name).startswith("socket:"):  # noqa: PTH115
                continue
            with socket.socket(fileno=os.dup(int(name.name))) as one:
                listens = one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
                if listens and one.getsockname()[1] == port:
                    _attach(one)
                    closed += 1
    return closed


def _attach(listening: socket.socket) -> None:
    program = b"".join(struct.pack("=HBBI", *line) for line in _DEAF_TO_NEWCOMERS)
    memory = ctypes.create_string_buffer(program, len(program))
    told = struct.pack("@HP", len(_DEAF_TO_NEWCOMERS), ctypes.addressof(memory))
    listening.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, told)
