"""A page about trained runs: what they were trained on, how they differ, and for whom."""

from __future__ import annotations

from unclicked.report.facts import BasedRow, ReportFacts, RunShown, compare_pairs
from unclicked.report.gather import Asked, gather
from unclicked.report.page import write_report
from unclicked.report.story import Story, tell_story

__all__ = [
    "Asked",
    "BasedRow",
    "ReportFacts",
    "RunShown",
    "Story",
    "compare_pairs",
    "gather",
    "tell_story",
    "write_report",
]
