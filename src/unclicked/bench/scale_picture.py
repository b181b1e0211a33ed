"""The picture of how a step grows: one panel for each axis, time and memory."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

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
    from matplotlib.ticker import FuncFormatter, NullFormatter

    found = curves(rows)
    axes = list(dict.fromkeys(axis for axis, _ in found))
    units = [unit for unit in TITLES if any(unit == other for _, other in found)]
    figure = Figure(figsize=(2.6 * len(axes), 2.4 * len(units)), layout="constrained")
    panels = figure.subplots(len(units), len(axes), squeeze=False)
    for down, unit in enumerate(units):
        for across, axis in enumerate(axes):
            panel, points = panels[down][across], found.get((axis, unit))
            if points is None:
                panel.set_axis_off()
                continue
            values, medians = [one for one, _ in points], [one for _, one in points]
            straight = [medians[-1] * value / values[-1] for value in values]
            panel.loglog(values, straight, linestyle=":", color="#888888", linewidth=1)
            panel.loglog(values, medians, marker="o", markersize=4, color=COLOURS[unit])
            panel.set_xticks(values, [f"{one:,}" for one in values], rotation=45, ha="right")
            panel.yaxis.set_major_formatter(FuncFormatter(lambda one, _: f"{one:g}"))
            panel.yaxis.set_minor_formatter(NullFormatter())
            panel.xaxis.set_minor_formatter(NullFormatter())
            panel.set_xlabel(axis)
            panel.set_ylim(min(medians) / 2, max(medians) * 2)
            if across == 0:
                panel.set_ylabel(TITLES[unit])
    figure.savefig(out, dpi=150)
