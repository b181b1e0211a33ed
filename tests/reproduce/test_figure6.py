"""Rows of the maps: the right vectors in the right panel, and numbers of each user."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from unclicked.data.dataset import PreparedDataset
from unclicked.errors import UserError
from unclicked.reproduce import figure6, vectors
from unclicked.reproduce.results import Results
from unclicked.run import Run, open_run

PANELS = ["(a) metric loss: B", "(b) user vectors: A", "(c) user vectors: B"]


@pytest.fixture(scope="module")
def runs(tiny_base: Path, tiny_run: Path) -> tuple[Run, Run]:
    return open_run(tiny_base), open_run(tiny_run)


@pytest.fixture
def rows(
    runs: tuple[Run, Run], tiny_data: PreparedDataset, monkeypatch: pytest.MonkeyPatch
) -> Results:
    """Rows of a map that shows two of the dimensions as they are, so that points can be traced."""
    monkeypatch.setattr(figure6, "project", lambda stacked, *, seed, measure: stacked[:, :2])
    monkeypatch.setattr(figure6, "silhouette", lambda together, apart: float(len(together)))
    made = figure6.map_rows("s", "d", *runs, tiny_data, max_users=9, seed=4, names=("A", "B"))
    return Results(made)


def test_points_are_of_the_named_vectors(
    rows: Results, runs: tuple[Run, Run], tiny_data: PreparedDataset
) -> None:
    users = vectors.choose_users(tiny_data, runs[1].config, 9, 4)
    base, full = (vectors.vectors_of(run, tiny_data, users) for run in runs)

    def directions(array: np.ndarray) -> np.ndarray:
        return np.array([one / np.sqrt((one**2).sum()) for one in array])

    wanted = {
        (PANELS[0], "clicked h"): full.clicked,
        (PANELS[0], "unclicked n"): full.unclicked,
        (PANELS[0], "labels c"): full.labels,
        (PANELS[1], "user vector h"): directions(base.clicked),
        (PANELS[1], "next items"): directions(base.targets),
        (PANELS[2], "user vector z"): directions(full.user),
        (PANELS[2], "next items"): directions(full.targets),
    }
    points = [row for row in rows.rows if row.metric in ("tsne_x", "tsne_y")]
    assert {(row.text, row.method) for row in points} == set(wanted)
    assert len(points) == 2 * len(wanted)
    for row in points:
        array = wanted[row.text, row.method]
        assert array is not None
        assert row.values == pytest.approx(array[:, int(row.metric == "tsne_y")])


def test_numbers_are_means_over_users(rows: Results) -> None:
    assert rows.distinct("study") == ["s"] and rows.distinct("data") == ["d"]
    assert rows.distinct("text") == PANELS
    numbers = [row for row in rows.rows if not np.isnan(row.value)]
    told = {(row.text[:3], row.method, row.metric) for row in numbers}
    user = {(p, m, k) for p, m in (("(b)", "A"), ("(c)", "B"))
            for k in ("own_label_rank", "cosine_user_label")}  # fmt: skip
    metric = {("(a)", "B", k) for k in (
        "distance_clicked_label", "distance_clicked_unclicked", "distance_label_unclicked",
        "label_nearer_than_unclicked", "own_label_rank", "silhouette",
    )}  # fmt: skip
    assert told == user | metric
    for row in numbers:
        if row.metric == "silhouette":
            # Here: the number of h and c.
            assert row.value == 18 and not len(row.values)
        else:
            assert len(row.values) == 9
            assert row.value == pytest.approx(sum(row.values.tolist()) / 9)


def test_a_base_has_no_map_of_the_metric_loss(
    runs: tuple[Run, Run], tiny_data: PreparedDataset
) -> None:
    with pytest.raises(UserError, match="has no unclicked or no label vectors"):
        figure6.map_rows("s", "d", runs[1], runs[0], tiny_data, max_users=9)


def test_with_the_real_map(runs: tuple[Run, Run], tiny_data: PreparedDataset) -> None:
    made = Results(figure6.map_rows("s", "d", *runs, tiny_data, max_users=9, seed=4))
    points = made.where(metric="tsne_x").rows
    assert [len(row.values) for row in points] == [9] * 7
    assert -1 <= made.where(metric="silhouette").rows[0].value <= 1
