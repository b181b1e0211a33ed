"""Read ISO 8601 text as times, and local times as UTC."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from unclicked.data.raw_file import BoolArray, IntArray, as_mask, as_numpy
from unclicked.errors import UserError

ISO = (
    r"^(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})[T ]"
    r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?)?"
    r" ?(?P<zone>Z|(?P<sign>[+-])(?P<zone_hour>[0-9]{2})(?::?(?P<zone_minute>[0-9]{2}))?)?$"
)
RANGES = {
    "year": (1, 9999),
    "month": (1, 12),
    "day": (1, 31),
    "hour": (0, 23),
    "minute": (0, 59),
    "second": (0, 59),
    "zone_hour": (0, 15),
    "zone_minute": (0, 59),
}


@dataclass(frozen=True)
class IsoTimes:
    """Texts read as times.

    Args:
        us: int64 [n], microseconds since 1970, in UTC where the text has an offset and as the
            local clock shows where it has none; 0 where the text is no time.
        valid: bool [n], True where the text is a time of the calendar.
        has_offset: bool [n], True where it ends with `Z` or an offset.
    """

    us: IntArray
    valid: BoolArray
    has_offset: BoolArray


def parse_iso(texts: pa.ChunkedArray) -> IsoTimes:
    """Read ISO 8601 texts with a date and at least hour and minute.

    Digits beyond the microsecond are cut. A leap second (60) is no time.

    Args:
        texts: Text column [n].

    Returns:
        Times and masks.

    Example:
        >>> parse_iso(pa.chunked_array([["1970-01-01T01:00:00.5+01:00"]])).us.tolist()
        [500000]
    """
    fields = pc.extract_regex(texts, pattern=ISO)
    valid = ~as_mask(pc.is_null(fields))
    parts = {name: _number(fields, name) for name in RANGES}
    for name, (low, high) in RANGES.items():
        valid &= (parts[name] >= low) & (parts[name] <= high)
    month, day = parts["month"], parts["day"]
    months = (parts["year"] - 1970) * 12 + np.clip(month, 1, 12) - 1
    starts = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    ends = (months + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    valid &= day <= ends - starts
    minutes = (parts["hour"] * 60) + parts["minute"]
    offset = parts["zone_hour"] * 60 + parts["zone_minute"]
    offset = np.where(as_mask(pc.equal(_field(fields, "sign"), "-")), -offset, offset)
    seconds = ((starts + day - 1) * 1440 + minutes - offset) * 60 + parts["second"]
    fraction = pc.utf8_slice_codeunits(
        pc.utf8_rpad(pc.fill_null(_field(fields, "fraction"), ""), 6, padding="0"), 0, 6
    )
    us = seconds * 1_000_000 + as_numpy(fraction.cast(pa.int64()), 0).astype(np.int64)
    zone = as_mask(pc.greater(pc.binary_length(_field(fields, "zone")), 0))
    return IsoTimes(np.where(valid, us, 0), valid, zone & valid)


def check_timezone(timezone: str | None) -> None:
    """Make sure that a time zone is known.

    Args:
        timezone: IANA name, or None.

    Raises:
        UserError: No such zone.
    """
    if timezone is None:
        return
    try:
        local_to_utc(np.zeros(1, dtype=np.int64), timezone)
    except (pa.ArrowException, ValueError) as error:
        raise UserError(
            "CONFIG-VALUE",
            "data.timezone",
            f'"{timezone}" is no time zone. Use an IANA name such as "UTC" or "Europe/Berlin".',
        ) from error


def local_to_utc(us: IntArray, timezone: str) -> tuple[IntArray, BoolArray]:
    """Turn what the clock of a zone shows into UTC.

    Args:
        us: int64 [n], microseconds of the local clock since 1970.
        timezone: IANA name of the zone.

    Returns:
        Microseconds since 1970 in UTC, and the mask of local times that the zone has twice or
        never, because the clock changes.

    Example:
        >>> local_to_utc(np.array([3_600_000_000]), "Europe/Berlin")[0].tolist()
        [0]
    """
    local = pa.array(us).cast(pa.timestamp("us"))
    first, last = (
        np.asarray(
            pc.assume_timezone(local, timezone, ambiguous=way, nonexistent=way)
            .cast(pa.int64())
            .to_numpy()
        )
        for way in ("earliest", "latest")
    )
    return first, first != last


def _field(fields: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    return pc.struct_field(fields, name)


def _number(fields: pa.ChunkedArray, name: str) -> IntArray:
    """A group as an integer; a group that is not there counts as 0."""
    text = pc.fill_null(_field(fields, name), "")
    digits = pc.if_else(pc.equal(text, ""), "0", text)
    return as_numpy(digits.cast(pa.int64()), 0).astype(np.int64)
