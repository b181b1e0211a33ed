"""A body is read whole, piece by piece."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.requests import Request

from unclicked.serving.body import parse, read_body
from unclicked.serving.problems import Problem


def read(*parts: bytes, most: int = 100) -> Any:
    """What is read of a body that comes in parts; without any, the client goes away."""
    messages = [
        {"type": "http.request", "body": part, "more_body": number < len(parts)}
        for number, part in enumerate(parts, start=1)
    ] or [{"type": "http.disconnect"}]

    async def receive() -> Any:
        return messages.pop(0)

    scope = {"type": "http", "headers": [(b"content-type", b"application/json")]}
    return parse(asyncio.run(read_body(Request(scope, receive), most)))


def refused(*parts: bytes, **options: Any) -> Problem:
    with pytest.raises(Problem) as found:
        read(*parts, **options)
    return found.value


def test_parts_are_put_together() -> None:
    assert read(b'{"a"', b"", b": [1]", b"}") == {"a": [1]}


def test_the_last_part_that_fits_and_the_first_that_does_not() -> None:
    assert read(b"[1,", b"2]", most=5) == [1, 2]
    assert refused(b"[1,", b"22]", most=5).status == 413


def test_who_goes_away_is_told_apart() -> None:
    assert refused().code == "GONE"
    assert refused(b"no JSON").status == 400
