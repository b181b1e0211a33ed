"""The way of a request through the process that talks to clients: read whole, then handed on.

The process that holds the model has an interpreter of its own: neither waits for the other's turn,
and clients that must be refused take nothing from those who are served but time of the processor.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from unclicked.serving.body import read_body
from unclicked.serving.metrics import Answered
from unclicked.serving.paths import EVENTS, METRICS, RECOMMEND, ROUTE
from unclicked.serving.problems import GONE, Problem, busy
from unclicked.serving.wire import Wire, as_bytes, as_text

# What routes look at; the headers of a body are looked at here.
_HEADERS = frozenset((b"if-none-match",))
_NUMBERS = 1 << 32
# How long a place is kept for a request whose body has not come.
DOOR_SECONDS = 0.05


class Forwarding:
    """Hands requests to the process that holds the model, and its answers to the clients.

    Args:
        most_asked: Requests for lists that may be there unanswered.
        most_bytes: Largest body.
        answered: What is counted here.
        lost: Called when the other process is gone, though nobody closed the connection.
    """

    def __init__(
        self, most_asked: int, most_bytes: int, answered: Answered, lost: Callable[[], None]
    ) -> None:
        self._most_asked = most_asked
        self._most_bytes = most_bytes
        self._answered = answered
        self._lost = lost
        self._asked = 0
        self._at_door = 0
        self._number = 0
        self._waiting: dict[int, asyncio.Future[tuple[Any, bytes]]] = {}
        self._wire = Wire(self._received, self._gone)
        self._closed = False

    @property
    def full(self) -> bool:
        """Whether another request for a list would be refused."""
        return self._asked + self._at_door >= self._most_asked

    async def connect(self, other: socket.socket) -> None:
        """Begin to talk.

        Args:
            other: A connection to the process that holds the model.
        """
        other.setblocking(False)
        await asyncio.get_running_loop().create_unix_connection(lambda: self._wire, sock=other)

    def close(self) -> None:
        """Hang up; the other process ends by that."""
        self._closed = True
        self._wire.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            body = await self._body(scope, receive)
            status, headers, content = await self._answer(scope, receive, body)
        except Problem as problem:
            await problem.response()(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        if scope["method"] != "POST" or scope["path"] not in (RECOMMEND, EVENTS):
            return b""
        request = Request(scope, receive)
        if scope["path"] == EVENTS:
            return await read_body(request, self._most_bytes)
        with self._entering():
            body = await read_body(request, self._most_bytes)
        # Whoever took long with the body has lost the place.
        if self.full:
            raise busy("too many requests wait.")
        return body

    @contextmanager
    def _entering(self) -> Iterator[None]:
        """Keep a place for a request whose body is just coming, but not for long.

        Without it, all who ask in a moment with one free place would be let in, and refused late;
        with a place for whoever is slow, a few slow clients would keep everybody out.
        """
        inside = True
        self._at_door += 1

        def leave() -> None:
            nonlocal inside
            self._at_door -= inside
            inside = False

        timer = asyncio.get_running_loop().call_later(DOOR_SECONDS, leave)
        try:
            yield
        finally:
            timer.cancel()
            leave()

    async def _answer(
        self, scope: Scope, receive: Receive, body: bytes
    ) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        for_list = scope["path"] == RECOMMEND
        self._asked += for_list
        try:
            head, content = await self._ask(scope, receive if for_list else None, body)
        finally:
            self._asked -= for_list
        scope[ROUTE] = head["route"]
        headers = as_bytes(head["headers"])
        if head["route"] == METRICS and head["status"] == 200:
            content += self._answered.text()
            headers = [one for one in headers if one[0] != b"content-length"]
            headers.append((b"content-length", str(len(content)).encode()))
        return head["status"], headers, content

    async def _ask(self, scope: Scope, receive: Receive | None, body: bytes) -> tuple[Any, bytes]:
        self._number = (self._number + 1) % _NUMBERS
        future = asyncio.get_running_loop().create_future()
        head = {
            "method": scope["method"],
            "path": scope["path"],
            "query": scope["query_string"].decode("latin-1"),
            "headers": as_text(one for one in scope["headers"] if one[0] in _HEADERS),
        }
        if not self._wire.send(self._number, head, body):
            raise busy("the model is not there.")
        number = self._number
        self._waiting[number] = future
        loop = asyncio.get_running_loop()
        watch = receive and loop.create_task(self._take_back(receive, number, future))
        try:
            found: tuple[Any, bytes] = await future
        finally:
            self._waiting.pop(number, None)
            if watch:
                watch.cancel()
        return found

    async def _take_back(
        self, receive: Receive, number: int, future: asyncio.Future[tuple[Any, bytes]]
    ) -> None:
        """Nothing is computed for a client who has gone."""
        message = await receive()
        if message["type"] == "http.disconnect" and not future.done():
            self._wire.send(number, None)
            future.set_exception(Problem(GONE, "GONE", "the client has gone."))

    def _received(self, number: int, head: Any, content: bytes) -> None:
        future = self._waiting.get(number)
        if future is not None and not future.done():
            future.set_result((head, content))

    def _gone(self) -> None:
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(busy("the model is not there."))
        if not self._closed:
            self._lost()
