"""What is handed on to the model comes back to whoever asked, and never more than has room."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from unclicked.serving.forwarding import Forwarding
from unclicked.serving.metrics import Answered
from unclicked.serving.wire import Wire

Test = Callable[["Other", Forwarding], Awaitable[Any]]


class Other:
    """The side of the model: remembers questions, and answers when it is told to."""

    def __init__(self) -> None:
        self.questions: list[tuple[int, Any, bytes]] = []
        self.wire = Wire(lambda *one: self.questions.append(one), lambda: None)

    async def asked(self, number: int) -> None:
        while len(self.questions) < number:
            await asyncio.sleep(0.001)

    def answer(self, place: int, body: bytes, route: str = "/recommend") -> None:
        head = {"status": 200, "headers": [["x-one", "1"]], "route": route}
        self.wire.send(self.questions[place][0], head, body)


def with_both(test: Test, most: int = 2) -> tuple[Any, list[str]]:
    """Run a test with both sides connected; what it gives, and whether the loss was told."""
    lost: list[str] = []

    async def run() -> Any:
        here, there = socket.socketpair()
        forwarding = Forwarding(most, 100, Answered(), lambda: lost.append("lost"))
        other = Other()
        await asyncio.get_running_loop().create_unix_connection(lambda: other.wire, sock=there)
        await forwarding.connect(here)
        found = await test(other, forwarding)
        forwarding.close()
        await asyncio.sleep(0.01)
        return found

    return asyncio.run(asyncio.wait_for(run(), 20)), lost


async def ask(
    forwarding: Forwarding,
    path: str = "/recommend",
    body: bytes = b"{}",
    come: asyncio.Event | None = None,
    gone: asyncio.Event | None = None,
) -> Any:
    """Status, headers and body of one answer; the request's body comes after an event."""
    sent: list[Any] = []
    read = False

    async def receive() -> Any:
        nonlocal read
        if read:
            await (gone or asyncio.Event()).wait()
            return {"type": "http.disconnect"}
        read = True
        if come is not None:
            await come.wait()
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    kind = (b"content-type", b"application/json")
    scope = {
        "type": "http",
        "method": "POST" if path in ("/recommend", "/events") else "GET",
        "path": path,
        "query_string": b"a=%C3%A9",
        "headers": [kind, (b"cookie", b"secret"), (b"if-none-match", b'"7"')],
    }
    await forwarding(scope, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


def test_answers_find_whoever_asked_though_they_come_in_another_order() -> None:
    async def test(other: Other, forwarding: Forwarding) -> Any:
        both = [asyncio.create_task(ask(forwarding, body=text)) for text in (b'"a"', b'"b"')]
        await other.asked(2)
        for place in (1, 0):
            other.answer(place, b"to " + other.questions[place][2])
        return [await one for one in both], other.questions

    (answers, questions), lost = with_both(test)
    assert [body for _, _, body in answers] == [b'to "a"', b'to "b"']
    assert answers[0][:2] == (200, {b"x-one": b"1"})
    assert questions[0][1] == {
        "method": "POST",
        "path": "/recommend",
        "query": "a=%C3%A9",
        # A cookie is nobody's business.
        "headers": [["if-none-match", '"7"']],
    }
    assert lost == []


def test_there_is_room_for_so_many_lists_and_for_everything_else() -> None:
    async def test(other: Other, forwarding: Forwarding) -> Any:
        first = [asyncio.create_task(ask(forwarding)) for _ in range(2)]
        await other.asked(2)
        full = forwarding.full
        refused = await ask(forwarding)
        page = asyncio.create_task(ask(forwarding, "/model"))
        await other.asked(3)
        other.answer(2, b"page", "/model")
        other.answer(0, b"")
        await first[0]
        again = asyncio.create_task(ask(forwarding))
        await other.asked(4)
        for place in (1, 3):
            other.answer(place, b"")
        return full, refused, await page, forwarding.full, await again, await first[1]

    (full, refused, page, later, again, _), _ = with_both(test)
    assert full is True
    assert refused[0] == 503
    assert refused[1][b"retry-after"] == b"1"
    assert json.loads(refused[2])["error"]["code"] == "BUSY"
    assert page[2] == b"page"
    assert later is True
    assert again[0] == 200


def test_bodies_are_read_where_a_route_takes_one_and_nowhere_else() -> None:
    async def test(other: Other, forwarding: Forwarding) -> Any:
        large = await ask(forwarding, "/events", b"x" * 101)
        page = asyncio.create_task(ask(forwarding, "/health", b"x" * 101))
        await other.asked(1)
        other.answer(0, b"well", "/health")
        return large, await page, other.questions

    (large, page, questions), _ = with_both(test)
    assert large[0] == 413
    assert page[0] == 200
    assert [body for _, _, body in questions] == [b""]


def test_figures_of_this_process_are_added_to_the_other_s() -> None:
    async def test(other: Other, forwarding: Forwarding) -> Any:
        asked = asyncio.create_task(ask(forwarding, "/metrics"))
        await other.asked(1)
        other.answer(0, b"theirs 1\n", "/metrics")
        return await asked

    (_, headers, body), _ = with_both(test)
    assert body.startswith(b"theirs 1\n")
    assert b"unclicked_requests" in body
    assert headers[b"content-length"] == str(len(body)).encode()


def test_a_lost_model_is_told_and_nobody_waits_for_it() -> None:
    async def test(other: Other, forwarding: Forwarding) -> Any:
        waiting = asyncio.create_task(ask(forwarding))
        await other.asked(1)
        other.wire.close()
        first = await waiting
        return first, await ask(forwarding)

    (first, second), lost = with_both(test)
    for status, headers, body in (first, second):
        assert (status, headers[b"retry-after"]) == (503, b"1")
        assert json.loads(body)["error"]["message"] == "the model is not there."
    assert lost == ["lost"]


def test_a_place_is_kept_for_a_body_on_its_way_but_not_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("unclicked.serving.forwarding.DOOR_SECONDS", 0.05)

    async def test(other: Other, forwarding: Forwarding) -> Any:
        come = asyncio.Event()
        slow = asyncio.create_task(ask(forwarding, come=come))
        await asyncio.sleep(0)
        at_door = forwarding.full
        await asyncio.sleep(0.1)
        later = forwarding.full
        quick = asyncio.create_task(ask(forwarding))
        await other.asked(1)
        come.set()
        refused = await slow
        other.answer(0, b"")
        return at_door, later, refused[0], (await quick)[0], forwarding.full

    found, _ = with_both(test, most=1)
    # Whoever was slow finds that somebody else has the place.
    assert found == (True, False, 503, 200, False)


def test_a_question_is_taken_back_when_its_client_has_gone() -> None:
    async def test(other: Other, forwarding: Forwarding) -> Any:
        gone = asyncio.Event()
        first = asyncio.create_task(ask(forwarding, gone=gone))
        await other.asked(1)
        gone.set()
        answer = await first
        await other.asked(2)
        # Her place is free, and the answer that was on its way is nobody's.
        other.answer(0, b"late")
        again = asyncio.create_task(ask(forwarding))
        await other.asked(3)
        other.answer(2, b"well")
        return answer[0], other.questions, (await again)[2]

    (status, questions, again), _ = with_both(test, most=1)
    assert status == 499
    assert questions[1] == (questions[0][0], None, b"")
    assert again == b"well"
