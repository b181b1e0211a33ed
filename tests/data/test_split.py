"""Whole local days are held out."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from unclicked.config import SplitConfig
from unclicked.data.split import find_boundaries
from unclicked.errors import UserError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(text: str, zone: str = "UTC") -> int:
    """Microseconds of a local time."""
    local = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    return round((local - EPOCH).total_seconds()) * 1_000_000


@pytest.mark.parametrize(
    ("zone", "first", "last", "validation", "test", "end"),
    [
        # 17:00 in London is already the next day in Shanghai.
        ("UTC", "2024-03-01T08", "2024-03-08T17", "2024-03-07", "2024-03-08", "2024-03-09"),
        (
            "Asia/Shanghai",
            "2024-03-01T08",
            "2024-03-08T17",
            "2024-03-07T16",
            "2024-03-08T16",
            "2024-03-09T16",
        ),
        # New York: 10 March 2024 has 23 hours, so its midnights are 5 and 4 hours behind.
        (
            "America/New_York",
            "2024-03-01T08",
            "2024-03-11T12",
            "2024-03-10T05",
            "2024-03-11T04",
            "2024-03-12T04",
        ),
        # And 3 November has 25.
        (
            "America/New_York",
            "2024-10-20T08",
            "2024-11-03T23",
            "2024-11-02T04",
            "2024-11-03T04",
            "2024-11-04T05",
        ),
        # Beirut skips the hour after midnight on 31 March: that day begins at 01:00.
        (
            "Asia/Beirut",
            "2024-03-20T08",
            "2024-03-31T12",
            "2024-03-29T22",
            "2024-03-30T22",
            "2024-03-31T21",
        ),
    ],
)
def test_days_are_local(
    zone: str, first: str, last: str, validation: str, test: str, end: str
) -> None:
    found = find_boundaries(moment(first), moment(last), SplitConfig(), zone)
    assert found.begin_us == moment(first)
    assert found.validation_us == moment(validation)
    assert found.test_us == moment(test)
    assert found.end_us == moment(end)


def test_a_showing_at_midnight_opens_a_day() -> None:
    midnight = moment("2024-03-08")
    before = find_boundaries(0, midnight - 1, SplitConfig(), None)
    after = find_boundaries(0, midnight, SplitConfig(), None)
    assert before.end_us == midnight
    assert after.test_us == midnight


def test_several_days_are_held_out() -> None:
    config = SplitConfig(test_days=2, validation_days=3)
    found = find_boundaries(moment("2024-03-01"), moment("2024-03-08T12"), config, None)
    assert found.validation_us == moment("2024-03-04")
    assert found.test_us == moment("2024-03-07")


def test_a_log_without_a_training_day_is_refused() -> None:
    first, last = moment("2024-03-07T01"), moment("2024-03-08T12")
    with pytest.raises(UserError, match=r"2024-03-07 01:00 UTC to 2024-03-08 12:00 UTC.*no day"):
        find_boundaries(first, last, SplitConfig(), None)
    with pytest.raises(UserError, match=r"2024-03-07 09:00 Asia/Shanghai to 2024-03-08 20:00 Asia"):
        find_boundaries(first, last, SplitConfig(), "Asia/Shanghai")


@pytest.mark.parametrize("zone", ["Asia/Nowhere", "", "../etc", "a\0b"])
def test_an_unknown_zone_is_refused(zone: str) -> None:
    with pytest.raises(UserError, match=r"data\.timezone"):
        find_boundaries(0, moment("2024-03-08"), SplitConfig(), zone)
