"""Kept events as text in JSON, read back strictly."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from typing import Any

from unclicked.serving.state import Record, StateError, place

LARGEST = (1 << 63) - 1


def encode(records: Sequence[Record]) -> bytes:
    """The text that is kept of a user.

    Args:
        records: Her events, in order of time.

    Returns:
        JSON in ASCII.

    Example:
        >>> encode([Record("7", 5, True, 9), Record(7, 6, False, None, "s")])
        b'[["7",5,true,9,null],[7,6,false,null,"s"]]'
    """
    rows = [
        [one.item_id, one.time_us, one.clicked, one.clicked_at_us, one.session_id]
        for one in records
    ]
    return json.dumps(rows, separators=(",", ":"), allow_nan=False).encode("ascii")


def decode(text: object, key: bytes) -> list[Record]:
    """A user's events from what is kept; nothing is guessed.

    Args:
        text: What the key holds, bytes; None where it is not there.
        key: Where it was read, for the message.

    Returns:
        Her events.

    Raises:
        StateError: If it is nothing that `encode` writes.

    Example:
        >>> decode(b'[[7,5,true,9,null]]', b"k")[0].clicked_at_us
        9
    """
    if text is None:
        return []
    rows = None
    if isinstance(text, bytes):
        with contextlib.suppress(ValueError, RecursionError):
            rows = json.loads(text.decode("ascii"))
    if isinstance(rows, list) and all(map(_is_row, rows)):
        records = [Record(*row) for row in rows]
        places = [place(one) for one in records]
        if all(one < other for one, other in zip(places, places[1:], strict=False)):
            return records
    raise StateError(
        f"The key {shown(key)} in Redis holds something that was not written here. "
        "Use another number of database, or delete the key."
    )


def shown(key: bytes) -> str:
    """A key as a message may show it.

    Args:
        key: Any bytes.

    Returns:
        At most 120 characters of ASCII.

    Example:
        >>> shown("\u00fc:7".encode())
        "'\\\\xfc:7'"
    """
    return ascii(key.decode("utf-8", "replace"))[:120]


def _is_row(row: Any) -> bool:
    if not isinstance(row, list) or len(row) != 5:
        return False
    item, time, clicked, clicked_at, session = row
    return (
        (isinstance(item, str) or _is_int(item))
        and _is_int(time)
        and isinstance(clicked, bool)
        and (clicked_at is None or _is_int(clicked_at))
        and (session is None or isinstance(session, str))
    )


def _is_int(value: Any) -> bool:
    return type(value) is int and -LARGEST - 1 <= value <= LARGEST
