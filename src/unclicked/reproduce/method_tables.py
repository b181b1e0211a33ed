"""Tables of methods: what each reached, how it differs from a base, and what the paper printed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unclicked.page.digits import interval, p_value, points
from unclicked.reproduce.comparing import Compared, compare, per_user, seed_means
from unclicked.reproduce.judged import MEASURES, POPULARITY
from unclicked.reproduce.results import CHOSEN, SCREEN, Results
from unclicked.reproduce.table import Table

NOTHING = "-"
BEST_NOTE = "Best of each column in bold. All values in percent."


def reached(title: str, results: Results, methods: Sequence[str]) -> Table:
    """What every method reached on the test.

    Args:
        title: Title of the table.
        results: Final rows of a study.
        methods: Names of the methods, in order.

    Returns:
        A row for each method: mean over seeds, and their standard deviation where there are some.
    """
    names = [POPULARITY, *methods]
    means = {(n, m): seed_means(results, n, m) for n in names for m in MEASURES}
    rows = [[name, *(_mean(means[name, metric]) for metric in MEASURES)] for name in names]
    bold = set()
    for column, metric in enumerate(MEASURES):
        values = [means[n, metric].mean() if len(means[n, metric]) else -1.0 for n in names]
        bold.add((int(np.argmax(values)), column + 1))
    seeds = max((len(one) for one in means.values()), default=0)
    note = f"Mean over {seeds} seed{'s' if seeds > 1 else ''}"
    note += " and standard deviation over them. " if seeds > 1 else ". "
    data = [name for name in results.distinct("data") if name]
    return Table(
        f"{title} ({', '.join(data)})",
        ["method", *MEASURES],
        rows,
        notes=[note + BEST_NOTE],
        numbers=set(range(1, len(MEASURES) + 1)),
        rules_before={1},
        bold=bold,
    )


def differences(
    title: str,
    results: Results,
    pairs: Sequence[tuple[str, str]],
    metrics: Sequence[str] = ("HR@50", "MRR@50", "R@50", "F1@50"),
) -> Table:
    """How methods differ from their bases.

    Args:
        title: Title of the table.
        results: Final rows of a study.
        pairs: (base, method) by name.
        metrics: Measures.

    Returns:
        A row for each pair and measure.
    """
    rows = [_difference_row(one) for one in compare(results, pairs, metrics)]
    return Table(
        title,
        [
            "method", "against", "measure", "difference", "95 % interval", "relative",
            "p (Holm)", "p of a gain", "detectable",
        ],
        rows,
        notes=[
            "Differences and intervals in percentage points, relative in percent of the base. "
            "Two-tailed paired t-test over users, values averaged over seeds, Holm over this "
            "table; the p of a gain is one-sided and not corrected. Detectable: the smallest "
            "true difference that 80 % of such experiments would find.",
        ],
        numbers=set(range(3, 9)),
    )  # fmt: skip


def _difference_row(one: Compared) -> list[str]:
    paired = one.paired
    relative = NOTHING if paired.base_mean == 0 else f"{100 * paired.relative:+.2f}"
    return [
        one.method,
        one.base,
        one.metric,
        points(paired.difference),
        interval(paired.ci95),
        relative,
        p_value(one.p_holm),
        p_value(one.p_gain),
        f"{100 * paired.detectable:.2f}",
    ]


def best_base(results: Results, bases: Sequence[str], metric: str = "HR@50") -> str:
    """The base recommender with the highest mean.

    Args:
        results: Final rows of a study.
        bases: Names.
        metric: The measure.

    Returns:
        Its name; the last one where none was judged.
    """
    values = {name: per_user(results, name, metric) for name in bases}
    judged = {name: float(one.mean()) for name, one in values.items() if len(one)}
    return max(judged, key=lambda name: judged[name]) if judged else bases[-1]


def choices(title: str, results: Results) -> Table | None:
    """Which settings validation was given and which it chose.

    Args:
        title: Title of the table.
        results: All rows of a study.

    Returns:
        A row for each candidate; None where nothing was chosen.
    """
    rows = [row for row in results.rows if row.role in (SCREEN, CHOSEN)]
    if not rows:
        return None
    return Table(
        title,
        ["method", "settings", "validation HR@50", "chosen"],
        [
            [
                row.method,
                row.text or "those of its base",
                _mean(np.array([row.value])) if row.value else "not compared",
                "yes" if row.role == CHOSEN else "",
            ]
            for row in rows
        ],
        notes=[
            "One seed, first data set. A method with one candidate takes it without a comparison."
        ],
        numbers={2},
    )


def _mean(values: np.ndarray) -> str:
    if not len(values):
        return NOTHING
    text = f"{100 * float(np.mean(values)):.2f}"
    return text if len(values) == 1 else f"{text} ± {100 * float(np.std(values, ddof=1)):.2f}"
