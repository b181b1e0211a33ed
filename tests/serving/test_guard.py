"""A full house is told at the door: nothing is read, and the answer is like any other."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from unclicked.serving.guard import GUARDED, Guard
from unclicked.serving.leaving import Leaving
from unclicked.serving.metrics import Metrics


def answered(path: str, *, full: bool) -> tuple[list[Any], Metrics]:
    """Messages that a request is answered with, and what is counted."""
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    async def receive() -> Any:
        raise AssertionError("the body is not looked at")

    async def send(message: Any) -> None:
        sent.append(dict(message))

    metrics = Metrics()
    guard = Guard(app, lambda: full, metrics, Leaving(1))
    asyncio.run(guard({"type": "http", "path": path}, receive, send))
    return sent, metrics


def test_a_full_house_refuses_lists_and_nothing_else() -> None:
    for _ in range(2):
        sent, metrics = answered(GUARDED, full=True)
        start, body = sent
        headers = dict(start["headers"])
        assert (start["status"], headers[b"retry-after"]) == (503, b"1")
        assert headers[b"content-type"] == b"application/json"
        assert int(headers[b"content-length"]) == len(body["body"])
        assert headers[b"x-content-type-options"] == b"nosniff"
        assert json.loads(body["body"])["error"]["code"] == "BUSY"
        line = b'unclicked_requests_total{route="/recommend",status="503"} 1.0'
        assert line in metrics.text()[0]
    assert answered("/health", full=True)[0][0]["status"] == 200
    assert answered(GUARDED, full=False)[0][0]["status"] == 200
