"""Bytes on a connection, as no well-behaved client sends them, and what comes back."""

from __future__ import annotations

import json
import re
import select
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from torture.service import HOST

# An answer may not tell of the inside of the service, or repeat what a terminal would obey.
INSIDE = re.compile(
    rb"Traceback|site-packages|\.py\b|/tmp/|/home/|line \d+, in|<class|0x[0-9a-f]{6}"
)
CONTROL = re.compile(rb"[\x00-\x09\x0b-\x1f\x7f]")


@dataclass(frozen=True)
class Heard:
    """What one request was answered with.

    Attributes:
        status: HTTP status; 0 where there was no answer.
        headers: Names in lower case.
        body: The body.
        seconds: From the first byte sent to the end of the answer.
        ended: Whether the other side closed the connection afterwards.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float
    ended: bool = False

    @property
    def fault(self) -> str:
        """What is wrong with an answer that is an error; empty where nothing is."""
        if self.status >= 500 and self.status != 503:
            return f"status {self.status}"
        if self.status < 400 or (not self.body and self.status in (400, 414, 431, 505)):
            # Without a body: the bytes were no HTTP, and no route has seen them.
            return ""
        if INSIDE.search(self.body):
            return f"tells of the inside: {self.body[:200]!r}"
        if CONTROL.search(self.body):
            return f"repeats control characters: {self.body[:200]!r}"
        try:
            content = json.loads(self.body)
        except ValueError:
            return f"status {self.status} without JSON: {self.body[:200]!r}"
        error = content.get("error") if isinstance(content, dict) else None
        if not isinstance(error, dict) or set(error) != {"code", "path", "message"}:
            return f"is of another shape: {self.body[:200]!r}"
        if not all(isinstance(one, str) for one in error.values()) or not error["message"]:
            return f"is of another shape: {self.body[:200]!r}"
        return ""


def head(method: str, path: str, headers: Iterable[str] = (), version: str = "HTTP/1.1") -> bytes:
    """The head of a request.

    Args:
        method: HTTP method.
        path: What follows it, as it is.
        headers: Header lines.
        version: HTTP version.

    Returns:
        Bytes, with the empty line at the end.
    """
    lines = [f"{method} {path} {version}", *headers, "", ""]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape")


def post(path: str, body: bytes, *headers: str) -> bytes:
    """A request with a JSON body.

    Args:
        path: Path.
        body: The body.
        *headers: Further header lines.

    Returns:
        Bytes.
    """
    lines = ["host: a", "content-type: application/json", f"content-length: {len(body)}"]
    return head("POST", path, [*lines, *headers]) + body


def recommend(content: Any) -> bytes:
    """A request for a list.

    Args:
        content: What JSON can hold.

    Returns:
        Bytes.
    """
    return post("/recommend", json.dumps(content).encode())


def heard(port: int, sent: bytes | Iterable[bytes], number: int = 1, wait: float = 20.0) -> Heard:
    """Send bytes on a new connection, and read the last of the answers.

    What is sent after the other side has begun to answer is not sent any more.

    Args:
        port: Of the service.
        sent: Bytes, or pieces of them.
        number: Answers to read.
        wait: Seconds to wait for them.

    Returns:
        The last answer.
    """
    begun = time.monotonic()
    with socket.create_connection((HOST, port), timeout=wait) as connection:
        _send(connection, [sent] if isinstance(sent, bytes) else sent)
        connection.settimeout(wait)
        found = Heard(0, {}, b"", 0.0)
        stream = connection.makefile("rb")
        for _ in range(number):
            try:
                found = _read(stream, begun)
            except (OSError, ValueError):
                return Heard(0, {}, b"", time.monotonic() - begun, ended=True)
        return found


def _send(connection: socket.socket, pieces: Iterable[bytes]) -> None:
    for piece in pieces:
        view = memoryview(piece)
        while view:
            read, write, _ = select.select([connection], [connection], [], 30)
            if read or not write:
                return
            try:
                view = view[connection.send(view[:65536]) :]
            except OSError:
                return


def _read(stream: Any, begun: float) -> Heard:
    first = stream.readline(65536)
    status = int(first.split(b" ")[1]) if first.startswith(b"HTTP/") else 0
    headers: dict[str, str] = {}
    while line := stream.readline(65536).strip():
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    length = int(headers.get("content-length", "0"))
    body = stream.read(length) if length else b""
    return Heard(status, headers, body, time.monotonic() - begun)
