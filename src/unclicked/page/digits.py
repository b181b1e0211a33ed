"""Numbers as people read them: percent, percentage points, p values, seconds."""

from __future__ import annotations

from collections.abc import Sequence

SMALLEST_P = 1e-4


def percent(value: float) -> str:
    """A fraction of one in percent.

    Args:
        value: The fraction.

    Returns:
        Two decimals and the sign.

    Example:
        >>> percent(0.4321)
        '43.21 %'
    """
    return f"{100 * value:.2f} %"


def points(value: float) -> str:
    """A difference of two fractions of one in percentage points, always with its sign.

    Args:
        value: The difference.

    Returns:
        Two decimals.

    Example:
        >>> points(0.0123), points(-0.5)
        ('+1.23', '-50.00')
    """
    return f"{100 * value:+.2f}"


def interval(ends: Sequence[float]) -> str:
    """The interval of a difference.

    Args:
        ends: Lower and upper end, fractions of one.

    Returns:
        Both ends in percentage points.

    Example:
        >>> interval([-0.001, 0.02])
        '-0.10 to +2.00'
    """
    low, high = ends
    return f"{points(low)} to {points(high)}"


def interval_of(ends: Sequence[float], decimals: int = 4) -> str:
    """An interval of plain numbers.

    Args:
        ends: Lower and upper end.
        decimals: Digits after the point.

    Returns:
        Both ends with their signs.

    Example:
        >>> interval_of([-0.001, 0.02], 3)
        '-0.001 to +0.020'
    """
    low, high = ends
    return f"{low:+.{decimals}f} to {high:+.{decimals}f}"


def p_value(p: float) -> str:
    """A p value.

    Args:
        p: The value, 0 to 1.

    Returns:
        Four decimals, or a bound.

    Example:
        >>> p_value(0.03), p_value(1e-9)
        ('0.0300', '<0.0001')
    """
    return "<0.0001" if p < SMALLEST_P else f"{p:.4f}"


def p_equals(p: float) -> str:
    """A p value in a sentence.

    Args:
        p: The value, 0 to 1.

    Returns:
        Such as `p = 0.0300`.

    Example:
        >>> p_equals(0.03), p_equals(0.0)
        ('p = 0.0300', 'p < 0.0001')
    """
    text = p_value(p)
    return f"p < {text[1:]}" if text.startswith("<") else f"p = {text}"


def duration(seconds: float) -> str:
    """A time that something took.

    Args:
        seconds: The time.

    Returns:
        One decimal below ten seconds, whole seconds above.

    Example:
        >>> duration(3.14), duration(75.4)
        ('3.1 s', '75 s')
    """
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"


def share(part: float, whole: float) -> str:
    """A part of a whole in percent, short.

    Args:
        part: The part.
        whole: The whole.

    Returns:
        One decimal below ten percent, else none; never 0 % or 100 % where that is not exact.

    Example:
        >>> share(1, 4), share(1, 40), share(0, 0), share(1, 100_000), share(99_999, 100_000)
        ('25 %', '2.5 %', '0 %', '<0.1 %', '>99 %')
    """
    if not part or not whole:
        return "0 %"
    percents = 100 * part / whole
    if percents < 0.1:
        return "<0.1 %"
    if 99.5 <= percents < 100:
        return ">99 %"
    return f"{percents:.0f} %" if round(percents, 1) >= 10 else f"{percents:.1f} %"
