"""What came out, in words that follow from the numbers."""

from __future__ import annotations

from dataclasses import dataclass

from unclicked.page.digits import interval, p_equals, percent, points
from unclicked.report.facts import BasedRow, ReportFacts

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
        Verdict and sentences about the primary metric.
    """
    row = facts.comparison(facts.focus, facts.primary)
    verdict = verdict_of(row)
    if row is None:
        return Summary(verdict, f"{facts.focus} and {facts.base} were not compared.", "")
    control = facts.comparison(facts.control, facts.primary) if facts.control else None
    return Summary(verdict, _sentence(facts, verdict, row), _control(facts, verdict, control))


def _sentence(facts: ReportFacts, verdict: str, row: BasedRow) -> str:
    """The result, with the numbers it follows from; a cause only where nothing else differs."""
    means = f"from {percent(row['base_mean'])} to {percent(row['run_mean'])}"
    change = f"{points(row['difference'])} points, 95 % interval {interval(row['ci95'])}"
    found = f"({change}, {p_equals(row['p_holm'])} after Holm's correction)"
    reading = "reading what users were shown and passed over"
    if verdict == "unclear":
        question = f"{reading} helps" if facts.unclicked else f"{facts.focus} beats {facts.base}"
        return (
            f"Whether {question} cannot be told from these {row['users']:,} users: "
            f"{row['metric']} goes {means} {found}; a true difference below about "
            f"{100 * row['detectable']:.2f} points would mostly go unseen."
        )
    helps = verdict == "helps"
    told = f"{reading.capitalize()} {'helps' if helps else 'does not help'}"
    if not facts.unclicked:
        told = f"{facts.focus} is {'better' if helps else 'worse'} than {facts.base}"
    return f"{told} on this log: {row['metric']} {'rises' if helps else 'falls'} {means} {found}."


def _control(facts: ReportFacts, verdict: str, row: BasedRow | None) -> str:
    """What the control adds."""
    if row is None:
        return ""
    found = f"{points(row['difference'])} points, {p_equals(row['p_holm'])}"
    told = {
        "helps": f"gains over the base too ({found})",
        "harms": f"falls below the base ({found})",
        "unclear": f"gains no {row['metric']} over the base that could be told from chance "
        f"({found})",
    }[verdict_of(row)]
    gets = {
        "random": "random items in place of",
        "matched": "items that were shown as often in place of",
    }.get(facts.source, "another user's list for")
    sentence = f"The control, which gets {gets} each user's unclicked items, {told}"
    if verdict != "helps" or not facts.unclicked:
        return f"{sentence}."
    if verdict_of(row) == "helps":
        return f"{sentence}, so not all of the gain comes from what each user passed over."
    return f"{sentence}: that speaks for each user's own unclicked items as the cause."


def verdict_words(facts: ReportFacts, verdict: str) -> str:
    """A verdict in a word or two.

    Args:
        facts: What the report is written from.
        verdict: A key of `WORDS`.

    Returns:
        The words.
    """
    if facts.unclicked:
        return WORDS[verdict]
    return {"helps": "better", "harms": "worse"}.get(verdict, WORDS[verdict])
