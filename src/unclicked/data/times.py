"""Read times of every accepted form as microseconds since 1970, and never guess a unit or zone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from unclicked.data.integers import parse_integers
from unclicked.data.log_columns import is_text
from unclicked.data.raw_file import BoolArray, IntArray, RawFile, RowFaults, as_mask, as_numpy
from unclicked.data.schema import ReadOptions
from unclicked.data.text_times import local_to_utc, parse_iso
from unclicked.errors import UserError

TICKS_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
FIRST_SECOND = 631_152_000
DAY_SECONDS = 86_400
LARGEST_INT64 = 2**63 - 1


@dataclass
class UnitWitness:
    """First integer time seen of each magnitude, over all files and both time columns.

    Args:
        last_second: Latest time that counts as plausible, in seconds since 1970.
        examples: Unit that the magnitude shows -> where it was seen and the value.
        any_integer: Where the first integer time was, whatever its magnitude, and its value.
    """

    last_second: int
    examples: dict[str, tuple[str, int]] = field(default_factory=dict)
    any_integer: tuple[str, int] | None = None

    def see(
        self, raw: RawFile, column: str, ticks: IntArray, mask: BoolArray, unit: str | None
    ) -> None:
        """Note the magnitudes of the integers under a mask, `unit` being the configured one."""
        positions = np.flatnonzero(mask)
        if not len(positions):
            return
        if self.any_integer is None:
            self.any_integer = _example(raw, column, ticks, int(positions[0]))
        rest = mask
        for candidate in [unit, *(u for u in TICKS_PER_SECOND if u != unit)]:
            if candidate is None:
                continue
            inside = rest & in_window(ticks, candidate, self.last_second)
            if inside.any():
                position = int(np.argmax(inside))
                self.examples.setdefault(candidate, _example(raw, column, ticks, position))
                rest = rest & ~inside
            if not rest.any():
                return

    def verify(self, unit: str | None) -> None:
        """Refuse integer times without a configured unit, of another magnitude, or of several.

        Args:
            unit: The configured unit, or None.

        Raises:
            UserError: Names what was seen where, and the setting.
        """
        if self.any_integer is None:
            return
        others = {name: seen for name, seen in self.examples.items() if name != unit}
        if unit is not None and not others:
            return
        if len(self.examples) > 1:
            (unit_a, (where_a, a)), (unit_b, (where_b, b)) = list(self.examples.items())[:2]
            raise UserError(
                "DATA-TIME-UNIT",
                where_a,
                f"found {a}, which reads as {unit_a}, but {b} at {where_b} reads as {unit_b}; "
                "expected one unit in all files. Convert one of them.",
            )
        seen = next(iter(others), None)
        where, value = others[seen] if seen else self.any_integer
        size = f"its size says {seen}" if seen else "its size fits no unit"
        hint = f'Set data.time_unit = "{seen if seen in ("s", "ms", "us") else "s"}"'
        if seen == "ns":
            hint = "Convert it to a timestamp type or to microseconds"
        setting = "no data.time_unit is set" if unit is None else f'data.time_unit = "{unit}"'
        raise UserError("DATA-TIME-UNIT", where, f"found {value}: {setting}, but {size}. {hint}.")


def in_window(ticks: IntArray, unit: str, last_second: int) -> BoolArray:
    """Whether times lie between 1990-01-01 and the latest plausible second.

    Args:
        ticks: int64 [n], times since 1970 in `unit`.
        unit: `"s"`, `"ms"`, `"us"` or `"ns"`.
        last_second: Latest second since 1970.

    Returns:
        bool [n].

    Example:
        >>> in_window(np.array([0, 1_700_000_000]), "s", 2_000_000_000).tolist()
        [False, True]
    """
    scale = TICKS_PER_SECOND[unit]
    return (ticks >= FIRST_SECOND * scale) & (ticks <= last_second * scale)


def read_times(
    raw: RawFile,
    column: str,
    faults: RowFaults,
    options: ReadOptions,
    witness: UnitWitness,
) -> tuple[IntArray, BoolArray]:
    """Read one time column of one file and mark its bad rows.

    Nanoseconds are cut to whole microseconds. A timestamp type without a zone counts as UTC
    unless `options.timezone` names one. An empty text is a null.

    Args:
        raw: The file.
        column: `"timestamp"`, or `"clicked_at"`, where nulls are allowed.
        faults: Takes the rows whose time is null, no time, or outside the plausible years.
        options: `time_unit` for integers, `timezone` for text.
        witness: Takes the magnitudes of integers.

    Returns:
        Microseconds since 1970, int64 [n], 0 where there is none, and the mask of nulls [n].

    Raises:
        UserError: Text without an offset while no time zone is set, or an unknown zone.
    """
    values = raw.table.column(column)
    null = as_mask(pc.is_null(values))
    if is_text(values.type):
        null |= as_mask(pc.equal(pc.binary_length(values), 0))
    if column == "timestamp":
        faults.mark(null, column, "a time, neither null nor empty")
    if is_text(values.type):
        return _read_text(raw, column, null, faults, options, witness), null
    if pa.types.is_null(values.type):
        return np.zeros(len(values), dtype=np.int64), null
    if pa.types.is_timestamp(values.type):
        unit = str(values.type.unit)
        ticks = as_numpy(values.cast(pa.int64()), 0).astype(np.int64, copy=False)
        local = values.type.tz is None and options.timezone is not None
    else:
        unit, local = options.time_unit or "s", False
        ticks = _integer_ticks(values)
        witness.see(raw, column, ticks, ~null, options.time_unit)
    us = _checked(column, ticks, unit, ~null, faults, witness.last_second)
    if local:
        us = _from_local(column, us, ~null, faults, str(options.timezone))
    return us, null


def _read_text(
    raw: RawFile,
    column: str,
    null: BoolArray,
    faults: RowFaults,
    options: ReadOptions,
    witness: UnitWitness,
) -> IntArray:
    values = raw.table.column(column)
    integers = parse_integers(values)
    is_integer = integers.fits | integers.too_large
    ticks = np.where(integers.too_large, LARGEST_INT64, integers.values)
    witness.see(raw, column, ticks, is_integer, options.time_unit)
    us = _checked(column, ticks, options.time_unit or "s", is_integer, faults, witness.last_second)
    rest = ~is_integer & ~null
    if not rest.any():
        return us
    positions = np.flatnonzero(rest)
    parsed = parse_iso(values.take(pa.array(positions)))
    bad = np.zeros(len(us), dtype=np.bool_)
    bad[positions[~parsed.valid]] = True
    faults.mark(bad, column, "a finite time: an integer, or text such as 2024-01-31T23:59:59Z")
    us[positions] = parsed.us
    naive = np.zeros(len(us), dtype=np.bool_)
    naive[positions[parsed.valid & ~parsed.has_offset]] = True
    if naive.any():
        if options.timezone is None:
            raise _no_timezone(raw, column, int(np.argmax(naive)))
        us = _from_local(column, us, naive, faults, options.timezone)
    return _checked(column, us, "us", rest & ~bad, faults, witness.last_second, us)


def _checked(
    column: str,
    ticks: IntArray,
    unit: str,
    mask: BoolArray,
    faults: RowFaults,
    last_second: int,
    otherwise: IntArray | None = None,
) -> IntArray:
    """Microseconds where the mask holds and the time is plausible; other rows are marked."""
    inside = in_window(ticks, unit, last_second)
    faults.mark(mask & ~inside, column, _date_rule(ticks, unit))
    scale = TICKS_PER_SECOND[unit]
    safe = np.where(mask & inside, ticks, 0)
    us = safe // 1000 if scale > 1_000_000 else safe * (1_000_000 // scale)
    return us if otherwise is None else np.where(mask, us, otherwise)


def _date_rule(ticks: IntArray, unit: str) -> Callable[[int], str]:
    def rule(position: int) -> str:
        reading = read_as_date(int(ticks[position]), unit)
        return f"a time from 1990-01-01 to one day from now; it reads as {reading}"

    return rule


def read_as_date(ticks: int, unit: str) -> str:
    """How an integer time reads as a date.

    Args:
        ticks: Time since 1970 in `unit`, of any size.
        unit: `"s"`, `"ms"`, `"us"` or `"ns"`.

    Returns:
        Date and second in UTC, or that the year has no four digits.

    Example:
        >>> read_as_date(0, "s")
        '1970-01-01 00:00:00 UTC'
        >>> read_as_date(1_700_000_000_000, "s")
        'a year beyond 9999'
    """
    try:
        moment = dt.datetime(1970, 1, 1) + dt.timedelta(seconds=ticks // TICKS_PER_SECOND[unit])
    except OverflowError:
        return "a year beyond 9999" if ticks > 0 else "a year before 1"
    return f"{moment} UTC"


def _from_local(
    column: str, us: IntArray, mask: BoolArray, faults: RowFaults, timezone: str
) -> IntArray:
    converted, unclear = local_to_utc(np.where(mask, us, 0), timezone)
    faults.mark(
        mask & unclear, column, f"a local time that exists once in {timezone} (the clock changes)"
    )
    return np.where(mask, converted, us)


def _integer_ticks(values: pa.ChunkedArray) -> IntArray:
    if pa.types.is_uint64(values.type):
        values = pc.min_element_wise(
            values, pa.scalar(LARGEST_INT64, pa.uint64()), skip_nulls=False
        )
    return as_numpy(values.cast(pa.int64()), 0).astype(np.int64, copy=False)


def _example(raw: RawFile, column: str, ticks: IntArray, position: int) -> tuple[str, int]:
    return raw.bad_row(position, column, "").where, int(ticks[position])


def _no_timezone(raw: RawFile, column: str, position: int) -> UserError:
    bad = raw.bad_row(position, column, "")
    return UserError(
        "DATA-TIMEZONE",
        bad.where,
        f'found "{bad.value}" without an offset and no data.timezone is set. '
        'Set it to the zone of the log, such as "UTC" or "Asia/Shanghai".',
    )
