"""What a report is written from, and the two calculations that only a report needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from unclicked.comparison import POPULARITY, compare_runs, load_per_user
from unclicked.comparison_format import ComparisonRow
from unclicked.report.story import Story
from unclicked.statistics import CONFIDENCE, holm

Interval = tuple[float, float]


class BasedRow(ComparisonRow):
    """A comparison that says what it was compared with, for lists with several bases."""

    base: str


@dataclass(frozen=True)
class RunShown:
    """One run, as the report shows it.

    Attributes:
        name: Short name.
        evaluation: What `evaluate --json` prints.
        intervals: 95 % interval of the mean over users, by metric.
        log: Lines of its training log; empty for a ranking that was not trained.
        seconds: How long training took; None where nothing was trained.
    """

    name: str
    evaluation: dict[str, Any]
    intervals: dict[str, Interval]
    log: Sequence[dict[str, Any]] = ()
    seconds: float | None = None


@dataclass(frozen=True)
class ReportFacts:
    """Everything on the page.

    Attributes:
        title: Heading of the page.
        runs: The runs in the order shown, one of them named `base` and one `focus`.
        comparisons: Pairs of runs, with Holm's correction over all of them.
        focus: Name of the run that the summary and the diagnostics are about.
        base: Name of the run it is compared with.
        control: Name of the control run; empty where there is none.
        about: What the log is, in a few words; empty to leave it out.
        data: The data card as pairs of a name and a text.
        warnings: Sentences that a reader should know.
        story: One user's lists, if there are any.
        made: Versions, seeds and seconds as pairs of a name and a text.
        commands: Commands that do the same again.
    """

    title: str
    runs: Sequence[RunShown]
    comparisons: Sequence[BasedRow]
    focus: str
    base: str
    control: str = ""
    about: str = ""
    data: Sequence[tuple[str, str]] = ()
    warnings: Sequence[str] = ()
    story: Story | None = None
    made: Sequence[tuple[str, str]] = ()
    commands: Sequence[str] = ()

    def comparison(self, run: str, metric: str) -> BasedRow | None:
        """The row that compares a run with the base.

        Args:
            run: Name of the run.
            metric: Name of the metric.

        Returns:
            The row; None where this was not compared.
        """
        for row in self.comparisons:
            found = (short_name(row["base"]), short_name(row["run"]), row["metric"])
            if found == (self.base, run, metric):
                return row
        return None


def short_name(run: str) -> str:
    """Name of a run on the page: the last part of its path.

    Args:
        run: Path of a run, or the word `popularity`.

    Returns:
        The last part.

    Example:
        >>> short_name("quickstart/runs/base")
        'base'
    """
    return Path(run).name


def mean_intervals(run: Path, metrics: Sequence[str], split: str = "test") -> dict[str, Interval]:
    """95 % intervals of a run's means over users, and of the popularity ranking's.

    Args:
        run: An evaluated run.
        metrics: Names of metrics, such as `HR@50` or `popularity:HR@50`.
        split: `validation` or `test`.

    Returns:
        Lower and upper end by metric, by Student's t with U - 1 degrees of freedom; the mean itself
        twice where there is one user only.

    Raises:
        UserError: If the run was not evaluated.
    """
    values = load_per_user(run, split).metrics
    intervals = {}
    for name in metrics:
        mean, users = float(values[name].mean()), len(values[name])
        reach = 0.0
        if users > 1:
            quantile = float(stats.t.ppf((1 + CONFIDENCE) / 2, users - 1))
            reach = quantile * float(np.std(values[name], ddof=1)) / users**0.5
        intervals[name] = (mean - reach, mean + reach)
    return intervals


def compare_pairs(
    pairs: Sequence[tuple[Path, Path]], metrics: Sequence[str], split: str = "test"
) -> list[BasedRow]:
    """Compare several pairs of runs, corrected over all of them at once.

    Args:
        pairs: A base (a run, or the word `popularity`) and a run each.
        metrics: Names of metrics.
        split: `validation` or `test`.

    Returns:
        One row for each pair and metric; `p_holm` counts all rows as one family.

    Raises:
        UserError: If a run was not evaluated on this split.
    """
    rows: list[BasedRow] = []
    for base, run in pairs:
        result = compare_runs(base, [run], metrics=metrics, split=split)
        rows += [{**row, "base": str(base)} for row in result["comparisons"]]
    for row, corrected in zip(rows, holm([row["p"] for row in rows]), strict=True):
        row["p_holm"] = float(corrected)
    return rows


__all__ = [
    "POPULARITY",
    "BasedRow",
    "Interval",
    "ReportFacts",
    "RunShown",
    "compare_pairs",
    "mean_intervals",
    "short_name",
]
