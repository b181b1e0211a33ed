"""Table 3: which distances the metric loss should compare."""

from __future__ import annotations

from unclicked.reproduce.judged import Entry, judge
from unclicked.reproduce.method_tables import beside, choices, differences, reached
from unclicked.reproduce.methods import BASES, FULL, FUSION, SDM, TRIPLETS, VARIANTS
from unclicked.reproduce.paper_numbers import METRICS
from unclicked.reproduce.plots import dots
from unclicked.reproduce.results import FINAL, Result, Results
from unclicked.reproduce.study import Figures, Study, Tables
from unclicked.reproduce.tuning import Tuner
from unclicked.reproduce.workplace import Workplace

NAME = "table3"
# The paper has no other lists in this table.
_METRICS = [metric for metric in METRICS if metric.endswith("@50")]
# Beside the paper's rows: the fusion without any metric loss, without which none of them says much.
_METHODS = {SDM: BASES[SDM], FUSION: VARIANTS[FUSION], **TRIPLETS}


def _run(place: Workplace) -> list[Result]:
    tuner = Tuner(place, NAME)
    tuner.choose(list(_METHODS.values()))
    return [*tuner.rows, *judge(tuner, [Entry(method) for method in _METHODS.values()])]


def _tables(results: Results) -> Tables:
    final = results.where(role=FINAL)
    pairs = [(base, name) for base in (SDM, FUSION) for name in _METHODS if name != base]
    pairs = [(base, name) for base, name in pairs if (base, name) != (FUSION, SDM)]
    pairs.append(("SRU2B (w/o sym)", FULL))
    made = [
        reached("Table 3", final, list(_METHODS)),
        differences("Against SDM, against fusion alone, and symmetric against not", final, pairs),
    ]
    for data in final.distinct("data"):
        made += beside(data, final.where(data=data), list(_METHODS), _METRICS)
    chosen = choices("Settings chosen on validation", results)
    return made if chosen is None else [*made, chosen]


def _figures(results: Results) -> Figures:
    final, words = results.where(role=FINAL), ("with a metric loss", "without")
    return {"": dots(final, list(_METHODS), strong=list(TRIPLETS), words=words)}


STUDY = Study(
    NAME,
    "Table 3: structures of the metric loss",
    "Which pairs of vectors should the metric loss pull together and push apart?",
    _run,
    _tables,
    _figures,
)
