"""Tables in LaTeX that fit a page: smaller fonts, wrapped texts, blocks of columns, many pages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from unclicked.comparison_format import LATEX_SPECIAL
from unclicked.reproduce.table import Table

# The longest line that a table makes, in points; these are 160 mm.
LINE = 455.0
# Lines of rows and headers that a page holds, with the caption and the notes.
PAGE = 40
# A text column is not made narrower than this, in points.
NARROWEST = 80.0
PREAMBLE = r"""% In the preamble: \usepackage{longtable} and \usepackage{array}.
% Lines are at most 160 mm long in a class of 10 pt: \usepackage[a4paper,margin=25mm]{geometry}."""
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
# Widths of signs in LaTeX's own font, for one point of its size; a hyphen may become a minus.
_WIDTHS = {
    sign: width
    for signs, width in (
        ("il.,:;'!|[]", 0.29),
        ('jfrst()I`" ', 0.40),
        ("0123456789aceg*/?{}_o", 0.51),
        ("bdhknpquvxyz#$~^", 0.56),
        ("wBCDEFJLPRSTXYZ&-+±=<>@−–×≤≥λ", 0.79),
        ("mAGHKNOQUV%", 0.84),
        ("MW—…", 1.05),
    )
    for sign in signs
}
_OTHER_SIGN, _BOLD = 0.84, 1.16


@dataclass(frozen=True)
class _Size:
    """A size of type: its command, points for a width of one, space beside each column."""

    command: str
    points: float
    space: int


# Small fonts are wider than their size says.
_SIZES = (
    _Size("", 10.0, 6),
    _Size(r"\small", 9.25, 4),
    _Size(r"\footnotesize", 8.5, 3),
    _Size(r"\scriptsize", 8.0, 2),
)


@dataclass(frozen=True)
class _Layout:
    """A size, and the columns of each block with what LaTeX is told of each column."""

    size: _Size
    blocks: Sequence[Sequence[int]]
    places: Sequence[Sequence[str]]

    @property
    def wraps(self) -> bool:
        """Whether a row may take two lines."""
        return any("p{" in place for places in self.places for place in places)


def as_latex(table: Table) -> str:
    """Write a table for a page of LaTeX.

    A table that is too wide takes a smaller font, then comes in blocks below each other (see
    `Table.groups`), then wraps its widest text column. One that is too long for a page is a
    `longtable`, which repeats its header.

    Args:
        table: The table.

    Returns:
        Lines; no line break at the end. What they need is said by `PREAMBLE`.

    Example:
        >>> print(as_latex(Table("A", ["x", "%"], [["a_b", "-1.5"]], numbers={1})))
        \\begin{table}
        \\centering
        \\caption{A}
        \\renewcommand{\\arraystretch}{1.15}
        \\begin{tabular}{lr}
        \\hline
        x & \\% \\\\
        \\hline
        a\\_b & $-1.5$ \\\\
        \\hline
        \\end{tabular}
        \\end{table}
    """
    layout = _layout(table)
    lines = len(layout.blocks) * (len(table.rows) * (2 if layout.wraps else 1) + 1)
    return "\n".join((_on_pages if lines > PAGE else _floating)(table, layout))


def width_of(text: str) -> float:
    """How wide a text is in LaTeX's own font.

    Args:
        text: One line.

    Returns:
        Width for one point of the font's size; a little too much rather than too little.

    Example:
        >>> round(width_of("36.27"), 2)
        2.33
    """
    return sum(_WIDTHS.get(sign, _OTHER_SIGN) for sign in text)


def _floating(table: Table, layout: _Layout) -> Iterator[str]:
    yield from (r"\begin{table}", r"\centering", rf"\caption{{{_escape(table.title)}}}")
    yield from _sized(layout.size)
    for number, (block, places) in enumerate(zip(layout.blocks, layout.places, strict=True)):
        if number:
            yield r"\par\medskip"
        yield from (rf"\begin{{tabular}}{{{''.join(places)}}}", r"\hline")
        yield from (_header(table, block), r"\hline", *_rows(table, block))
        if table.rows:
            yield r"\hline"
        yield r"\end{tabular}"
    yield from _notes(table)
    yield r"\end{table}"


def _on_pages(table: Table, layout: _Layout) -> Iterator[str]:
    yield r"\begingroup"
    yield from _sized(layout.size)
    yield r"\setlength{\LTcapwidth}{\textwidth}"
    for number, (block, places) in enumerate(zip(layout.blocks, layout.places, strict=True)):
        header = [r"\hline", _header(table, block), r"\hline"]
        again = rf"\multicolumn{{{len(block)}}}{{l}}{{\tablename~\thetable, continued}} \\"
        if number:
            # Every longtable counts as a table, and a block is none of its own.
            yield r"\addtocounter{table}{-1}"
        yield rf"\begin{{longtable}}{{{''.join(places)}}}"
        yield again if number else rf"\caption{{{_escape(table.title)}}} \\"
        yield from (*header, r"\endfirsthead", again, *header, r"\endhead", r"\hline", r"\endfoot")
        yield from _rows(table, block)
        yield r"\end{longtable}"
    yield from _notes(table)
    yield r"\par\endgroup"


def _sized(size: _Size) -> list[str]:
    # Rules would touch the letters below them.
    lines = [r"\renewcommand{\arraystretch}{1.15}"]
    if size.command:
        lines += [size.command, rf"\setlength{{\tabcolsep}}{{{size.space}pt}}"]
    return lines


def _notes(table: Table) -> list[str]:
    return [r"\par " + " ".join(map(_escape, table.notes))] if table.notes else []


def _header(table: Table, block: Sequence[int]) -> str:
    return _line(_escape(table.columns[column]) for column in block)


def _rows(table: Table, block: Sequence[int]) -> Iterator[str]:
    for number, row in enumerate(table.rows):
        # The first row stands under the header's line already.
        if number in table.rules_before and number > 0:
            yield r"\hline"
        yield _line(_cell(row[column], (number, column) in table.bold) for column in block)


def _cell(cell: str, bold: bool) -> str:
    escaped = _escape(cell)
    if not escaped or not bold:
        return escaped
    # \textbf alone leaves formulas, and so signs of numbers, in thin type.
    return rf"\textbf{{\boldmath {escaped}}}" if "$" in escaped else rf"\textbf{{{escaped}}}"


def _layout(table: Table) -> _Layout:
    """The first layout that fits, from the one that is easiest to read on."""
    widths = [_column_width(table, column) for column in range(len(table.columns))]
    layout = _Layout(_SIZES[-1], [], [])
    for wrap, sizes in ((False, _SIZES), (True, _SIZES[-2:])):
        for blocks in _blocks(table):
            for size in sizes:
                made = [_places(table, widths, block, size, wrap) for block in blocks]
                layout = _Layout(size, blocks, [places for places, _ in made])
                if all(fits for _, fits in made):
                    return layout
    return layout


def _blocks(table: Table) -> Iterator[list[list[int]]]:
    """Ways to cut the columns into equal blocks, the fewest blocks first."""
    keys = list(range(table.keys)) if table.groups > 1 else []
    others = range(len(keys), len(table.columns))
    for count in range(1, table.groups + 1):
        if table.groups % count == 0:
            each = len(others) // count
            yield [[*keys, *others[k * each : (k + 1) * each]] for k in range(count)]


def _column_width(table: Table, column: int) -> float:
    cells = (
        width_of(_one_line(row[column])) * (_BOLD if (number, column) in table.bold else 1)
        for number, row in enumerate(table.rows)
    )
    return max([width_of(_one_line(table.columns[column])), *cells])


def _places(
    table: Table, widths: Sequence[float], block: Sequence[int], size: _Size, wrap: bool
) -> tuple[list[str], bool]:
    """What LaTeX is told of each column of a block, and whether the block fits a line."""
    places = ["r" if column in table.numbers else "l" for column in block]
    over = sum(widths[column] * size.points + 2 * size.space for column in block) - LINE
    texts = [number for number, place in enumerate(places) if place == "l"]
    if over <= 0 or not wrap or not texts:
        return places, over <= 0
    widest = max(texts, key=lambda number: widths[block[number]])
    left = widths[block[widest]] * size.points - over
    width = max(int(left), int(NARROWEST))
    places[widest] = rf">{{\raggedright\arraybackslash}}p{{{width}pt}}"
    return places, left >= NARROWEST


def _one_line(cell: str) -> str:
    return " ".join(cell.split())


def _escape(cell: str) -> str:
    signs = LATEX_SPECIAL | LATEX_MORE
    escaped = "".join(signs.get(character, character) for character in _one_line(cell))
    # A hyphen before a number would print as a hyphen, not as a minus.
    return re.sub(r"(?<![\w.$])([+-])(\d+(?:\.\d+)?)(?![\w-])", r"$\1\2$", escaped)


def _line(cells: Iterable[str]) -> str:
    line = " & ".join(cells) + r" \\"
    # After the end of a row LaTeX takes a star or a bracket for an option of that end.
    return "{}" + line if line.startswith(("[", "*")) else line
