"""The claim behind the paper's name: the plug-in helps any base recommender."""

from __future__ import annotations

from unclicked.reproduce.judged import Entry, judge
from unclicked.reproduce.method_tables import choices, differences, reached
from unclicked.reproduce.methods import BASES, Method
from unclicked.reproduce.over_training import gates
from unclicked.reproduce.plots import dots
from unclicked.reproduce.pooled import pooled
from unclicked.reproduce.results import FINAL, Result, Results
from unclicked.reproduce.study import Figures, Study, Tables
from unclicked.reproduce.tuning import Tuner
from unclicked.reproduce.workplace import Workplace

NAME = "plugin"


def _with_plugin(base: Method) -> Method:
    return Method(f"{base.name} + SRU2B", base.encoder, "confidence", "symmetric")


def _with_fusion(base: Method) -> Method:
    return Method(f"{base.name} + fusion", base.encoder, "confidence", "none")


def _control(base: Method) -> Method:
    name = f"{base.name} + fusion, shuffled"
    return _with_fusion(base).with_extra(name, data__unclicked__source="shuffled")


_KINDS = (_with_fusion, _with_plugin, _control)
_METHODS = [one for base in BASES.values() for one in (base, *(kind(base) for kind in _KINDS))]


_SIX = "the six"
_TOGETHER = {
    _SIX: [base.name for base in BASES.values()],
    f"{_SIX} + fusion": [_with_fusion(base).name for base in BASES.values()],
    f"{_SIX} + SRU2B": [_with_plugin(base).name for base in BASES.values()],
    f"{_SIX} + fusion, shuffled": [_control(base).name for base in BASES.values()],
}
_OF_ALL = [(_SIX, name) for name in _TOGETHER if name != _SIX]
_OF_ALL += [(f"{_SIX} + fusion, shuffled", f"{_SIX} + fusion")]
_OF_ALL += [(f"{_SIX} + fusion", f"{_SIX} + SRU2B")]


def _run(place: Workplace) -> list[Result]:
    tuner = Tuner(place, NAME)
    tuner.choose(_METHODS)
    return [*tuner.rows, *judge(tuner, [Entry(method) for method in _METHODS])]


def _tables(results: Results) -> Tables:
    final = results.where(role=FINAL)
    pairs = [(base.name, kind(base).name) for base in BASES.values() for kind in _KINDS]
    true = [(_control(base).name, _with_fusion(base).name) for base in BASES.values()]
    measures = ("HR@50", "MRR@50", "R@50")
    together = pooled(final, _TOGETHER, measures)
    made = [
        reached("The plug-in on six base recommenders", final, [one.name for one in _METHODS]),
        differences("Each user's mean over the six", together, _OF_ALL, measures),
        differences("Each against its own base", final, pairs, measures),
        differences("True lists against shuffled ones", final, true, ("HR@50", "R@50")),
    ]
    more = (
        gates(final, [one.name for one in _METHODS]),
        choices("Settings chosen on validation", results),
    )
    return [*made, *(table for table in more if table is not None)]


def _figures(results: Results) -> Figures:
    strong = [kind(base).name for base in BASES.values() for kind in _KINDS[:2]]
    final = results.where(role=FINAL)
    words = ("with true unclicked lists", "without, or with shuffled ones")
    return {"": dots(final, [one.name for one in _METHODS], strong=strong, words=words)}


STUDY = Study(
    NAME,
    "The plug-in on all six base recommenders",
    "Does the plug-in help whichever recommender it is put on?",
    _run,
    _tables,
    _figures,
)
