"""What the paper prints, against values and improvements read from its tables by eye."""

from __future__ import annotations

import pytest

from unclicked.errors import UserError
from unclicked.reproduce import paper_numbers as paper
from unclicked.reproduce.methods import BASES, TRIPLETS, VARIANTS
from unclicked.reproduce.paper_numbers import improvement, methods_of, paper_value, starred

# The right halves of Table 2's columns.
PRINTED = {
    ("Taobao", "DNN"): "-17.42 -24.94 -20.44 -19.72 -15.93 -24.43 -18.29 -17.93",
    ("Taobao", "GRU4REC"): "-10.70 -11.40 -10.50 -11.27 -10.18 -11.35 -9.76 -10.34",
    ("Taobao", "NARM"): "-9.90 -7.45 -8.29 -8.45 -7.85 -7.89 -6.91 -7.59",
    ("Taobao", "SHAN"): "-6.26 -0.23 -0.00 -1.41 -6.34 -0.54 -0.41 -2.76",
    ("Taobao", "BINN"): "-0.08 -1.81 -4.42 -2.82 -0.92 -6.59 -4.88 -4.14",
    ("Taobao", "SRU2B (w/o conf+metric)"): "+1.38 +2.93 +0.55 +0.70 +1.67 +2.16 +0.81 +0.69",
    ("Taobao", "SRU2B (w/o metric)"): "+2.21 +2.93 +1.66 +2.11 +2.52 +3.03 +3.25 +2.76",
    ("Taobao", "SRU2B (w/o fusion+sym)"): "+2.37 +2.60 +4.42 +3.52 +2.68 +2.81 +4.88 +4.83",
    ("Taobao", "SRU2B (w/o sym)"): "+3.03 +4.85 +3.31 +3.52 +3.62 +4.97 +4.88 +4.83",
    ("Taobao", "SRU2B"): "+4.69 +6.21 +6.08 +5.63 +3.98 +5.41 +6.10 +5.52",
    ("Tmall", "DNN"): "-19.47 -26.37 -21.86 -21.12 -16.71 -25.23 -18.34 -17.39",
    ("Tmall", "GRU4REC"): "-9.07 -6.09 -7.91 -7.45 -8.90 -7.40 -8.30 -8.07",
    ("Tmall", "NARM"): "-8.09 -5.88 -5.58 -5.59 -7.30 -5.78 -5.19 -5.59",
    ("Tmall", "SHAN"): "-7.11 -0.42 -0.00 -1.24 -6.42 -0.00 -2.08 -3.73",
    ("Tmall", "BINN"): "-1.61 -3.68 -5.12 -4.35 -0.20 -2.23 -2.08 -1.24",
    ("Tmall", "SRU2B (w/o conf+metric)"): "+1.08 +2.42 +1.86 +1.86 +1.35 +3.14 +2.77 +3.11",
    ("Tmall", "SRU2B (w/o metric)"): "+1.98 +1.58 +2.33 +1.86 +2.66 +2.43 +3.81 +3.73",
    ("Tmall", "SRU2B (w/o fusion+sym)"): "+2.33 +3.05 +2.79 +2.48 +2.61 +3.85 +3.81 +3.73",
    ("Tmall", "SRU2B (w/o sym)"): "+2.62 +3.05 +2.79 +3.11 +3.58 +3.85 +4.50 +4.35",
    ("Tmall", "SRU2B"): "+2.91 +3.89 +2.79 +3.11 +3.05 +3.44 +5.19 +4.97",
}


@pytest.mark.parametrize(
    ("data", "method", "metric", "percent"),
    [
        ("Taobao", "DNN", "HR@50", 29.95),
        ("Taobao", "GRU4REC", "F1@80", 1.30),
        ("Taobao", "SHAN", "R@80", 2.45),
        ("Taobao", "BINN", "MRR@80", 8.64),
        ("Taobao", "SDM", "HR@80", 43.70),
        ("Taobao", "SRU2B w/o conf+metric", "MRR@50", 9.12),
        ("Taobao", "SRU2B (w/o fusion+sym)", "R@50", 1.89),
        ("Taobao", "SRU2B", "HR@50", 37.97),
        ("Taobao", "SRU2B-unclick&lab", "MRR@50", 8.79),
        ("Taobao", "SRU2B-lab&clk", "HR@50", 36.91),
        ("Taobao", "SRU2B-unclick&clk", "F1@50", 1.46),
        ("Tmall", "NARM", "HR@80", 41.89),
        ("Tmall", "SDM", "HR@50", 37.81),
        ("Tmall", "SRU2B w/o metric", "MRR@80", 10.11),
        ("Tmall", "SRU2B w/o sym", "HR@80", 46.81),
        ("Tmall", "SRU2B", "F1@80", 1.69),
    ],
)
def test_values_are_the_printed_ones(data: str, method: str, metric: str, percent: float) -> None:
    assert paper_value(data, method, metric) == percent


def test_all_values_of_a_method() -> None:
    # Read from Table 3 and the last line of Table 2.
    pair = {"HR@50": 37.34, "MRR@50": 9.40, "R@50": 1.86, "F1@50": 1.46}
    assert paper.paper_values("Taobao", "SRU2B-unclick&clk") == pair
    assert paper.paper_values("Tmall", "SRU2B-unclick&clk") == {}
    assert list(paper.paper_values("Tmall", "SRU2B").values()) == [
        38.91, 9.89, 2.21, 1.66, 46.57, 10.21, 3.04, 1.69,
    ]  # fmt: skip
    with pytest.raises(UserError, match="data set 'JD'"):
        paper.paper_values("JD", "SDM")


def test_improvements_are_the_printed_ones() -> None:
    for (data, method), line in PRINTED.items():
        for metric, printed in zip(paper.METRICS, line.split(), strict=True):
            assert improvement(data, method, metric) == pytest.approx(float(printed), abs=0.0051)
    others = {
        (data, method)
        for data in paper.DATA_SETS
        for method in (*paper.BASELINES, *paper.VARIANTS)
        if method != paper.BASE
    }
    assert set(PRINTED) == others
    assert improvement("Tmall", paper.BASE, "HR@50") == 0


def test_longer_lists_never_find_less_but_where_the_paper_errs() -> None:
    falls = {
        (data, method, f"{name}@80")
        for data in paper.DATA_SETS
        for method in (*paper.BASELINES, *paper.VARIANTS)
        for name in ("HR", "MRR", "R")
        if paper_value(data, method, f"{name}@80") < paper_value(data, method, f"{name}@50")
    }
    assert falls == set(paper.MISPRINTS) == {("Taobao", "BINN", "MRR@80")}


def test_the_pair_losses_are_on_taobao_with_lists_of_50_alone() -> None:
    assert methods_of("Taobao") == (*paper.BASELINES, *paper.VARIANTS, *paper.PAIRS)
    assert methods_of("Tmall") == (*paper.BASELINES, *paper.VARIANTS)
    with pytest.raises(UserError, match=r"PAPER-NUMBER.*'HR@80'.*it has HR@50, MRR@50, R@50, F1@5"):
        paper_value("Taobao", "SRU2B-lab&clk", "HR@80")
    with pytest.raises(UserError, match="'SRU2B-lab&clk' on Tmall"):
        paper_value("Tmall", "SRU2B-lab&clk", "HR@50")


@pytest.mark.parametrize(
    ("data", "method", "metric", "message"),
    [
        ("taobao", "SDM", "HR@50", "data set 'taobao'.*it has Taobao, Tmall"),
        ("Taobao", "sdm", "HR@50", "method 'sdm' on Taobao.*it has DNN, GRU4REC"),
        ("Taobao", "SDM", "HR@10", "metric 'HR@10' of SDM on Taobao.*it has HR@50"),
    ],
)
def test_what_the_paper_lacks_is_refused(data: str, method: str, metric: str, message: str) -> None:
    for look_up in (paper_value, improvement, starred):
        with pytest.raises(UserError, match=message):
            look_up(data, method, metric)


def test_stars_stand_at_the_full_model() -> None:
    stars = {
        (data, method, metric)
        for data in paper.DATA_SETS
        for method in (*paper.BASELINES, *paper.VARIANTS)
        for metric in paper.METRICS
        if starred(data, method, metric)
    }
    assert len(stars) == 15
    assert {method for _, method, _ in stars} == {"SRU2B"}
    assert ("Tmall", "SRU2B", "MRR@80") not in stars


def test_the_data_are_table_1_s() -> None:
    taobao, tmall = (paper.STATISTICS[name] for name in paper.DATA_SETS)
    assert list(taobao) == list(tmall)
    assert (taobao["users"], tmall["items"]) == (358978, 908214)
    assert (taobao["training samples"], tmall["test samples"]) == (1041094, 20134)
    assert (taobao["long-term clicks"], tmall["unclicked items"]) == (20.87, 64.26)
    # A list holds 100 unclicked items at most.
    assert max(taobao["unclicked items"], tmall["unclicked items"]) < 100


def test_grids_hold_what_the_paper_found_best() -> None:
    assert paper.MARGINS == (0.01, 0.1, 1, 3, 5, 10)
    assert paper.WEIGHTS == (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 20, 30, 50)
    assert paper.BEST_MARGIN in paper.MARGINS
    assert paper.BEST_WEIGHT in paper.WEIGHTS


def test_the_methods_that_are_run_are_found_by_their_names() -> None:
    assert tuple(BASES) == paper.BASELINES
    assert tuple(VARIANTS) == paper.VARIANTS
    assert tuple(TRIPLETS)[:3] == paper.PAIRS
    assert all(paper_value("Taobao", name, "HR@50") > 36 for name in TRIPLETS)
