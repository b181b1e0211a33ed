"""What a study is: work that ends in rows, and tables and pictures made from these rows alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from unclicked.reproduce.results import Result, Results
from unclicked.reproduce.table import Table
from unclicked.reproduce.workplace import Workplace

Tables = Sequence[Table]
Figures = dict[str, Figure]


def no_figures(results: Results) -> Figures:
    """For a study that has no picture.

    Args:
        results: Its rows.

    Returns:
        None at all.
    """
    return {}


@dataclass(frozen=True)
class Study:
    """One table or figure of the paper, or an experiment beside it.

    Attributes:
        name: As users call it.
        title: What it shows, in one line.
        question: What it is to answer, in one sentence.
        run: Does the work; what is there already is not done again.
        tables: Makes the tables from the rows.
        figures: Makes the pictures from the rows, by the end of their file's name.
        extra: Name of the optional packages that it needs; empty for none.
        trains: Whether it trains anything.
    """

    name: str
    title: str
    question: str
    run: Callable[[Workplace], list[Result]]
    tables: Callable[[Results], Tables]
    figures: Callable[[Results], Figures] = no_figures
    extra: str = ""
    trains: bool = True
