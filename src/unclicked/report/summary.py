"""What came out, in words that follow from the numbers."""

from __future__ import annotations

from dataclasses import dataclass

from unclicked.report.digits import interval, p_equals, percent, points
from unclicked.report.facts import BasedRow, ReportFacts

PRIMARY = "HR@50"
ALPHA = 0.05
WORDS = {
    "helps": "helps",
    "harms": "does not help",
    "unclear": "cannot be told",
    "missing": "not compared",
}


@dataclass(frozen=True)
class Summary:
    """The result in words.

    Attributes:
        verdict: A key of `WORDS`.
        sentence: The result in one sentence.
        control: What the control says about it; empty where there is none.
    """

    verdict: str
    sentence: str
    control: str


def verdict_of(row: BasedRow | None) -> str:
    """What a comparison says.

    Args:
        row: The run against the base.

    Returns:
        "helps" or "harms" where the corrected p value is below 0.05, "unclear" where it is not,
        "missing" where there is no row.
    """
    if row is None:
        return "missing"
    if row["p_holm"] >= ALPHA or row["difference"] == 0:
        return "unclear"
    return "helps" if row["difference"] > 0 else "harms"


def summarise(facts: ReportFacts) -> Summary:
    """State the result of a report.

    Args:
        facts: What the report is written from.

    Returns:
        Verdict and sentences; the first metric is HR@50.
    """
    row = facts.comparison(facts.focus, PRIMARY)
    verdict = verdict_of(row)
    if row is None:
        return Summary(verdict, f"{facts.focus} and {facts.base} were not compared.", "")
    control = facts.comparison(facts.control, PRIMARY) if facts.control else None
    return Summary(verdict, _sentence(verdict, row), _control(verdict, control))


def _sentence(verdict: str, row: BasedRow) -> str:
    """The result, with the numbers it follows from."""
    means = f"from {percent(row['base_mean'])} to {percent(row['run_mean'])}"
    change = f"{points(row['difference'])} points, 95 % interval {interval(row)}"
    p = f"{p_equals(row['p_holm'])} after Holm's correction"
    if verdict == "helps":
        return (
            f"Reading what users were shown and passed over helps on this log: {PRIMARY} rises "
            f"{means} ({change}, {p})."
        )
    if verdict == "harms":
        return (
            f"Reading what users were shown and passed over does not help on this log: {PRIMARY} "
            f"falls {means} ({change}, {p})."
        )
    return (
        f"Whether reading what users were shown and passed over helps cannot be told from these "
        f"{row['users']:,} users: {PRIMARY} goes {means} ({change}, {p}); a true difference below "
        f"about {100 * row['detectable']:.2f} points would mostly go unseen."
    )


def _control(verdict: str, row: BasedRow | None) -> str:
    """What the control adds."""
    if row is None:
        return ""
    found = f"{points(row['difference'])} points, {p_equals(row['p_holm'])}"
    told = {
        "helps": f"gains over the base too ({found})",
        "harms": f"falls below the base ({found})",
        "unclear": f"gains no {PRIMARY} over the base that could be told from chance ({found})",
    }[verdict_of(row)]
    sentence = f"The control, which gets another user's unclicked items, {told}"
    if verdict != "helps":
        return f"{sentence}."
    if verdict_of(row) == "helps":
        return f"{sentence}, so not all of the gain comes from what each user passed over."
    return f"{sentence}: that speaks for each user's own unclicked items as the cause."
