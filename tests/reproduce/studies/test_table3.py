"""Table 3: the paper's numbers stand beside ours."""

from __future__ import annotations

import numpy as np

from unclicked.reproduce.results import Result, Results
from unclicked.reproduce.studies.table3 import STUDY

# The paper's Table 3, and for the rows that it shares with Table 2 that one's numbers for Tmall.
PRINTED = {
    "SDM": "36.27 37.81 8.86 9.52 1.81 2.15 1.42 1.61",
    "SRU2B (w/o metric)": "37.07 38.56 9.12 9.67 1.84 2.20 1.45 1.64",
    "SRU2B-unclick&lab": "36.69 - 8.79 - 1.83 - 1.43 -",
    "SRU2B-lab&clk": "36.91 - 9.29 - 1.85 - 1.45 -",
    "SRU2B-unclick&clk": "37.34 - 9.40 - 1.86 - 1.46 -",
    "SRU2B (w/o sym)": "37.37 38.80 9.29 9.81 1.87 2.21 1.47 1.66",
    "SRU2B": "37.97 38.91 9.41 9.89 1.92 2.21 1.50 1.66",
}


def test_ours_stands_beside_the_papers_for_each_data_set() -> None:
    rows = [
        Result("table3", data, "SRU2B-lab&clk", "HR@50", values=np.array(values), seed=1)
        for data, values in (("a", [0.0, 1.0]), ("b", [1.0, 1.0]))
    ]
    tables = {one.title: one for one in STUDY.tables(Results(rows))}
    for data, ours in (("a", "50.00"), ("b", "100.00")):
        table = tables[f"{data} beside the paper, lists of 50"]
        shown = {row[0]: list(row[1:]) for row in table.rows}
        assert list(shown) == list(PRINTED)
        for name, line in PRINTED.items():
            cells = shown[name]
            theirs = [cells[k] for k in range(12) if k % 3]
            assert theirs == line.split()
        assert shown["SRU2B-lab&clk"][0] == ours
        assert shown["SDM"][0] == "-"
