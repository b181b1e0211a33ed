"""What stands before every route: load is refused cheaply, and every answer is of one shape."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from unclicked.serving.leaving import Leaving
from unclicked.serving.metrics import Metrics
from unclicked.serving.problems import Problem, busy

_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]
_CLOSE = [(b"connection", b"close")]
GUARDED = "/recommend"
# Made once: under load it is sent thousands of times a second.
_BUSY = busy("too many requests wait.").response()
_REFUSED: tuple[Message, Message] = (
    {
        "type": "http.response.start",
        "status": _BUSY.status_code,
        "headers": [*_BUSY.raw_headers, *_HEADERS],
    },
    {"type": "http.response.body", "body": bytes(_BUSY.body)},
)


class Guard:
    """Refuses what cannot be taken before anything is read, and counts what is answered.

    Args:
        app: The routes.
        full: Whether another user would find the queue full.
        metrics: What is counted.
        leaving: Whether clients must be asked to hang up.
    """

    def __init__(
        self, app: ASGIApp, full: Callable[[], bool], metrics: Metrics, leaving: Leaving
    ) -> None:
        self._app = app
        self._full = full
        self._metrics = metrics
        self._leaving = leaving

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["path"] == GUARDED and not self._leaving.begun and self._full():
            # At once and without a look at the body: that is what keeps room for the others.
            for message in _REFUSED:
                await send(message)
            self._metrics.request(GUARDED, _BUSY.status_code, 0.0)
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
        route = getattr(scope.get("route"), "path", GUARDED if scope["path"] == GUARDED else "none")
        self._metrics.request(route, status, time.perf_counter() - started)


async def on_problem(request: Request, error: Exception) -> Response:
    """A problem as an answer."""
    if isinstance(error, Problem):
        return error.response()
    raise error


async def on_http(request: Request, error: Exception) -> Response:
    """What the router refuses."""
    if not isinstance(error, HTTPException):
        raise error
    texts = {404: "there is nothing here; see /docs.", 405: "has another method; see /docs."}
    text = texts.get(error.status_code, "cannot be answered.")
    code = {404: "NOT-FOUND", 405: "METHOD"}.get(error.status_code, "HTTP")
    return Problem(error.status_code, code, text, headers=error.headers).response()


async def on_defect(request: Request, error: Exception) -> Response:
    """A defect of ours: the log has it, the client is told nothing of the inside."""
    sys.stderr.write("".join(traceback.format_exception(error)))
    return Problem(500, "DEFECT", "the service has a defect; its log says more.").response()
