"""Table 2: the six base recommenders and the five variants of the plug-in on SDM."""

from __future__ import annotations

from unclicked.reproduce.comparing import per_user
from unclicked.reproduce.judged import MEASURES, Entry, judge
from unclicked.reproduce.method_tables import best_base, choices, differences, reached
from unclicked.reproduce.methods import BASES, FULL, FUSION, SDM, VARIANTS
from unclicked.reproduce.paper_numbers import DATA_SETS, paper_value
from unclicked.reproduce.plots import dots
from unclicked.reproduce.results import FINAL, Result, Results
from unclicked.reproduce.study import Figures, Study, Tables
from unclicked.reproduce.table import Table
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
    made = [
        reached("Table 2", final, [*BASES, *VARIANTS]),
        differences(f"Variants against SDM and validation's best base ({best})", final, pairs),
        differences("Other bases against SDM", final, bases, ("HR@50", "MRR@50", "R@50")),
        differences("What each part adds", final, PARTS),
        *(_beside(final.where(data=data), data) for data in final.distinct("data")),
    ]
    chosen = choices("Settings chosen on validation", results)
    return made if chosen is None else [*made, chosen]


def _beside(final: Results, data: str) -> Table:
    """Ours beside what the paper printed for its private logs."""
    rows = []
    for name in (*BASES, *VARIANTS):
        ours = [per_user(final, name, metric) for metric in MEASURES]
        row = [name]
        for metric, values in zip(MEASURES, ours, strict=True):
            row.append(f"{100 * values.mean():.2f}" if len(values) else "-")
            row += [f"{paper_value(log, name, metric):.2f}" for log in DATA_SETS]
        rows.append(row)
    columns = ["method"]
    for metric in MEASURES:
        columns += [metric, *DATA_SETS]
    return Table(
        f"{data} beside the paper",
        columns,
        rows,
        notes=["The paper's logs are private: the order can be compared, the height cannot."],
        numbers=set(range(1, len(columns))),
    )


def _figures(results: Results) -> Figures:
    final = results.where(role=FINAL)
    return {"": dots(final, [*BASES, *VARIANTS], strong=list(VARIANTS))}


STUDY = Study(
    NAME,
    "Table 2: six base recommenders and five variants",
    "Do unclicked items help, and which part of the method helps how much?",
    _run,
    _tables,
    _figures,
)
