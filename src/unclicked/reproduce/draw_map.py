"""The picture of Figure 6: maps of vectors, with the numbers that they only hint at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from unclicked.reproduce import figure6 as kinds
from unclicked.reproduce.plots import BLUE, GREEN, GREY, ORANGE, drawn
from unclicked.reproduce.results import Results

PURPLE = "#AA4499"
# Colour, mark and its size: told apart without colour too.
LOOKS = {
    kinds.CLICKED: (BLUE, "o", 11),
    kinds.UNCLICKED: (ORANGE, "^", 13),
    kinds.LABELS: (GREEN, "+", 20),
    kinds.BASE_USER: (BLUE, "o", 11),
    kinds.FUSED_USER: (PURPLE, "D", 9),
    kinds.TARGETS: (GREEN, "+", 20),
}
DRAW_ORDER = 6


def draw_map(results: Results) -> Figure:
    """Draw the maps side by side, each with its numbers below.

    Args:
        results: Rows of `figure6.map_rows` for one data set and one seed.

    Returns:
        The figure; one part for each distinct text of the points.
    """
    panels = results.where(metric=kinds.X).distinct("text")

    def paint(parts: Sequence[Axes]) -> None:
        for axes, panel in zip(parts, panels, strict=True):
            _panel(axes, results.where(text=panel), panel)

    return drawn(3.5 * len(panels), 4.6, paint, len(panels))


def _panel(axes: Axes, rows: Results, panel: str) -> None:
    groups = {
        kind: [
            rows.where(method=kind, metric=metric).rows[0].values for metric in (kinds.X, kinds.Y)
        ]
        for kind in rows.where(metric=kinds.X).distinct("method")
    }
    points = np.concatenate([np.stack(group, axis=1) for group in groups.values()])
    owner = np.repeat(list(groups), [len(group[0]) for group in groups.values()])
    # Laid down in a few mixed rounds, since the last kind drawn would hide the others.
    turn = np.random.default_rng(DRAW_ORDER).integers(0, 4, len(points))
    for number in range(4):
        for kind in groups:
            colour, mark, size = LOOKS[kind]
            chosen = points[(turn == number) & (owner == kind)]
            plus = mark == "+"
            axes.scatter(
                chosen[:, 0], chosen[:, 1], s=size, color=colour, marker=mark, alpha=0.65,
                edgecolors=None if plus else "white", linewidths=0.9 if plus else 0.3,
            )  # fmt: skip
    for kind in groups:
        colour, mark, _ = LOOKS[kind]
        axes.plot([], [], linestyle="", color=colour, marker=mark, label=kind)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_aspect("equal", adjustable="datalim")
    for side in axes.spines.values():
        side.set(visible=True, color=GREY, linewidth=0.6)
    axes.set_title(panel)
    axes.legend(
        loc="upper left", bbox_to_anchor=(-0.02, -0.01), ncols=len(groups), fontsize=8,
        handletextpad=0.2, columnspacing=1.0,
    )  # fmt: skip
    axes.annotate(
        "\n".join(_told(rows)), (0, 0), (2, -24), xycoords="axes fraction",
        textcoords="offset points", va="top", fontsize=8, linespacing=1.45,
    )  # fmt: skip


def _told(rows: Results) -> list[str]:
    """The numbers of a panel in words."""
    values = {row.metric: row for row in rows.rows if row.metric not in (kinds.X, kinds.Y)}

    def mean(metric: str) -> float:
        return values[metric].value

    users = len(values["own_label_rank"].values)
    rank = f"rank of the own label among {users}: {mean('own_label_rank'):.1f}"
    chance = f"  (1 is nearest, chance {(users + 1) / 2:.1f})"
    if "silhouette" not in values:
        cosine = f"mean cosine of user and own next items: {mean('cosine_user_label'):.3f}"
        return [f"{users} users, directions only", cosine, rank, chance]
    near = f"h nearer to c than to n: {100 * mean('label_nearer_than_unclicked'):.1f} % of users"
    squared = ("clicked_label", "clicked_unclicked", "label_unclicked")
    shown = ", ".join(f"{mean(f'distance_{name}'):.2f}" for name in squared)
    return [
        f"mean squared distance h-c, h-n, c-n: {shown}",
        f"silhouette of h and c against n: {mean('silhouette'):.3f}",
        near,
        rank,
        chance,
    ]
