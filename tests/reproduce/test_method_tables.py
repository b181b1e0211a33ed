"""What the tables say, by hand."""

from __future__ import annotations

import numpy as np

from unclicked.reproduce.judged import BROKE, LENGTH, MEASURES, POPULARITY
from unclicked.reproduce.method_tables import (
    beside,
    best_base,
    choices,
    differences,
    improvements,
    reached,
)
from unclicked.reproduce.results import CHOSEN, SCREEN, Result, Results
from unclicked.reproduce.tuning import VALIDATION


def rows_of(method: str, *seeds: list[float]) -> list[Result]:
    return [
        Result("s", "d", method, metric, float(np.mean(one)), np.array(one), seed=seed)
        for metric in MEASURES
        for seed, one in enumerate(seeds)
    ]


RESULTS = Results(
    [
        *rows_of(POPULARITY, [0.0, 1.0, 0.0, 0.0]),
        *rows_of("a", [0.0, 1.0, 0.0, 0.0], [0.0, 1.0, 1.0, 0.0]),
        *rows_of("b", [1.0, 1.0, 1.0, 0.0], [1.0, 1.0, 1.0, 0.0]),
        Result("s", "d", "c", BROKE, text="error[X]", seed=4),
        Result("s", "d", "a", VALIDATION, 0.3),
        Result("s", "d", "b", VALIDATION, 0.2),
        Result("s", "d", "", LENGTH, 1.0, np.ones(4)),
    ]
)


def test_means_and_deviations_over_seeds() -> None:
    table = reached("T", RESULTS, ["a", "b", "c"])
    assert [row[:2] for row in table.rows] == [
        ["popularity", "25.00"],
        ["a", "37.50 ± 17.68"],
        ["b", "75.00 ± 0.00"],
        ["c", "-"],
    ]
    assert (2, 1) in set(table.bold)
    assert table.title == "T (d: 4 users)"
    assert "2 seeds" in table.notes[0]
    assert table.notes[1] == "c broke on d with seed 4: error[X]"


def test_controls_are_explained_where_there_are_some() -> None:
    assert not any("shuffled lists" in note for note in reached("T", RESULTS, ["a"]).notes)
    named = Results([*RESULTS.rows, *rows_of("a, shuffled", [0.0, 1.0, 0.0, 0.0])])
    assert "shuffled lists" in reached("T", named, ["a", "a, shuffled"]).notes[-1]


def test_differences_in_points() -> None:
    table = differences("T", RESULTS, [("a", "b"), ("a", "c")], ["HR@50"])
    (row,) = table.rows
    assert row[:4] == ["b", "a", "HR@50", "+37.50"]
    assert row[5] == "+100.00"


def test_methods_that_are_alike_for_every_user_have_no_interval() -> None:
    same = Results([*rows_of("a", [0.0, 1.0, 0.0]), *rows_of("b", [0.0, 1.0, 0.0])])
    (row,) = differences("T", same, [("a", "b")], ["HR@50"]).rows
    assert row[3:5] == ["+0.00", "-"]
    assert row[8] == "-"


def test_the_best_base_is_found_among_those_that_were_judged() -> None:
    # By validation, although the test says otherwise.
    assert best_base(RESULTS, ["a", "b", "c"]) == "a"
    assert best_base(RESULTS, ["c"]) == "c"


def test_ours_stands_beside_the_papers_for_each_length_of_lists() -> None:
    ours = Results(rows_of("BINN", [0.0, 1.0, 1.0, 1.0]))
    short, long = beside("shop", ours, ["BINN", "SRU2B-lab&clk"], MEASURES)
    assert short.title == "shop beside the paper, lists of 50"
    assert len(short.columns) == len(long.columns) == 13
    assert list(short.columns[:7]) == [
        "method",
        "HR@50",
        "Taobao",
        "Tmall",
        "MRR@50",
        "Taobao",
        "Tmall",
    ]
    assert list(short.rows[0][:7]) == ["BINN", "75.00", "36.24", "37.20", "75.00", "8.70", "9.17"]
    assert list(short.rows[1][:7]) == ["SRU2B-lab&clk", "-", "36.91", "-", "-", "9.29", "-"]
    # The pair losses have no lists of 80 in the paper.
    assert list(long.rows[1][1:]) == ["-"] * 12
    assert list(long.rows[0][4:7]) == ["75.00", "8.64", "9.65"]
    assert any("on Tmall is left out" in note for note in short.notes)
    # The misprint is told where it is shown.
    assert [any("8.64" in note for note in one.notes) for one in (short, long)] == [False, True]


def test_a_table_for_the_paper_can_be_cut_by_lists() -> None:
    assert reached("T", RESULTS, ["a"]).groups == len(MEASURES)
    assert [one.groups for one in beside("d", RESULTS, ["SDM"], MEASURES)] == [4, 4]


def test_choices_show_the_whole_grid() -> None:
    rows = [
        Result("s", "d", "a", "validation HR@50", 0.5, role=SCREEN, text="rate=1"),
        Result("s", "d", "a", "validation HR@50", 0.6, role=CHOSEN, text="rate=2"),
    ]
    table = choices("T", Results(rows))
    assert table is not None
    assert [list(row) for row in table.rows] == [
        ["a", "rate=1", "50.00", ""],
        ["a", "rate=2", "60.00", "yes"],
    ]
    assert choices("T", RESULTS) is None


def test_improvements_are_relative_and_marked_where_they_are_not_chance() -> None:
    low, high = [0.25] * 50 + [0.75] * 50, [0.5] * 50 + [1.0] * 49 + [0.0]
    rows = [*rows_of("a", low), *rows_of("b", high), *rows_of("c", low[::-1])]
    table = improvements("T", Results(rows), "a", ["b", "c", "d"])
    # Means 0.5, 0.74 and 0.5: b is 48 % above, by 0.25 for nearly every user.
    assert [row[1:] for row in table.rows] == [["+48.00*"] * 8, ["+0.00"] * 8, ["-"] * 8]
    assert table.columns == ["method", *MEASURES]
    none = improvements("T", Results([*rows_of("z", [0.0] * 100), *rows_of("b", low)]), "z", ["b"])
    assert none.rows[0][1] == "-"
