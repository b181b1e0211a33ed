"""The maps show every point of the rows, and their numbers."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from unclicked.reproduce import figure6
from unclicked.reproduce.draw_map import LOOKS, draw_map
from unclicked.reproduce.results import Result, Results

USERS = 6


@pytest.fixture(scope="module")
def rows() -> Results:
    rng, made = np.random.default_rng(0), []
    panels = {
        "(a) metric loss: B": (figure6.CLICKED, figure6.UNCLICKED, figure6.LABELS),
        "(b) user vectors: A": (figure6.BASE_USER, figure6.TARGETS),
    }
    for text, kinds in panels.items():
        for kind in kinds:
            for metric in ("tsne_x", "tsne_y"):
                made.append(
                    Result("s", "d", kind, metric, values=rng.normal(size=USERS), text=text)
                )
    numbers = {
        "distance_clicked_label": 1.25, "distance_clicked_unclicked": 2.5,
        "distance_label_unclicked": 3.75, "label_nearer_than_unclicked": 0.875,
        "own_label_rank": 2.25, "silhouette": 0.4375,
    }  # fmt: skip
    for metric, value in numbers.items():
        made.append(Result("s", "d", "B", metric, value, np.full(USERS, value),
                           text="(a) metric loss: B"))  # fmt: skip
    for metric, value in (("own_label_rank", 1.75), ("cosine_user_label", 0.625)):
        made.append(Result("s", "d", "A", metric, value, np.full(USERS, value),
                           text="(b) user vectors: A"))  # fmt: skip
    return Results(made)


@pytest.fixture(scope="module")
def figure(rows: Results) -> Figure:
    return draw_map(rows)


def test_every_point_is_there(rows: Results, figure: Figure) -> None:
    assert [one.get_title(loc="left") for one in figure.axes] == rows.where(
        metric="tsne_x"
    ).distinct("text")
    for axes in figure.axes:
        own = rows.where(text=axes.get_title(loc="left"))
        drawn = np.concatenate([part.get_offsets() for part in axes.collections])
        wanted = np.stack(
            [np.concatenate([row.values for row in own.where(metric=m).rows])
             for m in ("tsne_x", "tsne_y")], axis=1,
        )  # fmt: skip
        assert sorted(map(tuple, drawn)) == sorted(map(tuple, wanted))


def test_numbers_are_told(figure: Figure) -> None:
    first, second = (" ".join(text.get_text() for text in one.texts) for one in figure.axes)
    for text in ("1.25, 2.50, 3.75", "0.438", "87.5 % of users", "among 6: 2.2", "chance 3.5"):
        assert text in first
    assert "0.625" in second and "among 6: 1.8" in second


def test_kinds_differ_without_colour(figure: Figure) -> None:
    for axes in figure.axes:
        legend = axes.get_legend()
        assert legend is not None
        names = [text.get_text() for text in legend.get_texts()]
        assert len({LOOKS[name][1] for name in names}) == len(names) >= 2


def test_the_same_each_time(rows: Results, figure: Figure) -> None:
    again = draw_map(rows)
    for first, second in zip(figure.axes, again.axes, strict=True):
        for one, other in zip(first.collections, second.collections, strict=True):
            assert (one.get_offsets() == other.get_offsets()).all()
