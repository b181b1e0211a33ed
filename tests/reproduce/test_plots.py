"""Pictures hold the numbers that they are made from."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from unclicked.reproduce.judged import POPULARITY
from unclicked.reproduce.plots import BLUE, ORANGE, curves, dots
from unclicked.reproduce.results import Result, Results


def row(method: str, values: list[float], **fields: float) -> Result:
    at = fields.get("x", float("nan"))
    return Result("s", "d", method, "HR@50", float(np.mean(values)), np.array(values), x=at)


RESULTS = Results(
    [
        row(POPULARITY, [0.0, 1.0, 0.0, 0.0]),
        row("a", [0.0, 1.0, 0.0, 1.0]),
        row("b", [1.0, 1.0, 0.0, 1.0]),
    ]
)


def marks(axes: Axes) -> list[tuple[float, float]]:
    found = []
    for line in axes.get_lines():
        if isinstance(line, Line2D) and line.get_marker() == "o":
            xs, ys = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
            found += [(float(x), float(y)) for x, y in zip(xs, ys, strict=True)]
    return found


def test_dots_stand_at_the_means_and_the_first_is_on_top() -> None:
    (axes,) = dots(RESULTS, ["a", "b", "never judged"]).axes
    assert sorted(marks(axes)) == [(50.0, 1.0), (75.0, 0.0)]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["b", "a"]


def told(figure: Figure) -> dict[str, str]:
    """Words of the legend, each with its colour."""
    return {
        text.get_text(): mark.get_color()
        for legend in figure.legends
        for text, mark in zip(legend.get_texts(), legend.get_lines(), strict=True)
    }


def test_a_legend_says_what_the_colours_mean() -> None:
    figure = dots(RESULTS, ["a", "b"], strong=["b"], words=("with", "without"))
    assert told(figure) == {"with": ORANGE, "without": BLUE}
    (axes,) = figure.axes
    at = {line.get_ydata()[0]: line.get_color() for line in axes.get_lines()
          if line.get_marker() == "o"}  # fmt: skip
    # The first method is on top, and b is the strong one.
    assert at == {1: BLUE, 0: ORANGE}


def test_one_colour_needs_no_legend() -> None:
    assert told(dots(RESULTS, ["a", "b"])) == {}
    # A strong method that was never judged is not in the picture.
    assert told(dots(RESULTS, ["a", "c"], strong=["c"])) == {}


def test_curves_go_through_the_means() -> None:
    swept = [row("full", [0.0, 1.0], x=0.1), row("full", [1.0, 1.0], x=10.0)]
    figure = curves(Results([*RESULTS.rows, *swept]), ["full"], ["HR@50"], "weight", 10.0)
    (axes,) = figure.axes
    assert marks(axes) == [(0.1, 50.0), (10.0, 100.0)]
    assert axes.get_xscale() == "log"
    assert axes.get_xlabel() == "weight"


def test_swept_values_are_marked_with_plain_numbers() -> None:
    swept = [row("full", [0.5, 0.5], x=x) for x in (0.1, 1.0, 10.0)]
    figure = curves(Results([*RESULTS.rows, *swept]), ["full"], ["HR@50"], "weight", 10.0)
    figure.draw_without_rendering()
    axis = figure.axes[0].xaxis
    shown = [one.label1.get_text() for one in axis.get_major_ticks()]
    assert {"0.1", "1", "10"} <= set(shown)
    assert not any(one.label1.get_text() for one in axis.get_minor_ticks())
