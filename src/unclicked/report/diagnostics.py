"""Pictures of one run's training: distances, both gradients, the gate, and what it aligns."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from unclicked.page.svg import COLOURS, draw
from unclicked.report.facts import RunShown
from unclicked.report.pictures import DASHES, ends_of, finish, log_lines, plot, series

DISTANCES = {
    "clicked_label": ("clicked to label", "unclicked"),
    "clicked_unclicked": ("clicked to unclicked", "shuffled"),
    "label_unclicked": ("label to unclicked", "base"),
}
ALIGNED_LOOKS = ("unclicked", "shuffled", "another", "further", "base", "popularity")


def has_metric_loss(run: RunShown) -> bool:
    """Whether a metric loss moved anything in the run's training.

    Args:
        run: A run with a training log.

    Returns:
        False where its gradient was 0 in every step, as with `model.metric=none`.
    """
    return bool(np.any(series(run, "metric_norm")[1]))


def distance_curves(run: RunShown) -> str:
    """The three squared distances that the metric loss is made of.

    Args:
        run: A run with a training log.

    Returns:
        An `svg` element.
    """
    curves = {label: (*series(run, key), looks) for key, (label, looks) in DISTANCES.items()}
    told = ends_of(curves, ".2f")
    alternative = f"Squared distances of {run.name} by step: {told}."
    return draw("distances", alternative, lambda axes: plot(axes, curves, "Squared distances"))


def gradient_curves(run: RunShown) -> str:
    """Norms of both losses' gradients at the clicked vector.

    Args:
        run: A run with a training log.

    Returns:
        An `svg` element.
    """
    steps, norms = series(run, "metric_norm")
    capped = series(run, "metric_norm", times="metric_scale")[1]
    curves = {
        "ranking": (*series(run, "ranking_norm"), "base"),
        "metric, uncapped": (steps, norms, "shuffled"),
        "metric, as used": (steps, capped, "unclicked"),
    }
    told = ends_of(curves, ".2g")
    title = "Gradient norms at the clicked vector"
    alternative = f"{title} of {run.name} by step: {told}."
    return draw("norms", alternative, lambda axes: plot(axes, curves, title, log=True))


def cosine_curve(run: RunShown) -> str:
    """Cosine between both losses' gradients at the clicked vector.

    Args:
        run: A run with a training log.

    Returns:
        An `svg` element.
    """
    steps, values = series(run, "cosine")
    told = f"ends at {values[-1]:.2f}" if len(values) else "nothing logged"

    def paint(axes: Axes) -> None:
        axes.plot(steps, values, color=COLOURS["unclicked"])
        axes.axhline(0, color=COLOURS["line"], linewidth=0.8)
        finish(axes, "Cosine of both gradients", "step")

    return draw("cosine", f"Cosine of both gradients of {run.name} by step: {told}.", paint)


def gate_curve(run: RunShown) -> str:
    """How much of the unclicked vector the confidence network takes away.

    Args:
        run: A run with a training log.

    Returns:
        An `svg` element; empty where no gate was logged.
    """
    steps, mean = series(run, "gate_mean")
    low, high = (series(run, key)[1] for key in ("gate_low", "gate_high"))
    if not len(mean) or not len(mean) == len(low) == len(high):
        return ""
    told = (
        f"mean starts at {mean[0]:.2f} and ends at {mean[-1]:.2f}, where a tenth of the rows lie "
        f"below {low[-1]:.2f} and a tenth above {high[-1]:.2f}"
    )

    def paint(axes: Axes) -> None:
        colour = COLOURS["unclicked"]
        axes.fill_between(steps, low, high, color=colour, alpha=0.2, linewidth=0, label="80 %")
        axes.plot(steps, mean, color=colour, label="mean")
        finish(axes, "Gate: share of the unclicked vector taken away", "step")

    return draw("gate", f"Gate of {run.name} by step: {told}.", paint)


def alignment_curves(run: RunShown) -> str:
    """Whether the unclicked encoder and the scoring vectors mean the same by each item field.

    Args:
        run: A run with a training log.

    Returns:
        An `svg` element; empty where it was not logged.
    """
    lines = [line for line in log_lines(run, "epoch") if line.get("alignment")]
    if not lines:
        return ""
    names = list(lines[-1]["alignment"])[: len(ALIGNED_LOOKS)]
    epochs = [line["epoch"] for line in lines]
    values = {n: [line["alignment"].get(n, np.nan) for line in lines] for n in names}
    told = ", ".join(f"{name} ends at {one[-1]:+.2f}" for name, one in values.items())

    def paint(axes: Axes) -> None:
        axes.axhline(0, color=COLOURS["line"], linewidth=0.8)
        for looks, (name, one) in zip(ALIGNED_LOOKS, values.items(), strict=False):
            axes.plot(epochs, one, "o", linestyle=DASHES[looks], color=COLOURS[looks],
                      label=name, markersize=3)  # fmt: skip
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        finish(axes, "Alignment by item field", "epoch")

    return draw("alignment", f"Alignment of {run.name} by epoch: {told}.", paint)
