"""Files come from the rows alone, and the same rows give the same bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from unclicked.errors import ArtefactError
from unclicked.reproduce.plots import dots
from unclicked.reproduce.results import SETTINGS, Result, write_results
from unclicked.reproduce.show import show
from unclicked.reproduce.study import Study
from unclicked.reproduce.table import Table

STUDY = Study(
    "s",
    "A study",
    "What?",
    lambda place: [],
    lambda rows: [Table("T", ["value"], [[f"{row.value:g}"] for row in rows.rows])],
    lambda rows: {"": dots(rows, []), "more": dots(rows, [])},
)


def test_tables_and_pictures_are_written(tmp_path: Path) -> None:
    write_results(tmp_path, "s", [Result("s", "d", "m", "HR@50", 0.5)])
    tables, files = show(STUDY, tmp_path)
    assert [table.title for table in tables] == ["T"]
    names = ["s.txt", "s.md", "s.tex", "s.svg", "s.png", "s-more.svg", "s-more.png"]
    assert [path.name for path in files] == names
    first = {path.name: path.read_bytes() for path in files}
    assert b"0.5" in first["s.txt"]
    assert first["s.png"].startswith(b"\x89PNG")
    assert first["s.tex"].startswith(b"% In the preamble: \\usepackage{longtable}")
    assert not any(b"usepackage" in first[name] for name in ("s.txt", "s.md"))
    show(STUDY, tmp_path)
    assert {path.name: path.read_bytes() for path in files} == first


def test_without_results_there_is_nothing_to_show(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match=r"results\.parquet"):
        show(STUDY, tmp_path)


def test_how_it_was_made_stands_below_and_is_no_row(tmp_path: Path) -> None:
    made = Result("s", "", "", SETTINGS, role=SETTINGS, text="seeds 1, 2")
    write_results(tmp_path, "s", [Result("s", "d", "m", "HR@50", 0.5), made])
    tables, _ = show(STUDY, tmp_path)
    assert [list(row) for row in tables[0].rows] == [["0.5"]]
    assert list(tables[0].notes) == ["seeds 1, 2"]
