"""The result in words follows from the numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.report.conftest import row_of

from unclicked.report.facts import ReportFacts
from unclicked.report.summary import summarise, verdict_of


@pytest.mark.parametrize(
    ("difference", "p_holm", "verdict"),
    [
        (0.05, 0.01, "helps"),
        (-0.05, 0.01, "harms"),
        (0.05, 0.05, "unclear"),
        (-0.05, 0.9, "unclear"),
        (0.0, 0.0, "unclear"),
    ],
)
def test_verdict(difference: float, p_holm: float, verdict: str) -> None:
    assert verdict_of(row_of("base", "unclicked", difference, p_holm)) == verdict


@pytest.mark.parametrize(
    ("difference", "p_holm", "words"),
    [
        (0.05, 0.001, ["helps on this log", "rises from 40.00 % to 45.00 %", "+5.00 points"]),
        (-0.05, 0.001, ["does not help", "falls from 40.00 % to 35.00 %", "-6.00 to -4.00"]),
        (0.05, 0.3, ["cannot be told from these 1,234 users", "below about 1.43 points"]),
    ],
)
def test_sentence(facts: ReportFacts, difference: float, p_holm: float, words: list[str]) -> None:
    row = row_of("runs/base", "runs/unclicked", difference, p_holm)
    sentence = summarise(replace(facts, comparisons=[row])).sentence
    assert [word for word in words if word not in sentence] == []


def test_only_one_claim_is_made(facts: ReportFacts) -> None:
    claims = ("helps on this log", "does not help on this log", "cannot be told from these")
    for difference, p_holm in ((0.05, 0.001), (-0.05, 0.001), (0.05, 0.3)):
        row = row_of("base", "unclicked", difference, p_holm)
        sentence = summarise(replace(facts, comparisons=[row])).sentence
        assert sum(claim in sentence for claim in claims) == 1


def test_control_that_gains_too_takes_the_credit(facts: ReportFacts) -> None:
    gain = row_of("base", "unclicked", 0.05, 0.001)
    same = replace(facts, comparisons=[gain, row_of("base", "shuffled", 0.04, 0.001)])
    none = replace(facts, comparisons=[gain, row_of("base", "shuffled", 0.01, 0.8)])
    assert "not all of the gain" in summarise(same).control
    assert "as the cause" in summarise(none).control
    lost = row_of("base", "unclicked", -0.05, 0.001)
    without = replace(facts, comparisons=[lost, row_of("base", "shuffled", 0.01, 0.8)])
    assert "cause" not in summarise(without).control


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("shuffled", "another user's list for each user's unclicked items"),
        ("random", "random items in place of each user's unclicked items"),
        ("matched", "items that were shown as often in place of each user's unclicked items"),
    ],
)
def test_the_control_s_lists_are_named(facts: ReportFacts, source: str, words: str) -> None:
    rows = [row_of("base", "unclicked", 0.05, 0.001), row_of("base", "shuffled", 0.01, 0.8)]
    assert words in summarise(replace(facts, source=source, comparisons=rows)).control


def test_nothing_compared(facts: ReportFacts) -> None:
    summary = summarise(replace(facts, comparisons=[]))
    assert (summary.verdict, summary.control) == ("missing", "")


def test_no_cause_is_claimed_where_more_differs(facts: ReportFacts) -> None:
    other = replace(facts, unclicked=False)
    assert "unclicked is better than base on this log" in summarise(other).sentence
    assert "cause" not in summarise(other).control
    lost = [row_of("base", "unclicked", -0.05, 0.001)]
    assert "is worse than base" in summarise(replace(other, comparisons=lost)).sentence
    even = [row_of("base", "unclicked", 0.01, 0.5)]
    assert "Whether unclicked beats base cannot be told" in (
        summarise(replace(other, comparisons=even)).sentence
    )


def test_another_metric_than_hits(facts: ReportFacts) -> None:
    row = row_of("base", "unclicked", 0.05, 0.001, metric="R@20")
    found = summarise(replace(facts, comparisons=[row], primary="R@20"))
    assert "R@20 rises" in found.sentence
