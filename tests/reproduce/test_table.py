"""One table, in a terminal and as Markdown."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unclicked.errors import UserError
from unclicked.reproduce.table import Table

SMALL = Table(
    "Hits",
    ["method", "HR@50"],
    [["DNN", "9.95"], ["SDM", "36.27"], ["SRU2B", "37.97*"]],
    notes=["Percent.", "Three seeds."],
    numbers={1},
    rules_before={0, 2},
    bold={(2, 1)},
)


def lines_of(table: Table) -> list[str]:
    """Rows of the Markdown table, with its header and ruler."""
    return [line for line in table.as_markdown().splitlines() if line.startswith("|")]


def cells_of(line: str) -> list[str]:
    """Cells as GitHub reads a line: a bar ends a cell unless a backslash takes it."""
    cells, place = [""], 1
    while place < len(line):
        if line[place] == "\\":
            cells[-1] += line[place + 1]
            place += 1
        elif line[place] == "|":
            cells.append("")
        else:
            cells[-1] += line[place]
        place += 1
    return [cell.strip() for cell in cells[:-1]]


def test_a_terminal_sees_columns_lines_and_notes() -> None:
    assert SMALL.as_text() == "\n".join(
        [
            "Hits",
            "",
            "method   HR@50",
            "--------------",
            "DNN       9.95",
            "SDM      36.27",
            "--------------",
            "SRU2B   37.97*",
            "",
            "Percent.",
            "Three seeds.",
        ]
    )


def test_markdown_says_the_same() -> None:
    assert SMALL.as_markdown() == "\n".join(
        [
            "**Hits**",
            "",
            "| method | HR@50 |",
            "|---|---:|",
            "| DNN | 9.95 |",
            "| SDM | 36.27 |",
            "| SRU2B | **37.97\\*** |",
            "",
            "Percent. Three seeds.",
        ]
    )


def test_a_table_without_rows_keeps_its_header() -> None:
    table = Table("Nothing", ["a", "long"], [], rules_before={-1, 0, 1})
    assert table.as_text() == "Nothing\n\na  long\n-------"
    assert lines_of(table) == ["| a | long |", "|---|---|"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"columns": []}, "no column"),
        ({"rows": [["a", "b"], ["a"]]}, "row 1 has 1 cells, expected 2"),
        ({"rows": [["a", "b", "c"]]}, "row 0 has 3 cells, expected 2"),
        ({"numbers": {2}}, "2 columns, and none has the number 2"),
        ({"numbers": {-1}}, "none has the number -1"),
        ({"bold": {(0, 2)}}, "2 columns, and none has the number 2"),
        ({"bold": {(1, 0)}}, "1 rows, and none has the number 1"),
        ({"groups": 0}, "make no 0 groups"),
        ({"groups": 2}, "2 columns, which behind 1 make no 2 groups"),
        ({"groups": 2, "keys": 2}, "2 columns, which behind 2 make no 2 groups"),
    ],
)
def test_a_table_that_is_none_is_refused(changes: dict[str, Any], message: str) -> None:
    given_: dict[str, Any] = {"columns": ["x", "y"], "rows": [["1", "2"]]} | changes
    with pytest.raises(UserError, match=rf"\[TABLE\] 'My table'.*{message}"):
        Table("My table", **given_)


CELL = st.text(st.sampled_from("ab|\\*_`<&;%$#{}~^ 1.-+λ"), max_size=8)


@given(st.lists(st.tuples(CELL, CELL), max_size=5))
def test_markdown_cells_are_read_back(rows: list[tuple[str, str]]) -> None:
    table = Table("T", ["x", "y"], rows)
    lines = lines_of(table)
    assert len(lines) == len(rows) + 2
    for line, row in zip(lines[2:], rows, strict=True):
        assert cells_of(line) == [" ".join(cell.split()) for cell in row]


@pytest.mark.parametrize(
    ("cell", "markdown"),
    [
        ("a|b", r"a\|b"),
        ("a\\|b", r"a\\\|b"),
        ("<b>x", r"\<b>x"),
        ("p <0.05", "p <0.05"),
        ("unclick&lab", "unclick&lab"),
        ("&amp;", r"\&amp;"),
        ("metric_weight*", r"metric\_weight\*"),
        ("two\nlines", "two lines"),
    ],
)
def test_markdown_marks_are_taken_as_they_are(cell: str, markdown: str) -> None:
    assert lines_of(Table("T", ["x"], [[cell]]))[2] == f"| {markdown} |"


def test_an_empty_cell_is_not_bold() -> None:
    table = Table("T", ["x", "y"], [["", "1"]], bold={(0, 0)})
    assert "**" not in lines_of(table)[2]
