"""A comparison of runs as text, Markdown, LaTeX or JSON."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Callable, Sequence
from typing import TypedDict

from unclicked.errors import UserError


class ComparisonRow(TypedDict):
    """One run against the base on one metric; fractions of one, not percent."""

    run: str
    metric: str
    base_mean: float
    run_mean: float
    difference: float
    relative: float | None
    ci95: list[float]
    p: float
    p_holm: float
    users: int
    detectable: float
    base_seeds: int
    run_seeds: int
    run_std_over_seeds: float | None


class ComparisonResult(TypedDict):
    """What `compare_runs` returns."""

    base: str
    split: str
    comparisons: list[ComparisonRow]


HEADER = (
    "run",
    "metric",
    "base %",
    "run %",
    "difference",
    "95 % interval",
    "relative %",
    "p",
    "p (Holm)",
    "users",
    "detectable",
    "seeds",
    "sd over seeds",
)
# The run and the metric, which every part of a table that was cut begins with.
NUM_KEYS = 2
LATEX_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
}


def format_comparison(
    result: ComparisonResult, format: str = "text", *, width: int | None = None
) -> str:
    """Render a comparison for people, or for scripts.

    Args:
        result: What `compare_runs` returned.
        format: `text`, `md`, `latex` or `json`.
        width: Characters that fit a line; a wider text table is cut into parts that stand under
            each other. None cuts nothing, and the other formats are never cut.

    Returns:
        A table in percent with two decimals, where differences, intervals, detectable differences
        and deviations over seeds are percentage points; or one JSON object with all digits. No
        line break at the end.

    Raises:
        UserError: The format is not known.

    Example:
        >>> print(format_comparison({"base": "a", "split": "test", "comparisons": []}, "json"))
        {"base": "a", "split": "test", "comparisons": []}
    """
    if format not in FORMATS:
        raise UserError(
            "COMPARE-FORMAT", "format", f"found '{format}', expected one of {', '.join(FORMATS)}."
        )
    if format == "text":
        return _text(result, width)
    return FORMATS[format](result)


def _text(result: ComparisonResult, width: int | None = None) -> str:
    table = [HEADER, *map(_cells, result["comparisons"])]
    lines = _lines(table)
    if width is None:
        return "\n".join([*lines, "", _note(result)])
    note = textwrap.wrap(_note(result), width)
    if max(map(len, lines)) <= width:
        return "\n".join([*lines, "", *note])
    # Runs of one experiment differ in the end of their names.
    table = [(_tail(line[0], width // 3), *line[1:]) for line in table]
    lines = [line for part in _parts(table, width) for line in (*_lines(part), "")]
    return "\n".join([*lines, *note])


def _tail(name: str, most: int) -> str:
    """The end of a name, where it is longer than most characters."""
    most = max(most, len(HEADER[0]) + 1)
    return name if len(name) <= most else f"\N{HORIZONTAL ELLIPSIS}{name[1 - most :]}"


def _parts(table: Sequence[Sequence[str]], width: int) -> list[list[list[str]]]:
    """The table's columns in as few parts as fit a width, each with the run and the metric."""
    wide = [max(len(line[column]) for line in table) + 2 for column in range(len(HEADER))]
    keys = list(range(NUM_KEYS))
    parts: list[list[int]] = []
    for column in range(NUM_KEYS, len(HEADER)):
        last = [] if not parts else parts[-1]
        # The last column of a line has no gap behind it.
        if not last or sum(wide[one] for one in (*last, column)) - 2 > width:
            parts.append([*keys, column])
        else:
            last.append(column)
    return [[[line[column] for column in part] for line in table] for part in parts]


def _lines(table: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if column < NUM_KEYS else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in table
    ]
    lines.insert(1, "-" * max(map(len, lines)))
    return lines


def _markdown(result: ComparisonResult) -> str:
    ruler = "|" + "|".join("---" if column < 2 else "---:" for column in range(len(HEADER))) + "|"
    rows = [_markdown_line(_cells(row)) for row in result["comparisons"]]
    return "\n".join([_markdown_line(HEADER), ruler, *rows, "", _note(result)])


def _markdown_line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _latex(result: ComparisonResult) -> str:
    rows = [_latex_line(_cells(row)) for row in result["comparisons"]]
    return "\n".join(
        [
            r"\begin{tabular}{ll" + "r" * (len(HEADER) - 2) + "}",
            r"\hline",
            _latex_line(HEADER),
            r"\hline",
            *rows,
            r"\hline",
            r"\end{tabular}",
            r"\par " + _latex_escape(_note(result)),
        ]
    )


def _latex_line(cells: Sequence[str]) -> str:
    return " & ".join(map(_latex_escape, cells)) + r" \\"


def _latex_escape(cell: str) -> str:
    escaped = "".join(LATEX_SPECIAL.get(character, character) for character in cell)
    # A hyphen before a number would print as a hyphen, not as a minus.
    return re.sub(r"(?<![\w.])([+-])(\d+\.\d+)", r"$\1\2$", escaped)


def _json(result: ComparisonResult) -> str:
    return json.dumps(result, allow_nan=False, ensure_ascii=False)


def _cells(row: ComparisonRow) -> tuple[str, ...]:
    low, high = row["ci95"]
    relative, deviation = row["relative"], row["run_std_over_seeds"]
    return (
        row["run"],
        row["metric"],
        f"{100 * row['base_mean']:.2f}",
        f"{100 * row['run_mean']:.2f}",
        f"{100 * row['difference']:+.2f}",
        f"[{100 * low:+.2f}, {100 * high:+.2f}]",
        "n/a" if relative is None else f"{100 * relative:+.2f}",
        _p_value(row["p"]),
        _p_value(row["p_holm"]),
        str(row["users"]),
        f"{100 * row['detectable']:.2f}",
        f"{row['base_seeds']}/{row['run_seeds']}",
        "n/a" if deviation is None else f"{100 * deviation:.2f}",
    )


def _p_value(p: float) -> str:
    return "<0.0001" if p < 1e-4 else f"{p:.4f}"


def _note(result: ComparisonResult) -> str:
    return (
        f"Base: {result['base']}, split: {result['split']}. Differences, intervals and detectable "
        "differences in percentage points; two-tailed paired t-test over users, Holm over all "
        "rows. Detectable: the smallest difference that this number of users would show in 80 % of "
        "repetitions (normal approximation). Seeds: of the base / of the run."
    )


FORMATS: dict[str, Callable[[ComparisonResult], str]] = {
    "text": _text,
    "md": _markdown,
    "latex": _latex,
    "json": _json,
}
