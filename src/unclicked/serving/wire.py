"""What the two processes of a worker send each other: numbered messages, a head in JSON and bytes.

Neither side trusts a message to mean more than data: nothing in one is run.
"""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Callable, Iterable
from typing import Any, cast

# Bytes of the head and of the content, and the number that an answer shares with its question.
_LENGTHS = struct.Struct("=III")
Received = Callable[[int, Any, bytes], None]


def packed(number: int, head: Any, content: bytes) -> bytes:
    """A message as it is sent.

    Args:
        number: What an answer shares with its question, from 0 to 2^32 - 1.
        head: What JSON can hold.
        content: Bytes.

    Returns:
        Bytes.

    Example:
        >>> len(packed(7, [200], b"hello")) - len(b"[200]hello")
        12
    """
    text = json.dumps(head, separators=(",", ":")).encode()
    return _LENGTHS.pack(len(text), len(content), number) + text + content


def as_text(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    """Headers of HTTP as JSON can hold them.

    Args:
        headers: Names and values; every byte is a character.

    Returns:
        The same as texts.
    """
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]


def as_bytes(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Headers of HTTP as they are sent.

    Args:
        headers: What `as_text` gave.

    Returns:
        The same as bytes.

    Example:
        >>> as_bytes(as_text([(b"etag", b"7")]))
        [(b'etag', b'7')]
    """
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


class Wire(asyncio.Protocol):
    """One end of the connection between two processes.

    Args:
        received: Called with number, head and content of each message, in the order of arrival.
        lost: Called once, when the other side is gone.
    """

    def __init__(self, received: Received, lost: Callable[[], None]) -> None:
        self._received = received
        self._lost = lost
        self._buffer = bytearray()
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        self._transport = cast(asyncio.WriteTransport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell that the other side is gone."""
        self._transport = None
        self._lost()

    def data_received(self, data: bytes) -> None:
        """Take what arrived; messages may come in parts, and several at once.

        Args:
            data: Bytes.
        """
        self._buffer += data
        start, end = 0, len(self._buffer)
        while end - start >= _LENGTHS.size:
            head, content, number = _LENGTHS.unpack_from(self._buffer, start)
            begin = start + _LENGTHS.size
            if end - begin < head + content:
                break
            start = begin + head + content
            text = bytes(self._buffer[begin : begin + head])
            self._received(number, json.loads(text), bytes(self._buffer[begin + head : start]))
        del self._buffer[:start]

    def send(self, number: int, head: Any, content: bytes = b"") -> bool:
        """Send a message.

        Args:
            number: What an answer shares with its question.
            head: What JSON can hold.
            content: Bytes.

        Returns:
            Whether there is somebody to send it to.
        """
        if self._transport is None:
            return False
        self._transport.write(packed(number, head, content))
        return True

    def close(self) -> None:
        """Hang up, after what was sent."""
        if self._transport is not None:
            self._transport.close()
