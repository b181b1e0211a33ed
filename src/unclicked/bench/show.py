"""Rows of a benchmark as lines for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from unclicked.bench.ratio import Row

_TWO_DIGITS = ("GiB", "times")


def as_lines(rows: Sequence[Row], machine: Mapping[str, str | int]) -> list[str]:
    """The machine, then two lines for each comparison.

    Args:
        rows: Comparisons.
        machine: What `machine` told.

    Returns:
        Lines.

    Example:
        >>> row = Row("search", "matmul", 2.0, 1.5, 2.5, 5, "ms", 10.0, 20.0)
        >>> print("\\n".join(as_lines([row], {"cpu": "X", "instructions": "AVX2", "threads": 2})))
        X, AVX2, 2 threads
        search: 2.00 times matmul (1.50 to 2.50 in 5 rounds)
          10.0 ms against 20.0 ms
    """
    head = f"{machine['cpu']}, {machine['instructions']}, {machine['threads']} threads"
    lines = [head]
    for row in rows:
        ratio, low, high = (_number(value, "times") for value in (row.ratio, row.min, row.max))
        spread = f"{low} to {high} in {row.runs} round{'s' if row.runs > 1 else ''}"
        lines.append(f"{row.what}: {ratio} times {row.against} ({spread})")
        ours, theirs = (_number(value, row.unit) for value in (row.ours, row.theirs))
        lines.append(f"  {ours} {row.unit} against {theirs} {row.unit}")
    return lines


def _number(value: float, unit: str) -> str:
    """Digits enough to hold against a bound: what is below a hundredth has two that count."""
    if 0 < abs(value) < 0.01:
        return f"{value:.1e}"
    return f"{value:,.2f}" if unit in _TWO_DIGITS else f"{value:,.1f}"
