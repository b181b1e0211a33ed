"""The report as one HTML file that asks for nothing from outside."""

from __future__ import annotations

from pathlib import Path

from unclicked.errors import ResourceError
from unclicked.report import pictures
from unclicked.report.facts import ReportFacts
from unclicked.report.markup import definitions, escaped, typeset
from unclicked.report.markup import pictures as arranged
from unclicked.report.story_page import story_section
from unclicked.report.style import STYLE
from unclicked.report.summary import WORDS, Summary, summarise
from unclicked.report.tables import comparison_table, runs_table

BAR_METRICS = ("HR@50", "R@50")
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def write_report(path: Path, facts: ReportFacts) -> None:
    """Write a report about trained and evaluated runs.

    Args:
        path: The HTML file; an older one is replaced.
        facts: What is on the page.

    Raises:
        ResourceError: If the file cannot be written.
    """
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        temporary.write_text(page(facts), encoding="utf-8")
        Path(temporary).replace(path)
    except OSError as error:
        raise ResourceError("REPORT-WRITE", str(path), f"cannot be written ({error}).") from error


def page(facts: ReportFacts) -> str:
    """The page; the same facts give the same bytes.

    Args:
        facts: What is on the page.

    Returns:
        A whole HTML document.
    """
    title = escaped(facts.title)
    kicker = " \N{MIDDLE DOT} ".join(escaped(one) for one in ("unclicked", facts.about) if one)
    sections = [
        ("Result", _result(facts)),
        ("One user", "" if facts.story is None else story_section(facts.story)),
        ("Training", _training(facts)),
        ("Data", _data(facts)),
        ("How it was made", _made(facts)),
    ]
    body = "\n".join(
        f"<section>\n<h2>{name}</h2>\n{content}\n</section>"
        for name, content in sections
        if content
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{escaped(POLICY)}">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>{STYLE}</style>
</head>
<body>
<header>
<p class="kicker">{kicker}</p>
<h1>{title}</h1>
{_summary(summarise(facts))}
</header>
<main>
{body}
</main>
</body>
</html>
"""


def _summary(summary: Summary) -> str:
    control = f"\n<p>{typeset(summary.control)}</p>" if summary.control else ""
    return (
        f'<div class="summary {summary.verdict}" id="summary">\n<p><span class="verdict">'
        f"{_upper(WORDS[summary.verdict])}.</span> {typeset(summary.sentence)}</p>{control}\n</div>"
    )


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _result(facts: ReportFacts) -> str:
    first = facts.runs[0].evaluation
    return "\n".join(
        [
            f"<p>{first['users']:,} users of the {escaped(first['split'])} split, each with a "
            f"ranking of all {first['items']:,} items.</p>",
            runs_table(facts),
            arranged(
                [pictures.bars(facts.runs, metric) for metric in BAR_METRICS],
                "Means over users; the thin lines are 95 % intervals of each mean. Runs are "
                "compared user by user, so two intervals that overlap can still belong to runs "
                "that differ: see the table.",
            ),
            "<h3>Compared user by user</h3>",
            comparison_table(facts),
            '<p class="note">Differences, intervals and detectable differences in percentage '
            "points. Two-tailed paired t-test over users; Holm's correction over all rows. "
            "Detectable: the smallest true difference that this number of users would show in "
            "80 % of repetitions. One seed each: what another seed would change is not in the "
            "intervals.</p>",
        ]
    )


def _training(facts: ReportFacts) -> str:
    trained = [run for run in facts.runs if run.log]
    if not trained:
        return ""
    parts = [
        arranged(
            [pictures.validation_curves(trained), pictures.loss_curves(trained)],
            "The dot marks the epoch that was kept. The ranking loss is a running mean over a "
            "fortieth of the steps.",
        )
    ]
    parts += [
        arranged(
            [
                pictures.distance_curves(run),
                pictures.gradient_curves(run),
                pictures.cosine_curve(run),
            ],
            f"The metric loss of {run.name}, running means. Distances are squared, between the "
            "vectors of clicked items, unclicked items and labels. The cosine says whether both "
            "losses pull the clicked vector the same way (above 0) or against each other.",
        )
        for run in trained
        if run.name == facts.focus
    ]
    return "\n".join(parts)


def _data(facts: ReportFacts) -> str:
    warnings = [f'<p class="warning">{escaped(text)}</p>' for text in facts.warnings]
    return "\n".join([definitions(facts.data) if facts.data else "", *warnings]).strip()


def _made(facts: ReportFacts) -> str:
    commands = "\n".join(map(escaped, facts.commands))
    block = f'<pre tabindex="0">{commands}</pre>' if commands else ""
    return "\n".join([definitions(facts.made) if facts.made else "", block]).strip()
