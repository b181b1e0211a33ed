"""Read a body: bounded in bytes and time, JSON that means one thing only."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.requests import ClientDisconnect, Request

from unclicked.serving.problems import Problem

SECONDS = 5.0


async def read_body(request: Request, most_bytes: int) -> bytes:
    """The bytes of a request's body, which its headers call JSON.

    Args:
        request: The request.
        most_bytes: Largest body.

    Returns:
        The bytes.

    Raises:
        Problem: If it is too large or slow, compressed, or of another type.
    """
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json":
        raise Problem(415, "CONTENT-TYPE", "expected content-type application/json.")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem(415, "CONTENT-ENCODING", "expected a body that is not compressed.")
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or not length.isascii():
        raise Problem(400, "CONTENT-LENGTH", "expected a number of bytes.")
    if len(length) > 12 or int(length) > most_bytes:
        raise _too_large(most_bytes)
    try:
        async with asyncio.timeout(SECONDS):
            return await _bytes(request, most_bytes)
    except TimeoutError:
        why = f"the body did not arrive within {SECONDS:g} seconds."
        raise Problem(408, "SLOW", why, headers={"Connection": "close"}) from None
    except ClientDisconnect:
        raise Problem(400, "GONE", "the client went away.") from None


async def _bytes(request: Request, most_bytes: int) -> bytes:
    # Not `request.stream()`: a generator for each request is a good part of what one costs.
    body = bytearray()
    more = True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > most_bytes:
            raise _too_large(most_bytes)
        more = message.get("more_body", False)
    return bytes(body)


def _too_large(most_bytes: int) -> Problem:
    return Problem(
        413,
        "TOO-LARGE",
        f"expected a body of at most {most_bytes:,} bytes.",
        headers={"Connection": "close"},
    )


def parse(body: bytes) -> Any:
    """JSON in UTF-8 without NaN, infinity or a key twice.

    Args:
        body: Bytes.

    Returns:
        What they hold.

    Raises:
        Problem: If they are something else.

    Example:
        >>> parse(b'{"a": [1]}')
        {'a': [1]}
    """
    try:
        return json.loads(body.decode("utf-8"), object_pairs_hook=_once, parse_constant=_constant)
    except RecursionError:
        raise Problem(400, "JSON", "is nested too deeply.") from None
    except UnicodeDecodeError:
        raise Problem(400, "JSON", "is no UTF-8.") from None
    except ValueError as error:
        reason = str(error) if isinstance(error, _Ambiguous | json.JSONDecodeError) else "a number"
        raise Problem(400, "JSON", f"is no plain JSON: {reason.split(' (')[0]}.") from None


class _Ambiguous(ValueError):
    """What readers of JSON understand differently."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Ambiguous("a key stands there twice")
    return found


def _constant(name: str) -> Any:
    raise _Ambiguous(f"{name} is no number")
