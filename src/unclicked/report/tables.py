"""The tables of the report."""

from __future__ import annotations

from unclicked.report.digits import duration, interval, p_value, percent, points
from unclicked.report.facts import BasedRow, ReportFacts, RunShown, short_name
from unclicked.report.lines import SHOWN_METRICS
from unclicked.report.markup import cell, escaped, table, typeset
from unclicked.report.svg import COLOURS


def runs_table(facts: ReportFacts) -> str:
    """Metrics of every run.

    Args:
        facts: What the report is written from.

    Returns:
        HTML.
    """
    heading = [("run", ""), *((name, "number") for name in SHOWN_METRICS), ("training", "number")]
    return table("runs", heading, [_run_row(run, facts.focus) for run in facts.runs])


def _run_row(run: RunShown, focus: str) -> str:
    colour = run.name if run.name in COLOURS else "ink"
    swatch = f'<span class="swatch" style="background: var(--{colour})"></span>'
    metrics = [run.evaluation["metrics"][name] for name in SHOWN_METRICS]
    seconds = "" if run.seconds is None else duration(run.seconds)
    cells = "".join(cell(percent(value), "number") for value in metrics)
    kind = ' class="focus"' if run.name == focus else ""
    return (
        f'<tr{kind}><th scope="row">{swatch}{escaped(run.name)}</th>{cells}'
        f"{cell(seconds, 'number')}</tr>"
    )


def comparison_table(facts: ReportFacts) -> str:
    """Differences between runs.

    Args:
        facts: What the report is written from.

    Returns:
        HTML; differences in percentage points.
    """
    names = ("difference", "95 % interval", "relative", "p", "p (Holm)", "detectable")
    heading = [("run", ""), ("against", ""), ("metric", ""), *((name, "number") for name in names)]
    rows, last = [], ("", "")
    for row in facts.comparisons:
        pair = short_name(row["run"]), short_name(row["base"])
        rows.append(_comparison_row(row, pair, new=pair != last, focus=facts.focus))
        last = pair
    return table("comparisons", heading, rows)


def _comparison_row(row: BasedRow, pair: tuple[str, str], *, new: bool, focus: str) -> str:
    relative = "n/a" if row["relative"] is None else f"{100 * row['relative']:+.1f} %"
    numbers = [
        points(row["difference"]),
        interval(row),
        relative,
        p_value(row["p"]),
        p_value(row["p_holm"]),
        f"{100 * row['detectable']:.2f}",
    ]
    kinds = [name for name, yes in (("group", new), ("focus", pair[0] == focus)) if yes]
    opening = f'<tr class="{" ".join(kinds)}">' if kinds else "<tr>"
    texts = [cell(typeset(number), "number") for number in numbers]
    return (
        f'{opening}<th scope="row">{escaped(pair[0])}</th>{cell(escaped(pair[1]))}'
        f"{cell(escaped(row['metric']))}{''.join(texts)}</tr>"
    )
