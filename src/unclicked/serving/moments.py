"""Times of requests as microseconds since 1970; a unit or a zone is never guessed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from unclicked.serving.problems import Problem

_FACTOR = {"s": 1_000_000, "ms": 1_000, "us": 1}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST_US = 253_402_300_800_000_000


def microseconds(value: int | str, unit: str | None, path: str) -> int:
    """A time of a request.

    Args:
        value: ISO 8601 text with an offset, or an integer.
        unit: Unit of integers: "s", "ms" or "us"; None where neither request nor log name one.
        path: JSON path, for the error.

    Returns:
        Microseconds since 1970, below the year 10000.

    Raises:
        Problem: If it is none, or its unit is not known.

    Example:
        >>> microseconds("1970-01-01T01:00:01+01:00", None, "now"), microseconds(2, "ms", "now")
        (1000000, 2000)
    """
    if isinstance(value, str):
        found = _iso(value, path)
    elif unit is None:
        raise Problem(422, "TIME", "an integer needs time_unit: s, ms or us.", path)
    else:
        found = value * _FACTOR[unit]
    if not 0 <= found < LATEST_US:
        raise Problem(422, "TIME", "lies before 1970 or after 9999; is time_unit right?", path)
    return found


def _iso(text: str, path: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
        offset = moment.utcoffset()
        if offset is None:
            raise ValueError
        return (moment - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        why = "expected ISO 8601 with an offset, as 2026-11-28T12:00:00Z."
        raise Problem(422, "TIME", why, path) from None
