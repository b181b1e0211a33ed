"""Numbers as people read them."""

from __future__ import annotations

import pytest

from unclicked.page.digits import duration, interval, interval_of, p_equals, points, share


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 10, "0 %"),
        (10, 10, "100 %"),
        (1, 3, "33 %"),
        (1, 1001, "<0.1 %"),
        (999, 1000, ">99 %"),
        (99, 1000, "9.9 %"),
        (5, 0, "0 %"),
    ],
)
def test_a_share_is_never_rounded_to_nothing_or_all(part: int, whole: int, text: str) -> None:
    assert share(part, whole) == text


def test_signs_are_always_there() -> None:
    assert points(0.0) == "+0.00"
    assert interval([-0.5, 0.25]) == "-50.00 to +25.00"
    assert interval_of([0.12345, 1.0], 2) == "+0.12 to +1.00"


def test_small_ones() -> None:
    assert p_equals(0.99e-4) == "p < 0.0001"
    assert duration(9.94) == "9.9 s"
