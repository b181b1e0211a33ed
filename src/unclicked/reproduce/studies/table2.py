"""Table 2: the six base recommenders and the five variants of the plug-in on SDM."""

from __future__ import annotations

from dataclasses import replace

from unclicked.reproduce.judged import MEASURES, Entry, judge
from unclicked.reproduce.method_tables import (
    beside,
    best_base,
    choices,
    differences,
    improvements,
    reached,
)
from unclicked.reproduce.methods import BASES, FULL, FUSION, SDM, VARIANTS
from unclicked.reproduce.plots import dots
from unclicked.reproduce.results import FINAL, Result, Results
from unclicked.reproduce.study import Figures, Study, Tables
from unclicked.reproduce.tuning import Tuner
from unclicked.reproduce.workplace import Workplace

NAME = "table2"
# (without a part, with it), in the order in which the paper adds them.
PARTS = (
    ("SRU2B (w/o conf+metric)", FUSION),
    (FUSION, "SRU2B (w/o sym)"),
    ("SRU2B (w/o sym)", FULL),
    (FUSION, FULL),
)


BEST = "Best base: by the mean validation HR@50 of the judged seeds."


def _run(place: Workplace) -> list[Result]:
    methods = [*BASES.values(), *VARIANTS.values()]
    tuner = Tuner(place, NAME)
    tuner.choose(methods)
    return [*tuner.rows, *judge(tuner, [Entry(method) for method in methods])]


def _tables(results: Results) -> Tables:
    final = results.where(role=FINAL)
    best = best_base(final, list(BASES))
    against = dict.fromkeys([SDM, best])
    pairs = [(base, name) for base in against for name in VARIANTS]
    bases = [(SDM, name) for name in BASES if name != SDM]
    variants = differences(
        f"Variants against SDM and validation's best base ({best})", final, pairs
    )
    made = [
        reached("Table 2", final, [*BASES, *VARIANTS]),
        replace(variants, notes=[*variants.notes, BEST]),
        improvements(f"Variants above the best base ({best}), relative", final, best, [*VARIANTS]),
        differences("Other bases against SDM", final, bases, ("HR@50", "MRR@50", "R@50")),
        differences("What each part adds", final, PARTS),
    ]
    for data in final.distinct("data"):
        made += beside(data, final.where(data=data), [*BASES, *VARIANTS], MEASURES)
    chosen = choices("Settings chosen on validation", results)
    return made if chosen is None else [*made, chosen]


def _figures(results: Results) -> Figures:
    final = results.where(role=FINAL)
    words = ("uses unclicked items", "base recommender")
    return {"": dots(final, [*BASES, *VARIANTS], strong=list(VARIANTS), words=words)}


STUDY = Study(
    NAME,
    "Table 2: six base recommenders and five variants",
    "Do unclicked items help, and which part of the method helps how much?",
    _run,
    _tables,
    _figures,
)
