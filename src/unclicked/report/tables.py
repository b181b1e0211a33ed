"""The tables of the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from unclicked.page.digits import duration, interval, p_value, percent, points, share
from unclicked.page.markup import cell, escaped, table, typeset
from unclicked.report.facts import BasedRow, ReportFacts, RunShown
from unclicked.report.lines import shown_metrics
from unclicked.report.per_user import Spread, Stratum


def runs_table(facts: ReportFacts) -> str:
    """Metrics of every run, with half the width of each interval.

    Args:
        facts: What the report is written from.

    Returns:
        HTML.
    """
    names = shown_metrics(facts.runs[0].evaluation)
    heading = [("run", ""), *((name, "number") for name in names), ("training", "number")]
    caption = (
        "Means over users; \N{PLUS-MINUS SIGN} is the 95 % interval of each mean. A line at "
        "its left marks the run that the pictures and stories are about."
    )
    rows = [_run_row(run, names, facts.focus) for run in facts.runs]
    return table("runs", caption, heading, rows)


def _run_row(run: RunShown, names: list[str], focus: str) -> str:
    swatch = f'<span class="swatch" style="background: var(--{run.looks})"></span>'
    cells = "".join(cell(_mean(run, name), "number") for name in names)
    seconds = "" if run.seconds is None else duration(run.seconds)
    kind = ' class="focus"' if run.name == focus else ""
    return (
        f'<tr{kind}><th scope="row">{swatch}{escaped(run.name)}</th>{cells}'
        f"{cell(seconds, 'number')}</tr>"
    )


def _mean(run: RunShown, name: str) -> str:
    text = typeset(percent(run.evaluation["metrics"][name]))
    if name not in run.intervals:
        return text
    low, high = run.intervals[name]
    return f'{text} <span class="quiet">\N{PLUS-MINUS SIGN}{50 * (high - low):.2f}</span>'


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
        pair = facts.name_of(row["run"]), facts.name_of(row["base"])
        rows.append(_comparison_row(row, pair, new=pair != last, focus=facts.focus))
        last = pair
    caption = "Differences within users, in percentage points"
    return table("comparisons", caption, heading, rows)


def _comparison_row(row: BasedRow, pair: tuple[str, str], *, new: bool, focus: str) -> str:
    relative = "n/a" if row["relative"] is None else f"{100 * row['relative']:+.1f} %"
    numbers = [
        points(row["difference"]),
        interval(row["ci95"]),
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


def spread_table(spreads: list[Spread]) -> str:
    """How many users gain, stay and lose.

    Args:
        spreads: One for each metric.

    Returns:
        HTML; the last column draws the three parts.
    """
    kinds = ("better", "equal", "worse")
    heading = [("metric", ""), ("better", "number"), ("no change", "number"), ("worse", "number")]
    rows = []
    for one in spreads:
        counts = {kind: getattr(one, kind) for kind in kinds}
        cells = "".join(
            cell(f"{n:,} <span class='quiet'>{escaped(share(n, one.users))}</span>", "number")
            for n in counts.values()
        )
        bar = "".join(
            f'<span class="{kind}" style="width:{100 * n / one.users:.2f}%"></span>'
            for kind, n in counts.items()
            if n
        )
        rows.append(
            f'<tr><th scope="row">{escaped(one.metric)}</th>{cells}'
            f'<td class="wide"><span class="parts">{bar}</span></td></tr>'
        )
    heading.append(("better, no change, worse", "wide"))
    return table("spread", "Users by what changed for them", heading, rows)


def strata_table(strata: Mapping[str, Sequence[Stratum]]) -> str:
    """Mean differences by length of the unclicked list.

    Args:
        strata: Metric to its bins, which are the same for all.

    Returns:
        HTML.
    """
    heading = [("unclicked items", ""), ("users", "number")]
    for metric in strata:
        heading += [(f"difference in {metric}", "number"), ("95 % interval", "number")]
    rows = []
    for bins in zip(*strata.values(), strict=True):
        cells = [cell(f"{bins[0].users:,}", "number")]
        for one in bins:
            ends = interval(one.ci95) if one.ci95 else "n/a"
            cells += [cell(typeset(text), "number") for text in (points(one.difference), ends)]
        rows.append(f'<tr><th scope="row">{length_range(bins[0])}</th>{"".join(cells)}</tr>')
    caption = "Users by the length of their unclicked lists; differences in percentage points"
    return table("strata", caption, heading, rows)


def length_range(one: Stratum) -> str:
    """Lengths that a bin holds.

    Args:
        one: The bin.

    Returns:
        A length, or the shortest and longest.

    Example:
        >>> length_range(Stratum(3, 9, 4, 0.0, None)), length_range(Stratum(0, 0, 4, 0.0, None))
        ('3 to 9', '0')
    """
    if one.shortest == one.longest:
        return str(one.shortest)
    return f"{one.shortest} to {one.longest}"
