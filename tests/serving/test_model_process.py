"""The process of the model: what is taken back is not computed any more."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from unclicked.serving.model_process import answer
from unclicked.serving.wire import Wire

HEAD = {"method": "POST", "path": "/recommend", "query": "", "headers": []}


def test_what_is_taken_back_ends_and_everything_else_is_answered() -> None:
    ended: list[bytes] = []

    async def recommend(request: Request) -> Response:
        body = await request.body()
        try:
            await asyncio.sleep(60 if body == b"slow" else 0)
        except asyncio.CancelledError:
            ended.append(body)
            raise
        return Response(b"for " + body)

    async def run() -> list[Any]:
        here, there = socket.socketpair()
        app = Starlette(routes=[Route("/recommend", recommend, methods=["POST"])])
        server = asyncio.create_task(answer(app, there))
        answers: list[Any] = []
        wire = Wire(lambda *one: answers.append(one), lambda: None)
        here.setblocking(False)
        await asyncio.get_running_loop().create_unix_connection(lambda: wire, sock=here)
        wire.send(1, HEAD, b"slow")
        wire.send(2, HEAD, b"quick")
        await heard(answers, 1)
        # What was answered already, or never asked, can be taken back too.
        for number in (1, 2, 3):
            wire.send(number, None)
        wire.send(4, HEAD, b"last")
        await heard(answers, 2)
        wire.close()
        await server
        return answers

    answers = asyncio.run(asyncio.wait_for(run(), 20))
    assert [(number, body) for number, _, body in answers] == [
        (2, b"for quick"),
        (4, b"for last"),
    ]
    assert ended == [b"slow"]


async def heard(answers: list[Any], number: int) -> None:
    while len(answers) < number:
        await asyncio.sleep(0.001)
