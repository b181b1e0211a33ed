"""What an experiment found, beside the bar that must hold."""

from __future__ import annotations

import sys
import time
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


class Progress:
    """A line on stderr every half minute, for the experiments that take an hour.

    Args:
        name: What is being done.
        total: How many trials there are.
        every: Seconds between two lines.
    """

    def __init__(self, name: str, total: int, every: float = 30.0) -> None:
        self.name, self.total, self.every = name, total, every
        self._begun = self._told = time.perf_counter()

    def say(self, done: int, wrong: int) -> None:
        """Tell how far it is, where the last line is long ago.

        Args:
            done: Trials that ended.
            wrong: Faults found so far.
        """
        now = time.perf_counter()
        if now - self._told < self.every or not done:
            return
        self._told = now
        left = (now - self._begun) / done * (self.total - done)
        line = (
            f"        {self.name}: {done} of {self.total}, {wrong} wrong, {left / 60:.0f} min left"
        )
        print(line, file=sys.stderr, flush=True)
