"""Tables of the study `plugin`: a name that none of its methods has would leave rows out."""

from __future__ import annotations

import numpy as np

from unclicked.reproduce.judged import MEASURES
from unclicked.reproduce.methods import BASES
from unclicked.reproduce.results import Result, Results
from unclicked.reproduce.studies.plugin import NAME, STUDY

ENDS = {"": 0.0, " + fusion": 0.5, " + SRU2B": 0.25, " + fusion, shuffled": 0.0}


def rows() -> list[Result]:
    made = []
    for place, base in enumerate(BASES):
        for end, more in ENDS.items():
            # Users who differ; the fusion adds half to each, the full method a quarter.
            values = np.arange(4) * 0.1 + 0.01 * place + more
            for metric in MEASURES:
                mean = float(values.mean())
                made.append(Result(NAME, "d", base + end, metric, mean, values, seed=1))
            if "+" in end:
                made.append(Result(NAME, "d", base + end, "gate_mean", 0.5, seed=1))
                made.append(Result(NAME, "d", base + end, "gate_low", 0.4, seed=1))
                made.append(Result(NAME, "d", base + end, "gate_high", 0.6, seed=1))
    return made


def test_no_row_is_missing() -> None:
    tables = {table.title.partition(" (")[0]: table for table in STUDY.tables(Results(rows()))}
    counts = {title: len(table.rows) for title, table in tables.items()}
    assert counts == {
        "The plug-in on six base recommenders": 1 + 6 * 4,
        "Each user's mean over the six": 5 * 3,
        "Each against its own base": 6 * 3 * 3,
        "True lists against shuffled ones": 6 * 2,
        "How far the gate opens": 6 * 3,
    }
    together = tables["Each user's mean over the six"].rows
    assert [row[:4] for row in together if row[2] == "HR@50"] == [
        ["the six + fusion", "the six", "HR@50", "+50.00"],
        ["the six + SRU2B", "the six", "HR@50", "+25.00"],
        ["the six + fusion, shuffled", "the six", "HR@50", "+0.00"],
        ["the six + fusion", "the six + fusion, shuffled", "HR@50", "+50.00"],
        ["the six + SRU2B", "the six + fusion", "HR@50", "-25.00"],
    ]
