"""The report's pictures: metrics as bars, training as lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from unclicked.report.digits import percent
from unclicked.report.facts import RunShown
from unclicked.report.svg import COLOURS, draw

# A run with another name takes the next of these.
ORDER = ("unclicked", "base", "shuffled", "popularity")
# Patterns with gaps, so that two lines on top of each other are both seen.
DASHES: dict[str, Any] = {
    "unclicked": "-",
    "base": (0, (4, 2)),
    "shuffled": (0, (1, 2.5)),
    "popularity": (0, (4, 2, 1, 2)),
}
DISTANCES = {
    "clicked_label": ("clicked to label", "unclicked"),
    "clicked_unclicked": ("clicked to unclicked", "shuffled"),
    "label_unclicked": ("label to unclicked", "base"),
}
SMOOTHED_PARTS = 40


def bars(runs: Sequence[RunShown], metric: str) -> str:
    """A metric of every run, with its 95 % interval.

    Args:
        runs: The runs, the first on top.
        metric: Name of the metric.

    Returns:
        An `svg` element.
    """
    values = [run.evaluation["metrics"][metric] for run in runs]
    ends = [run.intervals[metric] for run in runs]
    told = ", ".join(f"{run.name} {percent(v)}" for run, v in zip(runs, values, strict=True))

    def paint(axes: Axes) -> None:
        places = np.arange(len(runs))[::-1]
        colours = [COLOURS[_looks(run.name, number)] for number, run in enumerate(runs)]
        axes.barh(places, values, height=0.62, color=colours)
        reach = [abs(np.array(e) - v) for e, v in zip(ends, values, strict=True)]
        axes.errorbar(
            values, places, xerr=np.array(reach).T, fmt="none", ecolor=COLOURS["ink"],
            elinewidth=1.1, capsize=2.5,
        )  # fmt: skip
        for place, value, end in zip(places, values, ends, strict=True):
            axes.annotate(
                percent(value), (end[1], place), (5, 0), textcoords="offset points", va="center"
            )
        axes.set_yticks(places, [run.name for run in runs])
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="y", visible=False)
        axes.spines["left"].set_visible(False)
        axes.set_xlim(0, max(end[1] for end in ends) * 1.24)
        axes.xaxis.set_major_locator(MaxNLocator(5, prune="upper"))
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
        axes.set_title(metric)

    return draw(f"bars-{_word(metric)}", f"Bars of {metric}: {told}.", paint, height=0.72)


def validation_curves(runs: Sequence[RunShown]) -> str:
    """Validation HR@50 after every epoch; the epoch that was kept is marked.

    Args:
        runs: Runs with a training log.

    Returns:
        An `svg` element.
    """
    curves = {run.name: _lines(run, "epoch") for run in runs}
    values = {n: [line["validation_HR@50"] for line in one] for n, one in curves.items()}
    told = ", ".join(f"{n} best {percent(max(one))}" for n, one in values.items() if one)

    def paint(axes: Axes) -> None:
        for number, (name, one) in enumerate(values.items()):
            looks = _looks(name, number)
            epochs = [line["epoch"] for line in curves[name]]
            axes.plot(epochs, one, linestyle=DASHES[looks], color=COLOURS[looks], label=name)
            best = int(np.argmax(one)) if one else 0
            axes.plot(epochs[best : best + 1], one[best : best + 1], "o", color=COLOURS[looks])
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
        _finish(axes, "Validation HR@50", "epoch", log=False)

    return draw("validation", f"Validation HR@50 by epoch: {told}.", paint)


def loss_curves(runs: Sequence[RunShown]) -> str:
    """Ranking loss of every step, as a running mean.

    Args:
        runs: Runs with a training log.

    Returns:
        An `svg` element.
    """
    curves = {run.name: _series(run, "ranking_loss") for run in runs}
    told = ", ".join(f"{n} ends at {y[-1]:.2f}" for n, (_, y) in curves.items() if len(y))

    def paint(axes: Axes) -> None:
        for number, (name, (steps, values)) in enumerate(curves.items()):
            looks = _looks(name, number)
            axes.plot(steps, values, linestyle=DASHES[looks], color=COLOURS[looks], label=name)
        _finish(axes, "Ranking loss, running mean", "step", log=False)

    return draw("loss", f"Ranking loss by step: {told}.", paint)


def distance_curves(run: RunShown) -> str:
    """The three squared distances that the metric loss is made of.

    Args:
        run: A run with a training log.

    Returns:
        An `svg` element.
    """
    curves = {label: (*_series(run, key), looks) for key, (label, looks) in DISTANCES.items()}
    told = ", ".join(f"{n} ends at {y[-1]:.2f}" for n, (_, y, _) in curves.items() if len(y))
    alternative = f"Squared distances of {run.name} by step: {told}."
    return draw("distances", alternative, lambda axes: _paint(axes, curves, "Squared distances"))


def gradient_curves(run: RunShown) -> str:
    """Norms of both losses' gradients at the clicked vector.

    Args:
        run: A run with a training log.

    Returns:
        An `svg` element.
    """
    steps, norms = _series(run, "metric_norm")
    capped = _series(run, "metric_norm", times="metric_scale")[1]
    curves = {
        "ranking": (*_series(run, "ranking_norm"), "base"),
        "metric, uncapped": (steps, norms, "shuffled"),
        "metric, as used": (steps, capped, "unclicked"),
    }
    told = ", ".join(f"{n} ends at {y[-1]:.2g}" for n, (_, y, _) in curves.items() if len(y))
    title = "Gradient norms at the clicked vector"
    alternative = f"{title} of {run.name} by step: {told}."
    return draw("norms", alternative, lambda axes: _paint(axes, curves, title, log=True))


def cosine_curve(run: RunShown) -> str:
    """Cosine between both losses' gradients at the clicked vector.

    Args:
        run: A run with a training log.

    Returns:
        An `svg` element.
    """
    steps, values = _series(run, "cosine")
    told = f"ends at {values[-1]:.2f}" if len(values) else "nothing logged"

    def paint(axes: Axes) -> None:
        axes.plot(steps, values, color=COLOURS["unclicked"])
        axes.axhline(0, color=COLOURS["line"], linewidth=0.8)
        _finish(axes, "Cosine of both gradients", "step", log=False)

    return draw("cosine", f"Cosine of both gradients of {run.name} by step: {told}.", paint)


Curve = tuple[np.ndarray, np.ndarray, str]


def _paint(axes: Axes, curves: dict[str, Curve], title: str, *, log: bool = False) -> None:
    for label, (steps, values, looks) in curves.items():
        axes.plot(steps, values, linestyle=DASHES[looks], color=COLOURS[looks], label=label)
    _finish(axes, title, "step", log=log)


def _finish(axes: Axes, title: str, x_label: str, *, log: bool) -> None:
    axes.set_title(title)
    axes.set_xlabel(x_label)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    if log:
        axes.set_yscale("log")
    if axes.get_legend_handles_labels()[1]:
        axes.figure.legend(loc="outside lower center", ncols=3, handlelength=2.2, columnspacing=1.4)


def _lines(run: RunShown, kind: str) -> list[dict[str, Any]]:
    return [line for line in run.log if line["kind"] == kind]


def _series(run: RunShown, key: str, times: str = "") -> tuple[np.ndarray, np.ndarray]:
    """Steps and a running mean over a fortieth of them, which leaves the shape and no noise."""
    lines = _lines(run, "step")
    values = np.array([line[key] * (line[times] if times else 1.0) for line in lines])
    width = max(1, len(values) // SMOOTHED_PARTS)
    if len(values) < width or not len(values):
        return np.zeros(0), np.zeros(0)
    sums = np.cumsum(np.insert(values, 0, 0.0))
    means = (sums[width:] - sums[:-width]) / width
    steps = np.array([line["step"] for line in lines])[width - 1 :]
    return steps, means


def _looks(name: str, number: int) -> str:
    return name if name in COLOURS else ORDER[number % len(ORDER)]


def _word(metric: str) -> str:
    return metric.replace("@", "-").lower()
