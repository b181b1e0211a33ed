"""Rows of a benchmark as lines for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from unclicked.bench.ratio import Row


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
        spread = f"{row.min:.2f} to {row.max:.2f} in {row.runs} round{'s' if row.runs > 1 else ''}"
        lines.append(f"{row.what}: {row.ratio:.2f} times {row.against} ({spread})")
        lines.append(f"  {row.ours:,.1f} {row.unit} against {row.theirs:,.1f} {row.unit}")
    return lines
