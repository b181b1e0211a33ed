"""What an experiment found, beside the bar that must hold."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One number of one experiment.

    Args:
        name: What was counted, such as `rows: refused with the right place`.
        value: What came out, with its unit.
        bar: What must hold; empty for a figure that is only told.
        ok: Whether it holds.
        seconds: How long it took; 0 where it came out of another figure's work.
    """

    name: str
    value: str
    bar: str
    ok: bool
    seconds: float = 0.0

    @property
    def line(self) -> str:
        """The figure as one line for a terminal."""
        bar = f"   (bar: {self.bar})" if self.bar else ""
        took = f"   {self.seconds:.1f} s" if self.seconds else ""
        return f"{'ok' if self.ok else 'FAILED':<7} {self.name}: {self.value}{bar}{took}"


def count(name: str, found: int, of: int, *, seconds: float = 0.0) -> Figure:
    """A figure that must be complete.

    Args:
        name: What was counted.
        found: How many there were.
        of: How many there must be.
        seconds: How long it took.

    Returns:
        The figure.

    Example:
        >>> count("kills survived", 3, 3).line
        'ok      kills survived: 3 of 3   (bar: all)'
    """
    return Figure(name, f"{found} of {of}", "all", found == of, seconds)


def none(name: str, found: int, *, seconds: float = 0.0) -> Figure:
    """A figure that must be 0.

    Args:
        name: What was counted.
        found: How many there were.
        seconds: How long it took.

    Returns:
        The figure.

    Example:
        >>> none("lost", 1).line
        'FAILED  lost: 1   (bar: 0)'
    """
    return Figure(name, str(found), "0", found == 0, seconds)


def told(name: str, value: str) -> Figure:
    """A figure without a bar.

    Args:
        name: What was measured.
        value: What came out.

    Returns:
        The figure.
    """
    return Figure(name, value, "", True)
