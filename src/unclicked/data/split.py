"""Whole calendar days at the end of a log, held out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from unclicked.config import SplitConfig
from unclicked.errors import UserError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Boundaries:
    """Moments between training, validation and test, int microseconds UTC, ends exclusive."""

    begin_us: int
    validation_us: int
    test_us: int
    end_us: int


def find_boundaries(
    first_us: int, last_us: int, config: SplitConfig, timezone: str | None
) -> Boundaries:
    """Cut a log at local midnights before its last days.

    Args:
        first_us: Time of the first showing.
        last_us: Time of the last.
        config: How many days are held out.
        timezone: Name of the time zone whose midnights count; UTC where it is None.

    Returns:
        The moments.

    Raises:
        UserError: If the time zone is unknown or no day is left for training.

    Example:
        >>> day = 86_400_000_000
        >>> b = find_boundaries(0, 8 * day - 1, SplitConfig(), None)
        >>> b.validation_us // day, b.test_us // day, b.end_us // day
        (6, 7, 8)
    """
    midnight = local_time(last_us, timezone).replace(hour=0, minute=0, second=0, microsecond=0)
    end = midnight_us(midnight + timedelta(days=1), timezone)
    test = midnight_us(midnight - timedelta(days=config.test_days - 1), timezone)
    days = config.test_days + config.validation_days - 1
    validation = midnight_us(midnight - timedelta(days=days), timezone)
    if validation <= first_us:
        raise UserError(
            "DATA-SPLIT",
            "data.split",
            f"the log runs from {readable(first_us, timezone)} to {readable(last_us, timezone)}; "
            f"{config.test_days} test and {config.validation_days} validation days leave no "
            "day for training. Give more days of the log or hold out fewer.",
        )
    return Boundaries(first_us, validation, test, end)


def readable(moment_us: int, timezone: str | None = None) -> str:
    """A moment for people, as the clocks of a time zone show it.

    Args:
        moment_us: Microseconds since 1970, UTC.
        timezone: Name of the time zone; UTC where it is None.

    Returns:
        Such as `1970-01-02 00:00 UTC`.

    Raises:
        UserError: If the time zone is unknown.

    Example:
        >>> readable(86_400_000_000)
        '1970-01-02 00:00 UTC'
        >>> readable(16 * 3_600_000_000, "Asia/Shanghai")
        '1970-01-02 00:00 Asia/Shanghai'
    """
    return f"{local_time(moment_us, timezone):%Y-%m-%d %H:%M} {timezone or 'UTC'}"


def local_time(moment_us: int, timezone: str | None) -> datetime:
    """What the clocks of a time zone show at a moment.

    Args:
        moment_us: Microseconds since 1970, UTC.
        timezone: Name of the time zone; UTC where it is None.

    Returns:
        Date and time without a zone.

    Raises:
        UserError: If the time zone is unknown.

    Example:
        >>> local_time(0, "Asia/Shanghai").hour
        8
    """
    return (_EPOCH + moment_us * _MICROSECOND).astimezone(_zone(timezone)).replace(tzinfo=None)


def midnight_us(local: datetime, timezone: str | None) -> int:
    """The moment at which the clocks of a time zone show a date and time.

    Args:
        local: Date and time without a zone.
        timezone: Name of the time zone; UTC where it is None.

    Returns:
        Microseconds since 1970, UTC.

    Raises:
        UserError: If the time zone is unknown.

    Example:
        >>> midnight_us(datetime(1970, 1, 2), None)
        86400000000
    """
    return (local.replace(tzinfo=_zone(timezone)) - _EPOCH) // _MICROSECOND


def _zone(name: str | None) -> tzinfo:
    if name is None:
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UserError(
            "CONFIG-VALUE", "data.timezone", f"found {name!r}, expected a name as Asia/Shanghai."
        ) from None
