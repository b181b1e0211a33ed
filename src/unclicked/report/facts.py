"""What a report is written from, and two calculations that only a report needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from unclicked.comparison import POPULARITY, compare_runs
from unclicked.comparison_format import ComparisonRow
from unclicked.report.per_user import Spread, Stratum
from unclicked.report.users import ToldUsers
from unclicked.statistics import CONFIDENCE, holm

Interval = tuple[float, float]


class BasedRow(ComparisonRow):
    """A comparison that says what it was compared with, for lists with several bases."""

    base: str


@dataclass(frozen=True)
class RunShown:
    """One run, or its seeds, as the report shows it.

    Attributes:
        name: Short name.
        evaluation: What `evaluate --json` prints; metrics are means over seeds.
        intervals: 95 % interval of the mean over users, by metric.
        log: Lines of its training log, of the first seed; empty where nothing was trained.
        seconds: How long training took; None where nothing was trained.
        looks: Colour and line: "popularity", "base", "unclicked", "shuffled", "further" or
            "another".
        seeds: How many seeds.
    """

    name: str
    evaluation: dict[str, Any]
    intervals: dict[str, Interval]
    log: Sequence[dict[str, Any]] = ()
    seconds: float | None = None
    looks: str = "further"
    seeds: int = 1


@dataclass(frozen=True)
class ReportFacts:
    """Everything on the page.

    Attributes:
        title: Heading of the page.
        runs: The runs in the order shown, one of them named `focus`.
        comparisons: Pairs of runs, with Holm's correction over all of them.
        focus: Name of the run that the summary and the diagnostics are about.
        base: Name of the run it is compared with.
        names: Path to name of each run; the last part of the path where it is not named.
        primary: The metric that the summary is about.
        unclicked: Whether base and focus differ in reading unclicked items and in nothing else.
        control: Name of the control run; empty where there is none.
        source: What the control gets in place of the users' own lists: "shuffled", "random" or
            "matched".
        about: What the log is, in a few words; empty to leave it out.
        spreads: Differences between focus and base, user by user, by metric.
        strata: The same by length of the unclicked list; empty where that is not known.
        users: Three users' lists, if there are any.
        card: The data card; empty to leave it out.
        warnings: Sentences that a reader should know, beside the card's own.
        made: Versions, seeds and seconds as pairs of a name and a text.
        commands: Commands that do the same again.
    """

    title: str
    runs: Sequence[RunShown]
    comparisons: Sequence[BasedRow]
    focus: str
    base: str
    names: Mapping[str, str] = field(default_factory=dict)
    primary: str = "HR@50"
    unclicked: bool = True
    control: str = ""
    source: str = "shuffled"
    about: str = ""
    spreads: Sequence[Spread] = ()
    strata: Mapping[str, Sequence[Stratum]] = field(default_factory=dict)
    users: ToldUsers | None = None
    card: Mapping[str, Any] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    made: Sequence[tuple[str, str]] = ()
    commands: Sequence[str] = ()

    def name_of(self, path: str) -> str:
        """Name of a run on the page.

        Args:
            path: Its path, or the word `popularity`.

        Returns:
            The name.
        """
        return self.names.get(path, short_name(path))

    def comparison(self, run: str, metric: str) -> BasedRow | None:
        """The row that compares a run with the base.

        Args:
            run: Name of the run.
            metric: Name of the metric.

        Returns:
            The row; None where this was not compared.
        """
        for row in self.comparisons:
            found = (self.name_of(row["base"]), self.name_of(row["run"]), row["metric"])
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


def mean_interval(values: NDArray[np.float64]) -> Interval:
    """95 % interval of a mean over users.

    Args:
        values: float64 [U].

    Returns:
        Lower and upper end by Student's t with U - 1 degrees of freedom; the mean itself twice
        where there is one user only.

    Example:
        >>> mean_interval(np.array([1.0]))
        (1.0, 1.0)
    """
    mean, users = float(values.mean()), len(values)
    reach = 0.0
    if users > 1:
        quantile = float(stats.t.ppf((1 + CONFIDENCE) / 2, users - 1))
        reach = quantile * float(np.std(values, ddof=1)) / users**0.5
    return mean - reach, mean + reach


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
    "mean_interval",
    "short_name",
]
