"""One table of texts, written for a terminal, for Markdown or for LaTeX."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from unclicked.comparison_format import LATEX_SPECIAL
from unclicked.errors import UserError

# Signs that LaTeX with its own fonts does not print as they are.
LATEX_MORE = {
    "|": r"\textbar{}",
    "−": "$-$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "λ": r"$\lambda$",
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
}
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

    Raises:
        UserError: If a row has another length than the header, or a place does not exist.

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
            [self._emphasised(place, _markdown_escape(cell), "**", "**") for place, cell in row]
            for row in self._placed()
        ]
        below = ["", " ".join(map(_markdown_escape, self.notes))] if self.notes else []
        lines = ["| " + " | ".join(row) + " |" for row in (header, *rows)]
        title = f"**{_markdown_escape(self.title)}**"
        return "\n".join([title, "", lines[0], f"|{'|'.join(ruler)}|", *lines[1:], *below])

    def as_latex(self) -> str:
        """A floating table that needs no package.

        Returns:
            Lines; no line break at the end.

        Example:
            >>> print(Table("A", ["x", "%"], [["a_b", "-1.5"]], numbers={1}).as_latex())
            \\begin{table}
            \\centering
            \\caption{A}
            \\begin{tabular}{lr}
            \\hline
            x & \\% \\\\
            \\hline
            a\\_b & $-1.5$ \\\\
            \\hline
            \\end{tabular}
            \\end{table}
        """
        places = "".join("r" if k in self.numbers else "l" for k in range(len(self.columns)))
        body = [r"\hline", _latex_line(map(_latex_escape, self.columns)), r"\hline"]
        for number, row in enumerate(self._placed()):
            cells = (self._latex_cell(place, cell) for place, cell in row)
            body += [r"\hline"] * (number in self.rules_before and number > 0)
            body.append(_latex_line(cells))
        body += [r"\hline"] * bool(self.rows)
        notes = [r"\par " + " ".join(map(_latex_escape, self.notes))] if self.notes else []
        caption = rf"\caption{{{_latex_escape(self.title)}}}"
        head = [r"\begin{table}", r"\centering", caption, rf"\begin{{tabular}}{{{places}}}"]
        return "\n".join([*head, *body, r"\end{tabular}", *notes, r"\end{table}"])

    def _refused(self, message: str) -> UserError:
        return UserError("TABLE", repr(self.title), message)

    def _padded(self, cell: str, column: int, width: int) -> str:
        return cell.rjust(width) if column in self.numbers else cell.ljust(width)

    def _placed(self) -> list[list[tuple[tuple[int, int], str]]]:
        """The rows' cells, each with its place."""
        return [
            [((number, column), cell) for column, cell in enumerate(row)]
            for number, row in enumerate(self.rows)
        ]

    def _emphasised(self, place: tuple[int, int], cell: str, before: str, after: str) -> str:
        return f"{before}{cell}{after}" if cell and place in self.bold else cell

    def _latex_cell(self, place: tuple[int, int], cell: str) -> str:
        escaped = _latex_escape(cell)
        # \textbf alone leaves formulas, and so signs of numbers, in thin type.
        before = r"\textbf{\boldmath " if "$" in escaped else r"\textbf{"
        return self._emphasised(place, escaped, before, "}")


def _one_line(cell: str) -> str:
    return " ".join(cell.split())


def _markdown_escape(cell: str) -> str:
    return _MARKDOWN_MARK.sub(r"\\\g<0>", _one_line(cell))


def _latex_escape(cell: str) -> str:
    signs = LATEX_SPECIAL | LATEX_MORE
    escaped = "".join(signs.get(character, character) for character in _one_line(cell))
    # A hyphen before a number would print as a hyphen, not as a minus.
    return re.sub(r"(?<![\w.$])([+-])(\d+(?:\.\d+)?)(?![\w-])", r"$\1\2$", escaped)


def _latex_line(cells: Iterable[str]) -> str:
    line = " & ".join(cells) + r" \\"
    # After the end of a row LaTeX takes a star or a bracket for an option of that end.
    return "{}" + line if line.startswith(("[", "*")) else line
