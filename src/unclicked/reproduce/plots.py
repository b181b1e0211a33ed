"""Pictures of methods and sweeps: points with intervals, and curves with one line for each seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter

from unclicked.reproduce.comparing import per_user, seed_means
from unclicked.reproduce.judged import POPULARITY
from unclicked.reproduce.results import Results

# Of the colours that people with any colour vision tell apart (Okabe and Ito).
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#777777"
STYLE = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "svg.fonttype": "none",
    # A dollar sign in a name is no formula.
    "text.parse_math": False,
    "svg.hashsalt": "unclicked",
}
Z = 1.96


def drawn(
    width: float, height: float, paint: Callable[[Sequence[Axes]], None], parts: int = 1
) -> Figure:
    """A figure in the style of all studies.

    Args:
        width: Inches.
        height: Inches.
        paint: Draws into the axes that it is given.
        parts: Number of axes side by side.

    Returns:
        The figure.
    """
    with matplotlib.rc_context(matplotlib.RcParams(STYLE)):
        figure = Figure(figsize=(width, height), layout="constrained", dpi=150)
        axes = figure.subplots(1, parts, squeeze=False)[0]
        paint(list(axes))
    return figure


def dots(
    results: Results,
    methods: Sequence[str],
    metric: str = "HR@50",
    *,
    strong: Sequence[str] = (),
    words: tuple[str, str] = ("with the plug-in", "without"),
) -> Figure:
    """What every method reached: the mean, its 95 % interval over users, and each seed's mean.

    Args:
        results: Final rows of a study.
        methods: Names in order, the first on top.
        metric: The measure.
        strong: Methods to show in the strong colour.
        words: What the legend calls the strong methods, and the others.

    Returns:
        The figure.
    """
    names = [name for name in methods if len(per_user(results, name, metric))]

    def paint(parts: Sequence[Axes]) -> None:
        axes = parts[0]
        popular = per_user(results, POPULARITY, metric)
        if len(popular):
            axes.axvline(100 * popular.mean(), color=GREY, linestyle="--", linewidth=1)
            axes.annotate(
                "popularity", (100 * popular.mean(), 1.0), xycoords=("data", "axes fraction"),
                xytext=(3, -8), textcoords="offset points", color=GREY, fontsize=8,
            )  # fmt: skip
        for place, name in enumerate(reversed(names)):
            values = 100 * per_user(results, name, metric)
            reach = Z * values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0.0
            colour = ORANGE if name in strong else BLUE
            seeds = 100 * seed_means(results, name, metric)
            axes.plot(seeds, np.full(len(seeds), place), "|", color=colour, alpha=0.6, markersize=9)
            axes.errorbar(values.mean(), place, xerr=reach, fmt="o", color=colour, capsize=3)
        axes.set_yticks(range(len(names)), list(reversed(names)))
        axes.set_ylim(-0.7, len(names) - 0.1)
        axes.set_xlabel(f"{metric}, % (bars: 95 % over users; ticks: seeds)")
        axes.set_title(f"{metric} on the test")
        axes.grid(axis="x", linewidth=0.4)
        looks = (words[0], ORANGE, True), (words[1], BLUE, False)
        marks = [
            Line2D([], [], color=colour, marker="o", label=word)
            for word, colour, is_strong in looks
            if any((name in strong) == is_strong for name in names)
        ]
        # One colour alone tells nothing apart.
        if len(marks) == len(looks):
            axes.figure.legend(handles=marks, loc="outside lower right", ncols=2, fontsize=8)

    return drawn(6.4, 1.15 + 0.32 * max(len(names), 1), paint)


def curves(
    results: Results, methods: Sequence[str], metrics: Sequence[str], label: str, best: float
) -> Figure:
    """How measures change with a swept setting.

    Args:
        results: Final rows of a study.
        methods: Names of the methods that were swept; others are drawn as level lines.
        metrics: Measures, one part of the picture for each.
        label: What was swept.
        best: The value that the paper found best.

    Returns:
        The figure.
    """

    def paint(parts: Sequence[Axes]) -> None:
        for axes, metric in zip(parts, metrics, strict=True):
            for method, colour in zip(methods, (ORANGE, BLUE), strict=False):
                _curve(axes, results, method, metric, colour)
            for name in results.distinct("method"):
                level = per_user(results, name, metric)
                if name and name not in methods and name != POPULARITY and len(level):
                    axes.axhline(100 * level.mean(), color=GREY, linestyle="--", linewidth=1)
                    axes.annotate(
                        name, (0.0, 100 * level.mean()), xycoords=("axes fraction", "data"),
                        xytext=(3, 3), textcoords="offset points", color=GREY, fontsize=8,
                    )  # fmt: skip
            axes.axvline(best, color=GREEN, linewidth=0.8, linestyle=":")
            axes.annotate(
                "the paper's best", (best, 0.0), xycoords=("data", "axes fraction"), rotation=90,
                xytext=(3, 4), textcoords="offset points", color=GREEN, fontsize=7,
                # Legible where a curve runs behind it.
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
            )  # fmt: skip
            axes.set_xscale("log")
            # Plain numbers: the formulas of the usual labels would be shown unread.
            axes.xaxis.set_major_formatter("{x:g}")
            axes.xaxis.set_minor_formatter(NullFormatter())
            axes.set_xlabel(label)
            axes.set_title(f"{metric}, %")
        if len(methods) > 1:
            parts[0].legend(fontsize=8)

    return drawn(3.6 * len(metrics), 2.9, paint, len(metrics))


def _curve(axes: Axes, results: Results, method: str, metric: str, colour: str) -> None:
    own = results.where(method=method)
    xs = [x for x in own.xs() if len(per_user(own.at(x), method, metric))]
    means = [100 * per_user(own.at(x), method, metric) for x in xs]
    centre = np.array([one.mean() for one in means])
    reach = np.array([Z * one.std(ddof=1) / np.sqrt(len(one)) for one in means])
    axes.fill_between(xs, centre - reach, centre + reach, color=colour, alpha=0.15, linewidth=0)
    axes.plot(xs, centre, "o-", color=colour, label=method, markersize=4)
