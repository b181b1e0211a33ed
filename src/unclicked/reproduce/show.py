"""Tables and pictures of a study as files, made from its rows alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from unclicked import disk
from unclicked.reproduce.latex import PREAMBLE, as_latex
from unclicked.reproduce.plots import STYLE
from unclicked.reproduce.results import SETTINGS, Results, read_results
from unclicked.reproduce.study import Study
from unclicked.reproduce.table import Table

FORMATS = {"txt": Table.as_text, "md": Table.as_markdown, "tex": as_latex}
# What stands above all tables of a file.
ABOVE = {"tex": PREAMBLE}
PICTURES = ("svg", "png")
# Without these a picture would differ each time that it is drawn.
_SVG = dict.fromkeys(("Date", "Creator", "Format", "Type"))


def show(study: Study, out: Path) -> tuple[Sequence[Table], list[Path]]:
    """Write a study's tables and pictures beside its results.

    Args:
        study: The study.
        out: Folder with the results.

    Returns:
        The tables, and the files that were written.

    Raises:
        ArtefactError: There are no results, or they are broken.
        ResourceError: The disk refuses to write.
    """
    found = read_results(out, study.name)
    made = [row.text for row in found.where(role=SETTINGS).rows]
    # What a study shows are numbers; how they were made is said below its first table.
    rows = Results([row for row in found.rows if row.role != SETTINGS])
    tables, written = list(study.tables(rows)), []
    tables[0] = replace(tables[0], notes=[*tables[0].notes, *made])
    with disk.told(out):
        for end, as_text in FORMATS.items():
            path = out / f"{study.name}.{end}"
            parts = [ABOVE[end]] if end in ABOVE else []
            parts += map(as_text, tables)
            path.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
            written.append(path)
        for name, figure in study.figures(rows).items():
            stem = study.name if not name else f"{study.name}-{name}"
            written += [_save(figure, out / f"{stem}.{end}") for end in PICTURES]
    return tables, written


def _save(figure: Figure, path: Path) -> Path:
    with matplotlib.rc_context(matplotlib.RcParams(STYLE)):
        figure.savefig(path, metadata=_SVG if path.suffix == ".svg" else None)
    return path
