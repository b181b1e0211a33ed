"""Controls: what is left of the gain when the unclicked lists, or the labels, tell nothing."""

from __future__ import annotations

from unclicked.reproduce.judged import Entry, judge
from unclicked.reproduce.method_tables import choices, differences, reached
from unclicked.reproduce.methods import BASES, FULL, FUSION, SDM, VARIANTS
from unclicked.reproduce.over_training import gates
from unclicked.reproduce.plots import dots
from unclicked.reproduce.results import FINAL, Result, Results
from unclicked.reproduce.strata import strata
from unclicked.reproduce.study import Figures, Study, Tables
from unclicked.reproduce.tuning import Tuner
from unclicked.reproduce.workplace import Workplace

NAME = "controls"
SOURCES = ("shuffled", "random", "matched")
_FULL, _FUSION = VARIANTS[FULL], VARIANTS[FUSION]
_OF_LISTS = [
    method.with_extra(f"{method.name}, {source}", data__unclicked__source=source)
    for method in (_FULL, _FUSION)
    for source in SOURCES
]
_PERMUTED = _FULL.with_extra(f"{FULL}, labels permuted", model__metric_labels="permuted")
_METHODS = [BASES[SDM], _FUSION, _FULL, _PERMUTED, *_OF_LISTS]


def _run(place: Workplace) -> list[Result]:
    tuner = Tuner(place, NAME)
    tuner.choose(_METHODS)
    return [*tuner.rows, *judge(tuner, [Entry(method) for method in _METHODS])]


def _tables(results: Results) -> Tables:
    final = results.where(role=FINAL)
    to_base = [(SDM, one.name) for one in _METHODS if one.name != SDM]
    own = [(one.name, one.name.split(",")[0]) for one in _OF_LISTS]
    metric = [(FUSION, FULL), (FUSION, _PERMUTED.name), (_PERMUTED.name, FULL)]
    made = [
        reached("Controls", final, [one.name for one in _METHODS]),
        differences("Against the base", final, to_base, ("HR@50", "MRR@50", "R@50")),
        differences("True lists against their controls", final, own, ("HR@50", "R@50")),
        differences("The metric loss and its control", final, metric, ("HR@50", "MRR@50", "R@50")),
        strata(final, SDM, [FUSION, FULL, f"{FUSION}, shuffled"]),
    ]
    more = (
        gates(final, [one.name for one in _METHODS]),
        choices("Settings chosen on validation", results),
    )
    return [*made, *(table for table in more if table is not None)]


def _figures(results: Results) -> Figures:
    names = [one.name for one in _METHODS]
    words = ("true unclicked lists and labels", "base recommender, or control")
    return {"": dots(results.where(role=FINAL), names, strong=[FUSION, FULL], words=words)}


STUDY = Study(
    NAME,
    "Controls: lists and labels that tell nothing",
    "Is it the unclicked items that help, or only more weights and a further loss?",
    _run,
    _tables,
    _figures,
)
