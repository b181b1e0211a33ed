"""Tables in LaTeX: well formed, whole, and no wider than a page by the widths of its own font."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import matplotlib
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.ft2font import FT2Font
from tests.reproduce.test_table import SMALL

from unclicked.reproduce.judged import MEASURES
from unclicked.reproduce.latex import LINE, PREAMBLE, as_latex, width_of
from unclicked.reproduce.methods import BASES, VARIANTS
from unclicked.reproduce.table import Table

NAMES = [*BASES, *VARIANTS]
REACHED = Table(
    "Table 2",
    ["method", *MEASURES],
    [[name, *["36.27 ± 0.41"] * len(MEASURES)] for name in NAMES],
    numbers=set(range(1, 9)),
    groups=len(MEASURES),
)
DIFFERENCES = Table(
    "Against SDM",
    [
        "method", "against", "measure", "difference", "95 % interval", "relative",
        "p (Holm)", "p of a gain", "detectable",
    ],
    [
        [name, NAMES[-2], metric, "+0.42", "-0.11 to +0.95", "-12.34", "<0.0001", "0.0005", "0.20"]
        for name in NAMES
        for metric in MEASURES
    ],
    numbers=set(range(3, 9)),
)  # fmt: skip
SETTINGS = "train.optimizer=adagrad, train.learning_rate=0.05, model.metric_weight=1.0"
CHOICES = Table(
    "Settings",
    ["method", "settings", "validation HR@50", "chosen"],
    [[name, f"{SETTINGS}, model.metric_grad_cap=0.1", "45.95", "yes"] for name in NAMES],
    numbers={2},
)
BLOCK = re.compile(r"\\begin\{(tabular|longtable)\}\{([^\n]*)\}\n(.*?)\\end\{\1\}", re.DOTALL)
# Points of a width of one, by what LaTeX's own fonts of these sizes say of a digit.
SIZES = {"": 10.0, r"\small": 9.25, r"\footnotesize": 8.5, r"\scriptsize": 7.97}


def columns_of(places: str) -> list[float]:
    """Width of each column that LaTeX is told, in points; 0 where it is the widest cell's."""
    kinds = re.findall(r">\{[^}]*\}p\{(\d+)pt\}|([lr])", places)
    return [float(points or 0) for points, _ in kinds]


def lines_of(body: str) -> list[list[str]]:
    """Rows with their header, of which a longtable has a second one for further pages."""
    body = body.partition("\\endfoot\n")[2] if "\\endfoot" in body else body
    lines = [line.removesuffix(r" \\") for line in body.splitlines() if line.endswith(r"\\")]
    return [re.split(r"(?<!\\) & |(?<!\\)& | &$", line) for line in lines]


@cache
def font() -> FT2Font:
    made = FT2Font(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "cmr10.ttf")
    made.set_size(100, 72)
    return made


def measured(text: str) -> float:
    # A hyphen before a number is a minus, which is as wide as a plus and not in this font.
    text = re.sub(r"(?<![\w.])-(?=\d)|±|<", "+", text)
    return sum(font().load_char(ord(sign)).linearHoriAdvance / 65536 for sign in text) / 100


def test_a_small_table_floats_and_needs_no_package() -> None:
    assert as_latex(SMALL) == "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            r"\caption{Hits}",
            r"\renewcommand{\arraystretch}{1.15}",
            r"\begin{tabular}{lr}",
            r"\hline",
            r"method & HR@50 \\",
            r"\hline",
            r"DNN & 9.95 \\",
            r"SDM & 36.27 \\",
            r"\hline",
            r"SRU2B & \textbf{37.97*} \\",
            r"\hline",
            r"\end{tabular}",
            r"\par Percent. Three seeds.",
            r"\end{table}",
        ]
    )


def test_a_table_without_rows_keeps_its_header() -> None:
    text = as_latex(Table("Nothing", ["a", "long"], [], rules_before={-1, 0, 1}))
    assert text.count(r"\hline") == 2
    assert text.count(r"\\") == 1


@pytest.mark.parametrize("text", [*NAMES, *DIFFERENCES.columns, *DIFFERENCES.rows[0], SETTINGS])
def test_widths_are_those_of_the_font_and_never_less(text: str) -> None:
    assert measured(text) <= width_of(text) <= 1.3 * measured(text)


@pytest.mark.parametrize("table", [SMALL, REACHED, DIFFERENCES, CHOICES])
def test_no_line_is_longer_than_the_page(table: Table) -> None:
    text = as_latex(table)
    size = next((one for one in SIZES if one and one in text), "")
    space = float(re.findall(r"\{\\tabcolsep\}\{(\d+)pt\}", text)[0]) if size else 6.0
    seen: list[str] = []
    for _, places, _ in BLOCK.findall(text):
        told = columns_of(places)
        # Each block has the first column again, and the next of the others.
        names = [*table.columns[:1], *table.columns[1 + len(seen) :][: len(told) - 1]]
        seen += names[1:]
        total = 0.0
        for name, width in zip(names, told, strict=True):
            at = list(table.columns).index(name)
            cells = [name, *(row[at] for row in table.rows)]
            total += (width or SIZES[size] * max(map(measured, cells))) + 2 * space
        assert total <= LINE
    assert seen == list(table.columns[1:])


def test_a_wide_table_comes_in_a_block_for_each_length_of_lists() -> None:
    text = as_latex(REACHED)
    assert text.count(r"\begin{table}") == text.count(r"\caption") == 1
    first, second = (lines_of(body) for _, _, body in BLOCK.findall(text))
    assert first[0] == ["method", "HR@50", "MRR@50", "R@50", "F1@50"]
    assert second[0] == ["method", "HR@80", "MRR@80", "R@80", "F1@80"]
    assert [line[0] for line in first[1:]] == [line[0] for line in second[1:]] == NAMES


def test_a_long_table_repeats_its_header_on_each_page() -> None:
    text = as_latex(DIFFERENCES)
    assert r"\begin{table}" not in text
    (body,) = [body for _, _, body in BLOCK.findall(text)]
    first, again, foot = re.split(r"\\endfirsthead|\\endhead", body)
    header = "method & against & measure & difference & 95 \\% interval & relative"
    assert header in first
    assert header in again
    assert r"\caption{Against SDM} \\" in first
    assert r"\multicolumn{9}{l}{\tablename~\thetable, continued} \\" in again
    assert header not in foot
    assert len(lines_of(body)) == len(DIFFERENCES.rows) == len(NAMES) * len(MEASURES)


def test_blocks_of_a_long_table_are_one_table() -> None:
    rows = [list(row) for row in REACHED.rows for _ in range(5)]
    table = Table("T", REACHED.columns, rows, numbers=REACHED.numbers, groups=len(MEASURES))
    text = as_latex(table)
    assert text.count(r"\begin{longtable}") == 2
    assert text.count(r"\caption") == text.count(r"\addtocounter{table}{-1}") == 1
    assert r"\caption" not in text.partition(r"\addtocounter")[2]


def test_a_long_text_is_wrapped() -> None:
    text = as_latex(CHOICES)
    assert r"\begin{tabular}{l>{\raggedright\arraybackslash}p{" in text
    assert r"\footnotesize" in text
    # What that needs is said.
    assert r"\usepackage{array}" in PREAMBLE
    assert r"\usepackage{longtable}" in PREAMBLE
    assert all(line.startswith("%") for line in PREAMBLE.splitlines())


@pytest.mark.parametrize(
    ("cell", "latex"),
    [
        ("a&b 5% $2 #1 x_y {z}", r"a\&b 5\% \$2 \#1 x\_y \{z\}"),
        ("a\\b~^", r"a\textbackslash{}b\textasciitilde{}\textasciicircum{}"),
        ("<0.0001 |x|", r"\textless{}0.0001 \textbar{}x\textbar{}"),
        ("-0.42", "$-0.42$"),
        ("[+0.12, -3.5]", "{}[$+0.12$, $-3.5$]"),
        ("+3 of 5", "$+3$ of 5"),
        ("2021-05-07", "2021-05-07"),
        ("w/o fusion+sym", "w/o fusion+sym"),
        ("*", "{}*"),
        ("λ = 10 ± 1", r"$\lambda$ = 10 $\pm$ 1"),
        ("two\nlines", "two lines"),
    ],
)
def test_latex_prints_what_the_cell_says(cell: str, latex: str) -> None:
    assert f"\n{latex} \\\\\n" in as_latex(Table("T", ["x"], [[cell]]))


def test_signs_of_bold_numbers_are_bold() -> None:
    text = as_latex(Table("T", ["x"], [["+1.70"]], bold={(0, 0)}))
    assert r"\textbf{\boldmath $+1.70$}" in text


def test_an_empty_cell_is_not_bold() -> None:
    assert "textbf" not in as_latex(Table("T", ["x", "y"], [["", "1"]], bold={(0, 0)}))


CELL = st.text(st.sampled_from("ab|\\*_`<&;%$#{}~^ 1.-+λ"), max_size=8)
ROW = st.tuples(CELL, CELL, CELL)


@given(CELL, st.lists(ROW, max_size=5), st.booleans(), CELL, st.sampled_from([1, 9]))
def test_latex_is_well_formed(
    title: str, rows: list[tuple[str, str, str]], rule: bool, note: str, stretch: int
) -> None:
    # Ever longer cells take smaller fonts, then blocks; ever more rows take pages.
    rows = [(a * stretch, b * stretch, c) for a, b, c in rows * stretch]
    last = {len(rows) - 1} if rows and rule else set()
    bold = {(row, 1) for row in last}
    text = as_latex(
        Table(title, ["a", "b", "c"], rows, [note], {1, 2}, last, bold, groups=2 if rule else 1)
    )
    opened: list[str] = []
    for kind, name in re.findall(r"\\(begin|end)(?:\{(\w+)\}|group)", text):
        if kind == "begin":
            opened.append(name)
        else:
            assert opened.pop() == name
    assert opened == []
    # What is left once escaped signs are gone are LaTeX's own, and those must match.
    bare = re.sub(r"\\[\\&%$#_{}]", "", text)
    depth = 0
    for character in bare:
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
    assert depth == 0
    assert bare.count("$") % 2 == 0
    assert not set("%#^") & set(bare)
    assert "~" not in bare.replace(r"\tablename~\thetable", "")
    blocks = BLOCK.findall(text)
    assert len(blocks) in {1, 2}
    for kind, places, body in blocks:
        lines = [line for line in body.splitlines() if line.endswith(r" \\") and " & " in line]
        assert len(lines) == len(rows) + (2 if kind == "longtable" else 1)
        wanted = len(columns_of(places)) - 1
        assert wanted == (2 if len(blocks) == 1 else 1)
        assert all(len(re.findall(r"(?<!\\)&", line)) == wanted for line in lines)
