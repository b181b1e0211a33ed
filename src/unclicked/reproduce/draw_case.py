"""The picture of Figure 7: one user's categories, before, in both lists and later."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from unclicked.reproduce import figure7 as parts_of
from unclicked.reproduce.plots import GREEN, GREY, ORANGE, drawn
from unclicked.reproduce.results import Results

MOST = 14
# Letters that fit above a part and beside the bars.
NAME = 26
PASSED, LATER, OTHER = "passed over", "clicked later", "other"
# Inside, edge and hatching: told apart without colour too.
LOOKS = {
    PASSED: ("white", ORANGE, "//////"),
    LATER: (GREEN, GREEN, ""),
    OTHER: ("#BBBBBB", "#BBBBBB", ""),
}
IN_WORDS = {
    PASSED: "category that is frequent among the unclicked items and not clicked later",
    LATER: "category clicked later",
    OTHER: "any other",
}


def draw_case(results: Results) -> Figure:
    """Draw how many items of each category a user clicked, passed over, was offered and took.

    Args:
        results: Rows of `figure7.case_rows` for one data set and one seed.

    Returns:
        The figure; it says so where there was no user to be shown.
    """
    counts = {
        part: {
            row.text: row.value for row in results.where(metric=parts_of.COUNT, method=part).rows
        }
        for part in parts_of.PARTS
    }
    kinds = _kinds(results, counts)
    shown, pooled = _shown(counts, kinds)
    titles = _titles(results)

    def paint(axes: Sequence[Axes]) -> None:
        told = [row.text for row in results.where(metric=parts_of.USER).rows]
        text = told[0] if told else "No test user passes a category over."
        axes[0].figure.suptitle(
            "\n".join(textwrap.wrap(text, 150)), x=0.01, ha="left", fontsize=8.5
        )
        for number, (part, one) in enumerate(zip(counts, axes, strict=True)):
            bars = [counts[part].get(name, 0.0) for name in shown]
            rest = sum(counts[part].get(name, 0.0) for name in pooled)
            _bars(one, [*bars, rest] if pooled else bars, [kinds[name] for name in shown])
            one.set_title(titles[part])
            if number:
                one.set_yticklabels([])
        # One scale for both lists, as they are to be compared.
        reach = max(one.get_xlim()[1] for one in axes[-2:])
        for one in axes[-2:]:
            one.set_xlim(0, reach)
        ticks = [*shown, f"{len(pooled)} more"] if pooled else shown
        axes[0].set_yticks(range(len(ticks)), [_short(name) for name in ticks])
        for label, name in zip(axes[0].get_yticklabels(), shown, strict=False):
            label.set_color({PASSED: ORANGE, LATER: GREEN}.get(kinds[name], "black"))
        axes[0].figure.legend(
            handles=[
                Patch(facecolor=face, edgecolor=edge, hatch=hatch, label=IN_WORDS[name])
                for name, (face, edge, hatch) in LOOKS.items()
            ],
            loc="outside lower left", ncols=3, fontsize=8,
        )  # fmt: skip

    return drawn(10.0, 1.9 + 0.2 * (len(shown) + bool(pooled)), paint, len(parts_of.PARTS))


def _kinds(results: Results, counts: dict[str, dict[str, float]]) -> dict[str, str]:
    """What each category is to the user."""
    passed = {row.text for row in results.where(metric=parts_of.MARK).rows}
    kinds = dict.fromkeys((name for one in counts.values() for name in one), OTHER)
    kinds |= dict.fromkeys(counts[parts_of.TRUTH], LATER)
    return kinds | dict.fromkeys(sorted(passed), PASSED)


def _shown(
    counts: dict[str, dict[str, float]], kinds: dict[str, str]
) -> tuple[list[str], list[str]]:
    """Categories with a row of their own, and those that share one."""
    order = list(LOOKS)

    def key(name: str) -> tuple[int, float, str]:
        total = sum(one.get(name, 0.0) for one in counts.values())
        return order.index(kinds[name]), -total, name

    names = sorted(kinds, key=key)
    return (names, []) if len(names) <= MOST else (names[: MOST - 1], names[MOST - 1 :])


def _titles(results: Results) -> dict[str, str]:
    """Title of each part: what it shows, how many items, and how many of a list were clicked."""
    runs = [r.method for r in results.rows if r.metric.startswith(f"{parts_of.SHARE}@")]
    names = dict(zip((parts_of.BASE_LIST, parts_of.FULL_LIST), dict.fromkeys(runs), strict=False))
    names[parts_of.TRUTH] = "clicked later"
    titles = {}
    for part in parts_of.PARTS:
        items = results.where(metric=parts_of.ITEM, method=part).rows
        told = _many(len(items), "item")
        if part in (parts_of.BASE_LIST, parts_of.FULL_LIST):
            hits = int(sum(row.value for row in items))
            told = f"first {_many(len(items), 'item')}, {_many(hits, 'hit')}"
        titles[part] = f"{_short(names.get(part, part))}\n{told}"
    return titles


def _short(text: str) -> str:
    return text if len(text) <= NAME else f"{text[: NAME - 1]}\N{HORIZONTAL ELLIPSIS}"


def _many(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _bars(axes: Axes, values: Sequence[float], kinds: Sequence[str]) -> None:
    for place, value in enumerate(values):
        face, edge, hatch = LOOKS[kinds[place] if place < len(kinds) else OTHER]
        axes.barh(
            place, value, height=0.7, linewidth=0.8, facecolor=face, edgecolor=edge, hatch=hatch
        )
        if value:
            axes.annotate(
                f"{value:.0f}", (value, place), (2, 0), textcoords="offset points", va="center",
                fontsize=7.5,
            )  # fmt: skip
    axes.set_ylim(len(values) - 0.4, -0.6)
    axes.set_yticks(range(len(values)))
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(0, 1.18 * max([*values, 1.0]))
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.spines["left"].set_color(GREY)
