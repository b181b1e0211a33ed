"""The process that holds the model: it answers what the process that talks to clients hands on.

It ends when that one hangs up, and not by a signal: what was taken is answered first.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from typing import Any

from starlette.applications import Starlette
from starlette.types import Message, Scope

from unclicked.errors import UnclickedError
from unclicked.serving.app import build
from unclicked.serving.settings import Settings
from unclicked.serving.wire import Wire, as_bytes, as_text
from unclicked.serving.worker import end_with_parent, spare_collector

READY_BYTE = b"+"


def main(handle: int) -> None:
    """Answer until the other side hangs up.

    Args:
        handle: Number of the connection to it.
    """
    # A terminal and a supervisor send signals to all processes; the other one knows what to do.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    # While models are loaded nobody hears that the other side is gone.
    end_with_parent(signal.SIGKILL)
    with socket.socket(fileno=handle) as other:
        try:
            app = build(Settings.read())
        except UnclickedError as error:
            sys.stderr.write(f"{error}\n")
            sys.exit(error.exit_code)
        spare_collector()
        with contextlib.suppress(BrokenPipeError):
            other.sendall(READY_BYTE)
            asyncio.run(answer(app, other))


async def answer(app: Starlette, other: socket.socket) -> None:
    """Answer requests until the other side hangs up.

    Args:
        app: Who answers.
        other: Where they come from.
    """
    loop = asyncio.get_running_loop()
    ended = loop.create_future()
    under_way: dict[int, asyncio.Task[None]] = {}

    def take(number: int, head: Any, body: bytes) -> None:
        if head is None:
            # Whoever asked has gone.
            if number in under_way:
                under_way[number].cancel()
            return
        task = loop.create_task(_answer_one(app, wire, number, head, body))
        under_way[number] = task
        task.add_done_callback(lambda _: under_way.pop(number, None))

    wire = Wire(take, lambda: ended.set_result(None))
    other.setblocking(False)
    async with app.router.lifespan_context(app):
        await loop.create_unix_connection(lambda: wire, sock=other)
        await ended
        for task in list(under_way.values()):
            task.cancel()


async def _answer_one(app: Starlette, wire: Wire, number: int, head: Any, body: bytes) -> None:
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "http",
        "method": head["method"],
        "path": head["path"],
        "root_path": "",
        "query_string": head["query"].encode("latin-1"),
        "headers": as_bytes(head["headers"]),
    }
    status, headers, content = 500, [], bytearray()

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status, headers
        if message["type"] == "http.response.start":
            status = message["status"]
            headers = as_text(message["headers"])
        else:
            content.extend(message.get("body", b""))

    # A defect was answered and written down already, and is raised for servers that want it.
    with contextlib.suppress(Exception):
        await app(scope, receive, send)
    # As the description of the API writes it.
    route = getattr(scope.get("route"), "path", "none").replace(":anything}", "}")
    wire.send(number, {"status": status, "headers": headers, "route": route}, bytes(content))
