"""The report's pictures: metrics as bars, training as lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from unclicked.page.digits import percent
from unclicked.page.svg import COLOURS, draw
from unclicked.report.facts import RunShown

# Patterns with gaps, so that two lines on top of each other are both seen.
DASHES: dict[str, Any] = {
    "unclicked": "-",
    "base": (0, (4, 2)),
    "shuffled": (0, (1, 2.5)),
    "popularity": (0, (4, 2, 1, 2)),
    "further": (0, (6, 1.5)),
    "another": (0, (2, 1, 1, 1)),
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
        colours = [COLOURS[run.looks] for run in runs]
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
    looks = {run.name: run.looks for run in runs}
    curves = {run.name: log_lines(run, "epoch") for run in runs}
    values = {n: [line["validation_HR@50"] for line in one] for n, one in curves.items()}
    told = ", ".join(f"{n} best {percent(max(one))}" for n, one in values.items() if one)

    def paint(axes: Axes) -> None:
        for name, one in values.items():
            dashes, colour = DASHES[looks[name]], COLOURS[looks[name]]
            epochs = [line["epoch"] for line in curves[name]]
            axes.plot(epochs, one, linestyle=dashes, color=colour, label=name)
            best = int(np.argmax(one)) if one else 0
            axes.plot(epochs[best : best + 1], one[best : best + 1], "o", color=colour)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
        finish(axes, "Validation HR@50", "epoch")

    return draw("validation", f"Validation HR@50 by epoch: {told}.", paint)


def loss_curves(runs: Sequence[RunShown]) -> str:
    """Ranking loss of every step, as a running mean.

    Args:
        runs: Runs with a training log.

    Returns:
        An `svg` element.
    """
    curves = {run.name: (*series(run, "ranking_loss"), run.looks) for run in runs}
    told = ends_of(curves, ".2f")
    title = "Ranking loss, running mean"
    return draw("loss", f"Ranking loss by step: {told}.", lambda axes: plot(axes, curves, title))


Curve = tuple[np.ndarray, np.ndarray, str]


def ends_of(curves: Mapping[str, Curve], form: str) -> str:
    """Where each curve ends, in words.

    Args:
        curves: Label to steps, values and looks.
        form: How a number is written.

    Returns:
        Words; a curve without a point is left out.
    """
    ends = {name: format(y[-1], form) for name, (_, y, _) in curves.items() if len(y)}
    return ", ".join(f"{name} ends at {end}" for name, end in ends.items()) or "nothing logged"


def plot(axes: Axes, curves: Mapping[str, Curve], title: str, *, log: bool = False) -> None:
    """Draw curves over steps.

    Args:
        axes: Where.
        curves: Label to steps, values and looks.
        title: Title of the picture.
        log: Whether values are on a logarithmic scale.
    """
    for label, (steps, values, looks) in curves.items():
        axes.plot(steps, values, linestyle=DASHES[looks], color=COLOURS[looks], label=label)
    finish(axes, title, "step", log=log)


def finish(axes: Axes, title: str, x_label: str, *, log: bool = False) -> None:
    """Title, label, ticks and, where something is labelled, a legend below.

    Args:
        axes: The axes.
        title: Title of the picture.
        x_label: What runs to the right.
        log: Whether values are on a logarithmic scale.
    """
    axes.set_title(title)
    axes.set_xlabel(x_label)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    if log:
        axes.set_yscale("log")
    labels = axes.get_legend_handles_labels()[1]
    if labels:
        columns = 3 if sum(map(len, labels)) < 34 else 2
        axes.figure.legend(loc="outside lower left", ncols=columns, handlelength=2.2)


def log_lines(run: RunShown, kind: str) -> list[dict[str, Any]]:
    """Lines of one kind of a run's training log.

    Args:
        run: The run.
        kind: "step" or "epoch".

    Returns:
        The lines.
    """
    return [line for line in run.log if line["kind"] == kind]


def series(run: RunShown, key: str, times: str = "") -> tuple[np.ndarray, np.ndarray]:
    """Steps and a running mean over a fortieth of them, which leaves the shape and no noise.

    Args:
        run: A run with a training log.
        key: What of each step; steps that lack it are left out.
        times: What it is multiplied with; empty for nothing.

    Returns:
        Steps and means, both empty where nothing was logged.
    """
    lines = [line for line in log_lines(run, "step") if {key, times or key} <= set(line)]
    values = np.array([line[key] * (line[times] if times else 1.0) for line in lines])
    width = max(1, len(values) // SMOOTHED_PARTS)
    if not len(values):
        return np.zeros(0), np.zeros(0)
    sums = np.cumsum(np.insert(values, 0, 0.0))
    means = (sums[width:] - sums[:-width]) / width
    steps = np.array([line["step"] for line in lines])[width - 1 :]
    return steps, means


def _word(metric: str) -> str:
    return metric.replace("@", "-").lower()
