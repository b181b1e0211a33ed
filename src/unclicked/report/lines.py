"""The same facts as short lines for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from unclicked.page.digits import duration, interval, p_value, percent, points
from unclicked.report.facts import BasedRow, RunShown, short_name
from unclicked.report.story import Story

SHOWN = ("HR", "MRR", "R", "F1")
USUAL_K = 50


def shown_k(evaluation: Mapping[str, Any]) -> int:
    """The list length whose metrics are shown.

    Args:
        evaluation: What `evaluate --json` prints.

    Returns:
        50 where that was judged, else the first length that was.
    """
    judged = evaluation.get("top_k", [USUAL_K])
    return USUAL_K if USUAL_K in judged else int(judged[0])


def shown_metrics(evaluation: Mapping[str, Any]) -> list[str]:
    """Names of the metrics that are shown.

    Args:
        evaluation: What `evaluate --json` prints.

    Returns:
        Four names.

    Example:
        >>> shown_metrics({"top_k": [20, 80]})
        ['HR@20', 'MRR@20', 'R@20', 'F1@20']
    """
    return [f"{name}@{shown_k(evaluation)}" for name in SHOWN]


def run_lines(runs: Sequence[RunShown]) -> list[str]:
    """Metrics of every run.

    Args:
        runs: The runs.

    Returns:
        A heading and one line for each run.
    """
    names = shown_metrics(runs[0].evaluation)
    heading = "".join(f"{name:>10}" for name in names)
    lines = [f"{'':<12}{heading}{'training':>10}"]
    for run in runs:
        cells = "".join(f"{percent(run.evaluation['metrics'][n]):>10}" for n in names)
        seconds = "" if run.seconds is None else duration(run.seconds)
        lines.append(f"{run.name:<12}{cells}{seconds:>10}".rstrip())
    return lines


def comparison_lines(rows: Sequence[BasedRow]) -> list[str]:
    """Differences between runs.

    Args:
        rows: The comparisons.

    Returns:
        One line for each.
    """
    return [
        f"{short_name(row['run']):<10} against {short_name(row['base']):<11}"
        f"{row['metric']:<7}{points(row['difference']):>7} points, 95 % interval "
        f"{interval(row['ci95'])}, p (Holm) {p_value(row['p_holm'])}"
        for row in rows
    ]


def story_lines(story: Story) -> list[str]:
    """One user's story.

    Args:
        story: The story.

    Returns:
        Four lines.
    """
    size = len(story.ids("after"))
    came, went = (_some(story, ids) for ids in (story.moved_in(), story.moved_out()))
    return [
        f"user {story.user_id} clicked {_named(story, story.clicked)}{_earlier(story)}",
        f"  and passed over {len(story.unclicked)} items: {_some(story, story.unclicked)}",
        f"  from her clicks alone, the first of {size}: {_named(story, story.ids('before')[:4])}",
        f"  with what she passed over, {len(story.moved_in())} of {size} are new: in {came}; "
        f"out {went}",
    ]


def _earlier(story: Story) -> str:
    count = len(story.long_term)
    return f", and {count} {'item' if count == 1 else 'items'} before" if count else ""


def _named(story: Story, ids: Sequence[object]) -> str:
    return ", ".join(f"{one} ({story.labels[one]})" if story.labels else str(one) for one in ids)


def _some(story: Story, ids: Sequence[object]) -> str:
    """Field values with their counts, or ids where there is no field."""
    if not ids:
        return "none"
    if not story.labels:
        return ", ".join(map(str, ids[:5]))
    counted = story.counted(ids)
    text = ", ".join(f"{value} x{count}" for value, count in counted[:5])
    return text + (", ..." if len(counted) > 5 else "")
