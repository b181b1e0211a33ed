"""Sweeps of one setting of the full method: Figures 4 and 5."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from unclicked.page.digits import interval, points
from unclicked.reproduce.comparing import per_user
from unclicked.reproduce.judged import Entry, judge
from unclicked.reproduce.method_tables import broken, choices
from unclicked.reproduce.methods import FULL, FUSION, VARIANTS
from unclicked.reproduce.plots import curves
from unclicked.reproduce.results import FINAL, Result, Results
from unclicked.reproduce.study import Figures, Tables
from unclicked.reproduce.table import Table
from unclicked.reproduce.tuning import Tuner
from unclicked.reproduce.workplace import Workplace
from unclicked.statistics import paired_comparison

MEASURES = ("HR@50", "F1@50")


@dataclass(frozen=True)
class Sweep:
    """One setting of the full method, tried at some values.

    Attributes:
        name: Name of the study.
        key: The setting.
        label: What it is called in the paper.
        values: Its values.
        best: The value that the paper found best.
        beside: Further settings of every point.
    """

    name: str
    key: str
    label: str
    values: Sequence[float]
    best: float
    beside: Mapping[str, Any] = field(default_factory=dict)

    def run(self, place: Workplace) -> list[Result]:
        """Train and judge every value, and the fusion without a metric loss.

        Args:
            place: Where to work.

        Returns:
            The rows.
        """
        tuner = Tuner(place, self.name)
        tuner.choose([VARIANTS[FULL], VARIANTS[FUSION]])
        entries = [Entry(VARIANTS[FUSION])]
        for value in self.values:
            over = tuple({**self.beside, self.key: value}.items())
            entries.append(Entry(VARIANTS[FULL], value, over))
        return [*tuner.rows, *judge(tuner, entries)]

    def tables(self, results: Results) -> Tables:
        """What each value reached.

        Args:
            results: The rows of the study.

        Returns:
            The tables.
        """
        final = results.where(role=FINAL)
        rows = [self._row(final, value) for value in self.values]
        alone = [per_user(final, FUSION, metric) for metric in MEASURES]
        rows.append(["no metric loss", *(_shown(one) for one in alone), "", ""])
        notes = [
            "In percent; differences in percentage points, with their 95 % interval over users. "
            "In the picture the line is the mean and the band that interval of the mean itself.",
            *broken(final),
        ]
        made = [
            Table(
                f"{self.label}, {', '.join(d for d in final.distinct('data') if d)}",
                [self.label, "HR@50", "F1@50", "HR@50 to no metric loss", "95 % interval"],
                rows,
                notes=notes,
                numbers={1, 2, 3, 4},
                rules_before={len(rows) - 1},
            )
        ]
        chosen = choices("Settings chosen on validation", results)
        return made if chosen is None else [*made, chosen]

    def _row(self, final: Results, value: float) -> list[str]:
        own = final.where(method=FULL).at(value)
        values = [per_user(own, FULL, metric) for metric in MEASURES]
        alone = per_user(final, FUSION, MEASURES[0])
        gap, reach = "-", "-"
        if len(values[0]) > 1 and len(alone):
            paired = paired_comparison(alone, values[0])
            gap, reach = points(paired.difference), interval(paired.ci95)
        return [f"{value:g}", *(_shown(one) for one in values), gap, reach]

    def figures(self, results: Results) -> Figures:
        """The curve.

        Args:
            results: The rows of the study.

        Returns:
            The picture.
        """
        final = results.where(role=FINAL)
        return {"": curves(final, [FULL], MEASURES, self.label, self.best)}


def _shown(values: Any) -> str:
    return f"{100 * float(values.mean()):.2f}" if len(values) else "-"
