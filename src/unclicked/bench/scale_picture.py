"""The picture of how a step grows: one panel for each axis, time and memory."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from unclicked.bench.ratio import Row

NAMED = re.compile(r"^(?P<what>.+) with (?P<value>[\d,]+) (?P<axis>.+)$")
# Of the two accents of our pages: time, and memory.
COLOURS = {"ms": "#0b6e4f", "GiB": "#b5651d"}
TITLES = {"ms": "milliseconds", "GiB": "peak of memory, GiB"}


def curves(rows: Sequence[Row]) -> dict[tuple[str, str], list[tuple[int, float]]]:
    """Points by axis and unit.

    Args:
        rows: Rows of the benchmark `scale`.

    Returns:
        Axis and unit to (value on the axis, median).

    Example:
        >>> row = Row("a step with 10,000 items", "with 10,000", 1.0, 1.0, 1.0, 5, "ms", 7.5, 7.5)
        >>> curves([row])
        {('items', 'ms'): [(10000, 7.5)]}
    """
    found: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for row in rows:
        named = NAMED.match(row.what)
        if named is not None:
            point = int(named["value"].replace(",", "")), row.ours
            found.setdefault((named["axis"], row.unit), []).append(point)
    return found


def draw(rows: Sequence[Row], out: Path) -> None:
    """Draw all curves; both axes are logarithmic, a straight line of slope one is dotted.

    Args:
        rows: Rows of the benchmark `scale`.
        out: Picture to write, .svg or .png.
    """
    from matplotlib.figure import Figure

    found = curves(rows)
    axes = list(dict.fromkeys(axis for axis, _ in found))
    units = [unit for unit in TITLES if any(unit == other for _, other in found)]
    figure = Figure(figsize=(2.4 * len(axes), 2.4 * len(units)), layout="constrained")
    # One scale for a row of panels, so that they can be compared.
    panels = figure.subplots(len(units), len(axes), squeeze=False, sharey="row")
    for down, unit in enumerate(units):
        medians = [one for key, points in found.items() if key[1] == unit for _, one in points]
        for across, axis in enumerate(axes):
            panel, points = panels[down][across], found.get((axis, unit))
            if points is None:
                panel.set_axis_off()
                continue
            _curve(panel, points, COLOURS[unit])
            panel.set_xlabel(axis)
            ticks = _ticks(min(medians), max(medians))
            panel.set_yticks(ticks, [f"{one:g}" for one in ticks])
            panel.set_ylim(min(medians) / 1.5, max(medians) * 1.5)
            panel.minorticks_off()
        panels[down][0].set_ylabel(TITLES[unit])
    figure.savefig(out, dpi=150)


def _curve(panel: Any, points: list[tuple[int, float]], colour: str) -> None:
    """One curve, and a dotted one of growth in proportion through its last point."""
    values, medians = [one for one, _ in points], [one for _, one in points]
    straight = [medians[-1] * value / values[-1] for value in values]
    panel.loglog(values, straight, linestyle=":", color="#888888", linewidth=1)
    panel.loglog(values, medians, marker="o", markersize=4, color=colour)
    panel.set_xticks(values, [f"{one:,}" for one in values], rotation=45, ha="right")


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers about two values, at 1, 2 and 5 of every power of ten.

    Args:
        low: The smaller value.
        high: The larger one.

    Returns:
        Numbers, ascending.

    Example:
        >>> _ticks(0.7, 30)
        [0.5, 1.0, 2.0, 5.0, 10.0, 20.0]
    """
    round_ones = [digit * 10.0**power for power in range(-3, 7) for digit in (1, 2, 5)]
    return [one for one in round_ones if low / 1.5 <= one <= high * 1.5]
