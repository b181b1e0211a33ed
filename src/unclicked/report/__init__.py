"""A page about trained runs: what they were trained on, how they differ, and one user's lists."""

from __future__ import annotations

from unclicked.report.facts import BasedRow, ReportFacts, RunShown, compare_pairs, mean_intervals
from unclicked.report.page import write_report
from unclicked.report.story import Story, tell_story

__all__ = [
    "BasedRow",
    "ReportFacts",
    "RunShown",
    "Story",
    "compare_pairs",
    "mean_intervals",
    "tell_story",
    "write_report",
]
