"""The page: whole, self-contained, escaped, and with the numbers it was given."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from tests.page.document_twin import Page, number

from unclicked.data.dataset import PreparedDataset
from unclicked.errors import ResourceError
from unclicked.report.diagnostics import alignment_curves, distance_curves, gate_curve
from unclicked.report.facts import ReportFacts
from unclicked.report.page import page, write_report


def test_nothing_is_asked_from_outside(text: str) -> None:
    seen = Page(text)
    outside = [one for one in seen.references if not one.startswith(("#", "data:,"))]
    assert outside == []
    assert seen.references
    assert "://" not in text
    assert "@import" not in text
    assert not seen.tags & {"script", "iframe", "object", "embed", "form"}


def test_ids_are_unique(text: str) -> None:
    ids = Page(text).ids
    assert len(ids) == len(set(ids))


def test_texts_are_escaped(text: str) -> None:
    for raw in ("<biscuits>", "<helped>", "<i3>", "<img src=x>", "0 < 1", "thin & small", "a&b"):
        assert raw not in text
        assert raw in "".join(Page(text).text)


def test_numbers_are_those_given(facts: ReportFacts, text: str) -> None:
    tables = Page(text).tables
    for run, cells in zip(facts.runs, tables["runs"][1:], strict=True):
        assert cells[0] == run.name
        assert number(cells[1]) == pytest.approx(100 * run.evaluation["metrics"]["HR@50"])
        assert cells[1].endswith("\N{PLUS-MINUS SIGN}2.00")
    for row, cells in zip(facts.comparisons, tables["comparisons"][1:], strict=True):
        assert cells[:3] == [Path(row["run"]).name, Path(row["base"]).name, row["metric"]]
        assert number(cells[3]) == pytest.approx(100 * row["difference"])
        assert [number(end) for end in cells[4].split(" to ")] == pytest.approx(
            [100 * end for end in row["ci95"]]
        )
        assert number(cells[7]) == row["p_holm"]


def test_lists_say_what_was_hit(text: str) -> None:
    tables = Page(text).tables
    assert tables["lists-helped"] == [
        ["rank", "base", "unclicked"],
        ["1", "Boots i1", "<i3> kind \N{CHECK MARK} clicked later"],
        ["2", "<img src=x> i2 left before", "<img src=x> i2 left before"],
    ]
    assert "img" not in Page(text).tags


def test_users_are_counted_in_every_table(text: str) -> None:
    tables = Page(text).tables
    assert [row[1:4] for row in tables["spread"][1:]] == [["2 40 %", "2 40 %", "1 20 %"]] * 2
    assert tables["strata"][1:] == [
        ["0", "2", "+50.00", "\u221225.00 to +75.00", "+50.00", "\u221225.00 to +75.00"],
        ["3 to 9", "1", "\u221250.00", "n/a", "\u221250.00", "n/a"],
    ]


def test_pictures_say_their_numbers(text: str) -> None:
    labels = re.findall(r'role="img"[^>]*aria-label="([^"]*)"', text)
    assert len(labels) == text.count("<svg")
    for words in (
        "Bars of HR@50: popularity 20.00 %, base 40.00 %",
        "1 of 5 users lose (20 %), 2 see no change (40 %), 2 gain (40 %)",
        "0 items, 2 users: +50.00 (-25.00 to +75.00); 3 to 9 items, 1 users: -50.00",
        "Gate of unclicked by step: mean starts at 1.02 and ends at 1.99",
        "Alignment of unclicked by epoch: brand ends at -0.30",
    ):
        assert any(words in one for one in labels), words


def test_a_page_of_one_pair_alone(facts: ReportFacts) -> None:
    bare = [replace(run, log=[]) for run in facts.runs[1:3]]
    pair = replace(
        facts, runs=bare, comparisons=facts.comparisons[:1], control="", card={}, spreads=(),
        strata={}, warnings=(), users=None, made=(), commands=(),
    )  # fmt: skip
    words = "".join(Page(page(pair)).text)
    gone = ("Three users", "User by user", "How it was made", "control", "Training", "Data")
    assert [one for one in gone if one in words] == []


def test_a_run_without_gates_lacks_that_picture(facts: ReportFacts) -> None:
    run = facts.runs[2]
    log = [
        {key: one for key, one in line.items() if not key.startswith(("gate", "alignment"))}
        for line in run.log
    ]
    plain = replace(run, log=log)
    assert gate_curve(plain) == alignment_curves(plain) == ""
    assert gate_curve(run).startswith("<svg")
    # The mean of the last two steps, 1 + 79.5 / 80.
    assert "ends at 1.99" in distance_curves(run)


def test_a_run_without_a_metric_loss_lacks_its_pictures(facts: ReportFacts) -> None:
    runs = [
        replace(run, log=[line | {"metric_norm": 0.0} for line in run.log]) for run in facts.runs
    ]
    assert "The metric loss of" in page(facts)
    without = page(replace(facts, runs=runs))
    assert "The metric loss of" not in without and "The gate is averaged" in without


def test_the_card_is_on_the_page(facts: ReportFacts, tiny_data: PreparedDataset) -> None:
    tables = Page(page(replace(facts, card=tiny_data.card))).tables
    assert {"runs", "rows", "sessions", "unclicked", "judged"} <= set(tables)


def test_means_over_seeds_are_told(facts: ReportFacts) -> None:
    runs = [replace(run, seeds=3) if run.log else run for run in facts.runs]
    words = " ".join("".join(Page(page(replace(facts, runs=runs))).text).split())
    assert "averaged over the seeds" in words
    assert "One seed each" not in words
    assert "of each run's first seed" in words
    assert "unclicked, first seed" in words


def test_same_facts_give_the_same_file(facts: ReportFacts, text: str, tmp_path: Path) -> None:
    write_report(tmp_path / "report.html", facts)
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == text
    assert [one.name for one in tmp_path.iterdir()] == ["report.html"]


def test_no_folder_to_write_to(facts: ReportFacts, tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match="REPORT-WRITE"):
        write_report(tmp_path / "absent" / "report.html", facts)
