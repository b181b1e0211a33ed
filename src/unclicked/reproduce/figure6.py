"""Rows of Figure 6: where clicked, unclicked, label and user vectors lie, and the numbers of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from unclicked.data.dataset import PreparedDataset
from unclicked.errors import UserError
from unclicked.reproduce.neighbourhoods import (
    Floats,
    nearer_to_labels,
    own_label_ranks,
    silhouette,
    squared_distances,
    unit,
)
from unclicked.reproduce.projection import project
from unclicked.reproduce.results import Result
from unclicked.reproduce.vectors import Vectors, choose_users, vectors_of
from unclicked.run import Run

# What `method` of a point may be; a picture knows their colours and marks.
CLICKED, UNCLICKED, LABELS = "clicked h", "unclicked n", "labels c"
BASE_USER, FUSED_USER, TARGETS = "user vector h", "user vector z", "next items"
# Beginnings of the panels' titles, which are the rows' `text`; the run's name follows.
METRIC_PANEL, BASE_PANEL, FULL_PANEL = "(a) metric loss", "(b) user vectors", "(c) user vectors"
X, Y = "tsne_x", "tsne_y"


def map_rows(
    study: str,
    data: str,
    base_run: Run,
    full_run: Run,
    dataset: PreparedDataset,
    *,
    max_users: int = 500,
    seed: int = 6,
    names: tuple[str, str] = ("base", "full"),
) -> list[Result]:
    """Points and numbers of both maps, of the same test users for both runs.

    Panel (a), the paper's Figure 6(a), shows h, n and c of the full run as its metric loss measures
    them, by Euclidean distance. Panels (b) and (c) are the paper's Figure 6(b): vectors of two
    runs have no common axes, so that each run gets a map of its own, with the mean of the vectors
    that it scores each user's next items with. Scores are inner products and every run has such
    vectors, so this compares a base, which has no c, with a run that has one; lengths are left
    out (cosine).

    Args:
        study: Name of the study.
        data: Name of the data set's folder.
        base_run: A run whose user vector is h.
        full_run: A run with unclicked and label vectors.
        dataset: The data set of both.
        max_users: Users drawn at most, at least 3.
        seed: Seed of the draw and of the maps, at least 0.
        names: Names of the methods of both runs.

    Returns:
        Rows with metric `tsne_x` and `tsne_y` (`method`: kind of vector; `text`: the panel's title;
        `values`: a point for each user), and rows with the panels' numbers (`method`: name of the
        run), whose values are each user's.

    Raises:
        UserError: The full run has no unclicked or label vectors, there are too few users, or an
            optional package is missing.
        ArtefactError: A run was trained on another data set.

    Source: Figure 6, section 5.4.
    Differs: the paper's 6(b) puts both runs into one map and does not say what its labels are.
    """
    users = choose_users(dataset, full_run.config, max_users, seed)
    base, full = vectors_of(base_run, dataset, users), vectors_of(full_run, dataset, users)
    rows = [
        *_metric_panel(full, f"{METRIC_PANEL}: {names[1]}", names[1], seed),
        *_user_panel(base, f"{BASE_PANEL}: {names[0]}", names[0], BASE_USER, seed),
        *_user_panel(full, f"{FULL_PANEL}: {names[1]}", names[1], FUSED_USER, seed),
    ]
    return [replace(row, study=study, data=data) for row in rows]


def _metric_panel(vectors: Vectors, panel: str, name: str, seed: int) -> Iterator[Result]:
    h, n, c = vectors.clicked, vectors.unclicked, vectors.labels
    if n is None or c is None:
        raise UserError(
            "REPRODUCE-VECTORS",
            name,
            "has no unclicked or no label vectors to be shown. Take a run with a metric loss "
            "that uses both, such as the preset sru2b.",
        )
    yield from _points({CLICKED: h, UNCLICKED: n, LABELS: c}, panel, seed, cosine=False)
    numbers = {
        "distance_clicked_label": squared_distances(h, c),
        "distance_clicked_unclicked": squared_distances(h, n),
        "distance_label_unclicked": squared_distances(c, n),
        "label_nearer_than_unclicked": nearer_to_labels(h, n, c),
        "own_label_rank": own_label_ranks(h, c),
    }
    yield from _numbers(numbers, panel, name)
    parted = silhouette(np.concatenate([h, c]), n)
    yield Result("", "", name, "silhouette", parted, text=panel)


def _user_panel(vectors: Vectors, panel: str, name: str, kind: str, seed: int) -> Iterator[Result]:
    users, targets = unit(vectors.user), unit(vectors.targets)
    yield from _points({kind: users, TARGETS: targets}, panel, seed, cosine=True)
    numbers = {
        "own_label_rank": own_label_ranks(users, targets),
        "cosine_user_label": (users * targets).sum(axis=1),
    }
    yield from _numbers(numbers, panel, name)


def _points(
    groups: Mapping[str, Floats], panel: str, seed: int, *, cosine: bool
) -> Iterator[Result]:
    stacked = np.concatenate(list(groups.values()))
    points = project(stacked, seed=seed, measure="cosine" if cosine else "euclidean")
    for kind, part in zip(groups, np.split(points, len(groups)), strict=True):
        for metric, values in ((X, part[:, 0]), (Y, part[:, 1])):
            yield Result("", "", kind, metric, values=values, text=panel)


def _numbers(numbers: Mapping[str, Floats], panel: str, name: str) -> Iterator[Result]:
    for metric, values in numbers.items():
        yield Result("", "", name, metric, float(values.mean()), values, text=panel)
