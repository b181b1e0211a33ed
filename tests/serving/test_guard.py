"""A full house is told at the door: nothing is read, and the answer is like any other."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from unclicked.serving.guard import Guard
from unclicked.serving.leaving import Leaving
from unclicked.serving.metrics import Answered
from unclicked.serving.paths import READY, RECOMMEND


def answered(path: str, *, full: bool = False, begun: bool = False) -> tuple[list[Any], Answered]:
    """Messages that a request is answered with, and what is counted."""
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    async def receive() -> Any:
        raise AssertionError("the body is not looked at")

    async def send(message: Any) -> None:
        sent.append(dict(message))

    counted, leaving = Answered(), Leaving(1)
    leaving.begun = begun
    guard = Guard(app, lambda: full, counted, leaving)
    asyncio.run(guard({"type": "http", "path": path}, receive, send))
    return sent, counted


def test_a_full_house_refuses_lists_and_nothing_else() -> None:
    for _ in range(2):
        sent, counted = answered(RECOMMEND, full=True)
        start, body = sent
        headers = dict(start["headers"])
        assert (start["status"], headers[b"retry-after"]) == (503, b"1")
        assert headers[b"content-type"] == b"application/json"
        assert int(headers[b"content-length"]) == len(body["body"])
        assert headers[b"x-content-type-options"] == b"nosniff"
        assert json.loads(body["body"])["error"]["code"] == "BUSY"
        line = b'unclicked_requests_total{route="/recommend",status="503"} 1.0'
        assert line in counted.text()
    assert answered("/health", full=True)[0][0]["status"] == 200
    assert answered(RECOMMEND, full=False)[0][0]["status"] == 200


def test_whoever_leaves_says_so_and_asks_to_hang_up() -> None:
    sent, _ = answered(READY, begun=True)
    assert sent[0]["status"] == 503
    assert json.loads(sent[1]["body"]) == {"status": "stopping", "problems": []}
    assert (b"connection", b"close") in sent[0]["headers"]
    # Whoever is still there is answered: a full house of one that leaves is nobody's fault.
    sent, _ = answered(RECOMMEND, full=True, begun=True)
    assert sent[0]["status"] == 200
    assert (b"connection", b"close") in sent[0]["headers"]
    assert answered(READY)[0][0]["status"] == 200
