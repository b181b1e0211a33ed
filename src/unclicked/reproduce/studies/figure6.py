"""Figure 6: where clicked, unclicked, label and user vectors lie."""

from __future__ import annotations

from dataclasses import replace

from unclicked.page.digits import percent
from unclicked.reproduce.draw_map import draw_map
from unclicked.reproduce.figure6 import map_rows
from unclicked.reproduce.methods import BASES, FULL, SDM, VARIANTS
from unclicked.reproduce.over_training import epoch_rows, over_training
from unclicked.reproduce.pair import trained_pair
from unclicked.reproduce.results import FINAL, Result, Results
from unclicked.reproduce.study import Figures, Study, Tables
from unclicked.reproduce.table import Table
from unclicked.reproduce.workplace import Workplace
from unclicked.run import open_run

NAME = "figure6"
# What each number says, and how it is written.
NUMBERS = {
    "distance_clicked_label": "squared distance of h and c",
    "distance_clicked_unclicked": "squared distance of h and n",
    "distance_label_unclicked": "squared distance of c and n",
    "label_nearer_than_unclicked": "users whose h is nearer to c than to n",
    "silhouette": "silhouette of h and c against n",
    "own_label_rank": "mean rank of a user's own next items among all users'",
    "cosine_user_label": "cosine of user vector and next items",
}


def _run(place: Workplace) -> list[Result]:
    tuner, base, full = trained_pair(place, NAME, BASES[SDM], VARIANTS[FULL])
    dataset = place.datasets[0]
    base_run, full_run = (open_run(path, device=place.device) for path in (base, full))
    rows = map_rows(NAME, dataset.path.name, base_run, full_run, dataset, names=(SDM, FULL))
    rows += epoch_rows(NAME, dataset.path.name, FULL, full)
    return [*tuner.rows, *(replace(row, seed=place.seeds[0]) for row in rows)]


def _tables(results: Results) -> Tables:
    final = results.where(role=FINAL)
    rows = []
    for row in final.rows:
        if row.metric in NUMBERS:
            share = row.metric == "label_nearer_than_unclicked"
            shown = percent(row.value) if share else f"{row.value:.3f}"
            rows.append([row.text, NUMBERS[row.metric], shown])
    notes = [
        f"Users of the test, models of seed {final.rows[0].seed}. "
        "A rank of 1 says that no other user's items are nearer."
    ]
    columns = ["map", "number", "value"]
    title = f"Figure 6 in numbers ({final.rows[0].data})"
    made = [Table(title, columns, rows, notes=notes, numbers={2})]
    curves = over_training(final)
    return made if curves is None else [*made, curves]


def _figures(results: Results) -> Figures:
    return {"": draw_map(results.where(role=FINAL))}


STUDY = Study(
    NAME,
    "Figure 6: maps of the vectors",
    "Does the metric loss bring clicked vectors to the labels, and away from the unclicked?",
    _run,
    _tables,
    _figures,
    extra="figures",
)
