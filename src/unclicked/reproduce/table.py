"""One table of texts, written for a terminal or for Markdown; `latex` writes it for a page."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from unclicked.errors import UserError

# What Markdown would read as a mark: emphasis, a cell's end, a tag, a named character.
_MARKDOWN_MARK = re.compile(r"[\\|*_`]|<(?=[A-Za-z/!?])|&(?=#?\w+;)")


@dataclass(frozen=True)
class Table:
    """A table whose cells are texts already.

    Args:
        title: What the table shows.
        columns: Header of each column, at least one.
        rows: Rows of as many cells as there are columns.
        notes: Sentences that stand below.
        numbers: Columns (from 0) that hold numbers and stand at the right.
        rules_before: Rows (from 0) with a line above them, besides the line under the header; a
            row that is not there has none, and Markdown has no such line.
        bold: Cells (row, column; from 0) in bold type; a terminal has none.
        groups: Number of equal groups of the columns behind the keys; a page of LaTeX that is too
            narrow for the table has them, or some of them, below each other.
        keys: Columns from the left that say what a row is, which each group needs.

    Raises:
        UserError: If a row has another length than the header, a place does not exist, or the
            columns make no such groups.

    Example:
        >>> table = Table("Hits", ["run", "HR@50"], [["SDM", "36.27"]], numbers={1})
        >>> print(table.as_text())
        Hits
        <BLANKLINE>
        run  HR@50
        ----------
        SDM  36.27
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    numbers: Collection[int] = frozenset()
    rules_before: Collection[int] = frozenset()
    bold: Collection[tuple[int, int]] = frozenset()
    groups: int = 1
    keys: int = 1

    def __post_init__(self) -> None:
        """Refuse a table that is none."""
        width, height = len(self.columns), len(self.rows)
        if not width:
            raise self._refused("has no column, expected at least one.")
        for number, row in enumerate(self.rows):
            if len(row) != width:
                raise self._refused(f"row {number} has {len(row)} cells, expected {width}.")
        for column in self.numbers:
            if not 0 <= column < width:
                raise self._refused(f"has {width} columns, and none has the number {column}.")
        others = width - self.keys
        if self.groups < 1 or (self.groups > 1 and (others < self.groups or others % self.groups)):
            found = f"has {width} columns, which behind {self.keys} make no {self.groups} groups."
            raise self._refused(found)
        for number, column in self.bold:
            if not 0 <= number < height:
                raise self._refused(f"has {height} rows, and none has the number {number}.")
            if not 0 <= column < width:
                raise self._refused(f"has {width} columns, and none has the number {column}.")

    def as_text(self) -> str:
        """Columns of equal width, for a terminal.

        Returns:
            Lines; no line break at the end.
        """
        table = [[_one_line(cell) for cell in row] for row in (self.columns, *self.rows)]
        widths = [max(len(row[column]) for row in table) for column in range(len(self.columns))]
        lines = ["  ".join(map(self._padded, row, range(len(row)), widths)) for row in table]
        rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
        shown = [lines[0].rstrip(), rule]
        for number, line in enumerate(lines[1:]):
            # The first row stands under the header's line already.
            shown += [rule] * (number in self.rules_before and number > 0) + [line.rstrip()]
        below = ["", *map(_one_line, self.notes)] if self.notes else []
        return "\n".join([_one_line(self.title), "", *shown, *below])

    def as_markdown(self) -> str:
        """A table of GitHub's Markdown, under its title in bold type.

        Returns:
            Lines; no line break at the end.

        Example:
            >>> table = Table("A", ["x", "y"], [["a|b", "1"]], numbers={1}, bold={(0, 1)})
            >>> print(table.as_markdown())
            **A**
            <BLANKLINE>
            | x | y |
            |---|---:|
            | a\\|b | **1** |
        """
        ruler = ["---:" if column in self.numbers else "---" for column in range(len(self.columns))]
        header = [_markdown_escape(cell) for cell in self.columns]
        rows = [
            [self._bold((number, column), cell) for column, cell in enumerate(row)]
            for number, row in enumerate(self.rows)
        ]
        below = ["", " ".join(map(_markdown_escape, self.notes))] if self.notes else []
        lines = ["| " + " | ".join(row) + " |" for row in (header, *rows)]
        title = f"**{_markdown_escape(self.title)}**"
        return "\n".join([title, "", lines[0], f"|{'|'.join(ruler)}|", *lines[1:], *below])

    def _refused(self, message: str) -> UserError:
        return UserError("TABLE", repr(self.title), message)

    def _padded(self, cell: str, column: int, width: int) -> str:
        return cell.rjust(width) if column in self.numbers else cell.ljust(width)

    def _bold(self, place: tuple[int, int], cell: str) -> str:
        escaped = _markdown_escape(cell)
        return f"**{escaped}**" if escaped and place in self.bold else escaped


def _one_line(cell: str) -> str:
    return " ".join(cell.split())


def _markdown_escape(cell: str) -> str:
    return _MARKDOWN_MARK.sub(r"\\\g<0>", _one_line(cell))
