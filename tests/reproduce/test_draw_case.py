"""The bars are the counts of the rows, and both lists are drawn on one scale."""

from __future__ import annotations

import pytest
from matplotlib.axes import Axes

from unclicked.reproduce import figure7
from unclicked.reproduce.draw_case import MOST, draw_case
from unclicked.reproduce.results import Result, Results

COUNTS = {
    "clicked": {"hats": 2, "tea": 1},
    "unclicked": {"shoes": 4, "hats": 2, "cups": 1},
    "truth": {"hats": 1, "tea": 2},
    "base list": {"shoes": 5, "hats": 1},
    "full list": {"shoes": 1, "tea": 2, "cups": 1},
}


def rows_of(counts: dict[str, dict[str, int]]) -> Results:
    made = [
        Result("s", "d", "A", "passed_over@6", 0.5),
        Result("s", "d", "B", "passed_over@6", 0.1),
        Result("s", "d", "kind", figure7.USER, text="User u7. The rule."),
        Result("s", "d", "unclicked", figure7.MARK, 1.0, text="shoes"),
    ]
    for part, named in counts.items():
        for name, count in named.items():
            made.append(Result("s", "d", part, figure7.COUNT, float(count), text=name))
            for place in range(count):
                hit = float(place == 0 and name == "hats")
                made.append(Result("s", "d", part, figure7.ITEM, hit, x=1.0, text=name))
    return Results(made)


def bars_of(axes: Axes) -> list[float]:
    return [bar.get_width() for bar in axes.patches]


def test_bars_are_the_counts() -> None:
    figure = draw_case(rows_of(COUNTS))
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    # Passed over, then clicked later by how often, then the others.
    assert names == ["shoes", "hats", "tea", "cups"]
    for axes, counts in zip(figure.axes, COUNTS.values(), strict=True):
        assert bars_of(axes) == [counts.get(name, 0) for name in names]
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == [
        "clicked\n3 items", "unclicked\n7 items", "clicked later\n3 items",
        "A\nfirst 6 items, 1 hit", "B\nfirst 4 items, 0 hits",
    ]  # fmt: skip
    assert figure.axes[3].get_xlim() == figure.axes[4].get_xlim()
    assert figure.get_suptitle() == "User u7. The rule."


def test_categories_passed_over_are_hatched() -> None:
    figure = draw_case(rows_of(COUNTS))
    hatched = [bool(bar.get_hatch()) for bar in figure.axes[3].patches]
    assert hatched == [True, False, False, False]


def test_many_categories_share_the_last_bar() -> None:
    many = {f"k{number:02}": 2 for number in range(MOST + 5)}
    figure = draw_case(rows_of(COUNTS | {"base list": many}))
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert len(names) == MOST and names[-1] == "10 more"
    assert sum(bars_of(figure.axes[3])) == 2 * (MOST + 5)
    assert bars_of(figure.axes[3])[-1] == 2 * 10
    assert sum(bars_of(figure.axes[1])) == 7


@pytest.mark.parametrize("rows", [Results([])])
def test_nobody_to_be_shown(rows: Results) -> None:
    figure = draw_case(rows)
    assert figure.get_suptitle() == "No test user passes a category over."


def test_hostile_names_are_only_names() -> None:
    named = {"$x^$": 2, "a" * 60: 1}
    figure = draw_case(rows_of(COUNTS | {"clicked": named}))
    figure.canvas.draw()
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert "$x^$" in names
    assert "a" * 25 + "\N{HORIZONTAL ELLIPSIS}" in names
