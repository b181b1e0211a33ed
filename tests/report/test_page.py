"""The page: whole, self-contained, escaped, and with the numbers it was given."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.report.page_twin import Page, number

from unclicked.errors import ResourceError
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
    for raw in ("<biscuits>", "<u7>", "<i3>", "<b>", "10 < 11", "thin & small", "a&b"):
        assert raw not in text
        assert raw in "".join(Page(text).text)


def test_numbers_are_those_given(facts: ReportFacts, text: str) -> None:
    tables = Page(text).tables
    for run, cells in zip(facts.runs, tables["runs"][1:], strict=True):
        assert cells[0] == run.name
        assert number(cells[1]) == pytest.approx(100 * run.evaluation["metrics"]["HR@50"])
    for row, cells in zip(facts.comparisons, tables["comparisons"][1:], strict=True):
        assert cells[:3] == [Path(row["run"]).name, Path(row["base"]).name, row["metric"]]
        assert number(cells[3]) == pytest.approx(100 * row["difference"])
        assert [number(end) for end in cells[4].split(" to ")] == pytest.approx(
            [100 * end for end in row["ci95"]]
        )
        assert number(cells[7]) == row["p_holm"]


def test_lists_say_what_moved(text: str) -> None:
    rows = Page(text).tables["lists"][1:]
    assert rows == [
        ["1", "i2 hats passed over", "<i3> <b> passed over clicked later"],
        ["2", "i1 shoes", "i2 hats passed over"],
    ]
    assert '<span class="out">i1</span>' in text
    assert '<span class="in">&lt;i3&gt;</span>' in text


def test_a_page_of_one_pair_alone(facts: ReportFacts) -> None:
    pair = replace(
        facts, runs=facts.runs[1:3], comparisons=facts.comparisons[:1], control="", data=(),
        warnings=(), story=None, made=(), commands=(),
    )  # fmt: skip
    words = "".join(Page(page(pair)).text)
    assert [one for one in ("One user", "How it was made", "control") if one in words] == []


def test_same_facts_give_the_same_file(facts: ReportFacts, text: str, tmp_path: Path) -> None:
    write_report(tmp_path / "report.html", facts)
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == text
    assert [one.name for one in tmp_path.iterdir()] == ["report.html"]


def test_no_folder_to_write_to(facts: ReportFacts, tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match="REPORT-WRITE"):
        write_report(tmp_path / "absent" / "report.html", facts)
