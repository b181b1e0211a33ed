"""The report as one HTML file that asks for nothing from outside."""

from __future__ import annotations

from pathlib import Path

from unclicked.data.card_page import card_sections, warning_list
from unclicked.data.card_signal import signal_box
from unclicked.page.document import document, write_page
from unclicked.page.markup import definitions, escaped, typeset
from unclicked.page.markup import pictures as arranged
from unclicked.report import diagnostics, pictures
from unclicked.report.differences import sorted_differences, strata_picture
from unclicked.report.facts import ReportFacts, RunShown
from unclicked.report.lines import shown_k
from unclicked.report.summary import Summary, summarise, verdict_words
from unclicked.report.tables import comparison_table, runs_table, spread_table, strata_table
from unclicked.report.users_page import users_section


def write_report(path: Path, facts: ReportFacts) -> None:
    """Write a report about trained and evaluated runs.

    Args:
        path: The HTML file; an older one is replaced.
        facts: What is on the page.

    Raises:
        ResourceError: If the file cannot be written.
    """
    write_page(path, page(facts))


def page(facts: ReportFacts) -> str:
    """The page; the same facts give the same bytes.

    Args:
        facts: What is on the page.

    Returns:
        A whole HTML document.
    """
    sections = [
        ("Result", _result(facts)),
        ("User by user", _users(facts)),
        ("Three users", users_section(facts)),
        ("Training", _training(facts)),
        ("Data", _data(facts)),
        ("How it was made", _made(facts)),
    ]
    return document(facts.title, facts.about, _summary(facts, summarise(facts)), sections)


def _summary(facts: ReportFacts, summary: Summary) -> str:
    control = f"\n<p>{typeset(summary.control)}</p>" if summary.control else ""
    word = verdict_words(facts, summary.verdict)
    return (
        f'<div class="summary {summary.verdict}" id="summary">\n<p><span class="verdict">'
        f"{word[:1].upper()}{word[1:]}.</span> {typeset(summary.sentence)}</p>{control}\n</div>"
    )


def _result(facts: ReportFacts) -> str:
    first = facts.runs[0].evaluation
    k = shown_k(first)
    seeds = {run.seeds for run in facts.runs if run.log}
    several = max(seeds, default=1) > 1
    over = (
        "Each user's values are averaged over the seeds of a run before anything is compared."
        if several
        else "One seed each: what another seed would change is not in the intervals."
    )
    return "\n".join(
        [
            f"<p>{first['users']:,} users of the {escaped(first['split'])} split, each with a "
            f"ranking of all {first['items']:,} items. {over if several else ''}</p>",
            runs_table(facts),
            arranged(
                [pictures.bars(facts.runs, metric) for metric in (f"HR@{k}", f"R@{k}")],
                "Means over users; the thin lines are 95 % intervals of each mean. Runs are "
                "compared user by user, so two intervals that overlap can still belong to runs "
                "that differ: see the table.",
            ),
            "<h3>Compared user by user</h3>",
            comparison_table(facts),
            '<p class="note">Two-tailed paired t-test over users; Holm\'s correction over all '
            "rows. Detectable: the smallest true difference that this number of users would show "
            f"in 80 % of repetitions. {over}</p>",
        ]
    )


def _users(facts: ReportFacts) -> str:
    """Who gains, who loses, and for whom nothing changes."""
    if not facts.spreads:
        return ""
    parts = [
        f"<p>{escaped(facts.focus)} against {escaped(facts.base)}: a mean says nothing of how many "
        "users gain and how many lose.</p>",
        spread_table(list(facts.spreads)),
        arranged(
            [sorted_differences(one) for one in facts.spreads],
            "Every user is a line as high as the difference; the flat part is as wide as the "
            "share of users for whom nothing changes.",
        ),
    ]
    if facts.strata:
        parts += [
            "<h3>By length of the unclicked list</h3>",
            arranged(
                [strata_picture(one, metric) for metric, one in facts.strata.items()],
                "Means with 95 % intervals, in bins of about equally many users by the number of "
                "unclicked items known at the moment of the recommendation. Users with long lists "
                "may differ in other ways too.",
            ),
            strata_table(facts.strata),
        ]
    return "\n".join(parts)


def _training(facts: ReportFacts) -> str:
    trained = [run for run in facts.runs if run.log]
    if not trained:
        return ""
    first = " of each run's first seed" if max(run.seeds for run in trained) > 1 else ""
    parts = [
        arranged(
            [pictures.validation_curves(trained), pictures.loss_curves(trained)],
            f"Training{first}. The dot marks the epoch that was kept. The ranking loss is a "
            "running mean over a fortieth of the steps.",
        )
    ]
    parts += [_diagnostics(run) for run in trained if run.name == facts.focus]
    return "\n".join(parts)


def _diagnostics(run: RunShown) -> str:
    """Distances, gradients and gate of one run; what was not logged is left out."""
    parts = []
    if diagnostics.has_metric_loss(run):
        metric = [
            diagnostics.distance_curves(run),
            diagnostics.gradient_curves(run),
            diagnostics.cosine_curve(run),
        ]
        parts.append(
            arranged(
                metric,
                f"The metric loss of {run.name}, running means. Distances are squared, between "
                "the vectors of clicked items, unclicked items and labels. The cosine says whether "
                "both losses pull the clicked vector the same way (above 0) or against each other.",
            )
        )
    gate = [one for one in (diagnostics.gate_curve(run), diagnostics.alignment_curves(run)) if one]
    if gate:
        parts.append(
            arranged(
                gate,
                "The gate is averaged over dimensions; the band holds 80 % of the rows with an "
                "unclicked item. Alignment: cosine between what the unclicked encoder and what "
                "the scores mean by a value of a field. Above 0, taking unclicked items away "
                "lowers the scores of their kind; below 0 it raises them: skips count in favour.",
            )
        )
    return "\n".join(parts)


def _data(facts: ReportFacts) -> str:
    parts = [f'<p class="warning">{typeset(text)}</p>' for text in facts.warnings]
    if facts.card:
        card = dict(facts.card)
        parts = [signal_box(card), warning_list(card), *parts]
        parts += [f"<h3>{escaped(n)}</h3>\n{html}" for n, html in card_sections(card) if html]
    return "\n".join(part for part in parts if part)


def _made(facts: ReportFacts) -> str:
    commands = "\n".join(map(escaped, facts.commands))
    block = f'<pre tabindex="0">{commands}</pre>' if commands else ""
    return "\n".join([definitions(facts.made) if facts.made else "", block]).strip()
