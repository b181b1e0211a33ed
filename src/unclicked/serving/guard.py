"""What stands before every route: load is refused cheaply, and every answer is of one shape."""

from __future__ import annotations

import time
from collections.abc import Callable

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from unclicked.serving.leaving import Leaving
from unclicked.serving.metrics import Answered
from unclicked.serving.paths import EVENTS, READY, RECOMMEND, ROUTE
from unclicked.serving.problems import GONE, busy, json_response

_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]
_CLOSE = [(b"connection", b"close")]


def _messages(answer: Response, *more: tuple[bytes, bytes]) -> tuple[Message, Message]:
    start = {
        "type": "http.response.start",
        "status": answer.status_code,
        "headers": [*answer.raw_headers, *_HEADERS, *more],
    }
    return start, {"type": "http.response.body", "body": bytes(answer.body)}


# Made once: under load it is sent thousands of times a second.
_REFUSED = _messages(busy("too many requests wait.").response())
_STOPPING = _messages(json_response({"status": "stopping", "problems": []}, 503), *_CLOSE)


class Guard:
    """Refuses what cannot be taken before anything is read, and counts what is answered.

    Args:
        app: Who answers.
        full: Whether another request for a list would find the queue full.
        answered: What is counted.
        leaving: Whether clients must be asked to hang up.
    """

    def __init__(
        self, app: ASGIApp, full: Callable[[], bool], answered: Answered, leaving: Leaving
    ) -> None:
        self._app = app
        self._full = full
        self._answered = answered
        self._leaving = leaving

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = scope["path"]
        if path == RECOMMEND and not self._leaving.begun and self._full():
            # At once and without a look at the body: that is what keeps room for the others.
            await self._say(_REFUSED, path, send)
            return
        if path == READY and self._leaving.begun:
            await self._say(_STOPPING, path, send)
            return
        started = time.perf_counter()
        status = 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                last = _CLOSE if self._leaving.begun else []
                message["headers"] = [*message.get("headers", []), *_HEADERS, *last]
            await send(message)

        await self._app(scope, receive, sending)
        route = scope.get(ROUTE, path if path in (RECOMMEND, EVENTS) else "none")
        took = None if status == GONE else time.perf_counter() - started
        self._answered.request(route, status, took)

    async def _say(self, messages: tuple[Message, Message], path: str, send: Send) -> None:
        for message in messages:
            await send(message)
        self._answered.request(path, messages[0]["status"], None)
