"""Where a number goes, step by step: a table whose last column draws each part as a bar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from unclicked.page.digits import share
from unclicked.page.markup import cell, escaped, table


@dataclass(frozen=True)
class Step:
    """One line.

    Attributes:
        label: What it counts.
        count: How many.
        kind: "all" for the whole, "removed", or "kept".
    """

    label: str
    count: int
    kind: str


def steps_table(name: str, caption: str, lines: Sequence[Step]) -> str:
    """A whole, what is taken from it, and what is left, each bar where the last one ended.

    Args:
        name: Id of the table.
        caption: What it shows.
        lines: The whole first; removed parts stand at the right end of what was still there.

    Returns:
        A `div` element.

    Example:
        >>> text = steps_table("a", "A", [Step("read", 10, "all"), Step("bad", 4, "removed")])
        >>> "margin-left:60%;width:40%" in text.replace(".00", "")
        True
    """
    whole = max(lines[0].count, 1)
    left, rows = float(whole), []
    for line in lines:
        begin = 0.0
        if line.kind == "removed":
            left -= line.count
            begin = max(left, 0.0)
        rows.append(_row(line, begin, whole))
    heading = [("part", ""), ("count", "number"), ("share", "number"), ("drawn", "wide")]
    return table(name, caption, heading, rows)


def _row(line: Step, begin: float, whole: int) -> str:
    long = min(line.count / whole, 1.0)
    style = f"margin-left:{100 * begin / whole:.2f}%;width:{100 * long:.2f}%"
    bar = f'<span class="bar {line.kind}" style="{style}"></span>' if line.count else ""
    sign = "\N{MINUS SIGN}" if line.kind == "removed" and line.count else ""
    return (
        f'<tr><th scope="row">{escaped(line.label)}</th>'
        f"{cell(f'{sign}{line.count:,}', 'number')}"
        f"{cell(escaped(share(line.count, whole)), 'number')}"
        f'<td class="wide">{bar}</td></tr>'
    )
