"""Pictures of differences user by user: all of them in order, and by length of the list."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from unclicked.page.digits import interval, points, share
from unclicked.page.svg import COLOURS, draw
from unclicked.report.per_user import Spread, Stratum
from unclicked.report.tables import length_range

MOST_STEPS = 400


def sorted_differences(spread: Spread) -> str:
    """Every user's difference, from the largest loss to the largest gain.

    Args:
        spread: The differences of one metric.

    Returns:
        An `svg` element; the flat middle is as wide as the share of users without a change.
    """
    ends, heights = _blocks(spread.differences)
    users = spread.users
    told = (
        f"{spread.worse:,} of {users:,} users lose ({share(spread.worse, users)}), "
        f"{spread.equal:,} see no change ({share(spread.equal, users)}), "
        f"{spread.better:,} gain ({share(spread.better, users)})"
    )

    def paint(axes: Axes) -> None:
        for sign, looks in ((-1, "shuffled"), (1, "unclicked")):
            signed = np.where(np.sign(heights) == sign, heights, 0.0)
            axes.stairs(100 * signed, ends, fill=True, color=COLOURS[looks])
        axes.axhline(0, color=COLOURS["ink"], linewidth=0.9)
        reach = 100 * max(float(np.abs(heights).max(initial=0)), 0.01)
        axes.set_ylim(-1.4 * reach, 1.4 * reach)
        axes.set_xlim(0, users)
        _mark(axes, spread, reach)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.yaxis.set_major_formatter(FuncFormatter(_signed))
        axes.grid(axis="x", visible=False)
        axes.set_xlabel("users, from the largest loss to the largest gain")
        axes.set_title(f"Difference in {spread.metric}, points")

    name = f"sorted-{spread.metric.replace('@', '-').lower()}"
    return draw(name, f"Differences in {spread.metric}, user by user: {told}.", paint)


def _mark(axes: Axes, spread: Spread, reach: float) -> None:
    """Say in the picture how many users lie in each part."""
    parts = (
        (spread.worse / 2, -1.35 * reach, "bottom", f"worse: {spread.worse:,}", spread.worse),
        (spread.worse + spread.equal / 2, 0.06 * reach, "bottom", f"same: {spread.equal:,}",
         spread.equal),
        (spread.users - spread.better / 2, 1.35 * reach, "top", f"better: {spread.better:,}",
         spread.better),
    )  # fmt: skip
    # A text beside a narrow part stays inside of the picture.
    margin = 0.13 * spread.users
    for x, y, side, text, count in parts:
        if count:
            place = min(max(x, margin), spread.users - margin)
            axes.text(place, y, text, ha="center", va=side)


def _blocks(differences: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Equal differences as one block each, and no more blocks than a picture can show."""
    heights, counts = np.unique(differences, return_counts=True)
    ends = np.concatenate([[0], np.cumsum(counts)])
    if len(heights) > MOST_STEPS:
        ends = np.unique(np.linspace(0, len(differences), MOST_STEPS + 1).astype(np.int64))
        # The median of a block keeps its sign where most of it has one.
        heights = np.array(
            [np.median(differences[a:b]) for a, b in zip(ends[:-1], ends[1:], strict=True)]
        )
    return ends.astype(np.int64), heights


def strata_picture(strata: Sequence[Stratum], metric: str) -> str:
    """Mean difference with its interval, by length of the unclicked list.

    Args:
        strata: The bins.
        metric: Name of the metric.

    Returns:
        An `svg` element.
    """
    told = "; ".join(
        f"{length_range(one)} items, {one.users:,} users: {points(one.difference)}"
        + (f" ({interval(one.ci95)})" if one.ci95 else "")
        for one in strata
    )

    def paint(axes: Axes) -> None:
        axes.axhline(0, color=COLOURS["line"], linewidth=1.0)
        for place, one in enumerate(strata):
            low, high = one.ci95 or (one.difference, one.difference)
            middle = 100 * one.difference
            reach = [[middle - 100 * low], [100 * high - middle]]
            axes.errorbar([place], [middle], yerr=reach, fmt="o", color=COLOURS["unclicked"],
                          capsize=4, elinewidth=1.6)  # fmt: skip
        labels = [f"{_short(one)}\nn={one.users:,}" for one in strata]
        axes.set_xticks(range(len(strata)), labels)
        axes.set_xlim(-0.6, len(strata) - 0.4)
        axes.yaxis.set_major_formatter(FuncFormatter(_signed))
        axes.grid(axis="x", visible=False)
        axes.set_xlabel("unclicked items of a user")
        axes.set_title(f"Mean difference in {metric}, points")

    name = f"strata-{metric.replace('@', '-').lower()}"
    return draw(name, f"Mean difference in {metric} by unclicked items: {told}.", paint)


def _signed(value: float, _: int) -> str:
    return f"{value:+.3g}" if value else "0"


def _short(one: Stratum) -> str:
    return length_range(one).replace(" to ", "-")
