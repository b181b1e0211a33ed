"""Numbers as people read them: percent, percentage points, p values, seconds."""

from __future__ import annotations

from unclicked.report.facts import BasedRow

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


def interval(row: BasedRow) -> str:
    """The interval of a difference.

    Args:
        row: A comparison.

    Returns:
        Both ends in percentage points.
    """
    low, high = row["ci95"]
    return f"{points(low)} to {points(high)}"


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
