"""Tables of methods: what each reached, how it differs from a base, and what the paper printed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from unclicked.page.digits import interval, p_value, points
from unclicked.reproduce.comparing import Compared, compare, per_user, seed_means
from unclicked.reproduce.judged import BROKE, LENGTH, MEASURES, POPULARITY
from unclicked.reproduce.paper_numbers import DATA_SETS, MISPRINTS, paper_values
from unclicked.reproduce.results import CHOSEN, SCREEN, Results
from unclicked.reproduce.table import Table
from unclicked.reproduce.tuning import VALIDATION

NOTHING = "-"
SIGNIFICANT = 0.05
WHAT_CONTROLS_ARE = (
    "Controls: with shuffled lists each user has another user's unclicked items; with random ones, "
    "items drawn from the catalogue; with matched ones, items shown about as often as hers; with "
    "permuted labels the metric loss pulls towards another row's next clicks."
)


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
        best = f"{100 * max(values):.2f}"
        bold |= {(row, column + 1) for row, v in enumerate(values) if f"{100 * v:.2f}" == best}
    seeds = max((len(one) for one in means.values()), default=0)
    note = f"In percent; mean over {seeds} seed{'s' if seeds > 1 else ''}"
    note += " ± the standard deviation over them." if seeds > 1 else "."
    controls = any(", " in name for name in methods)
    return Table(
        f"{title} ({_data(results)})",
        ["method", *MEASURES],
        rows,
        notes=[note, *broken(results), *([WHAT_CONTROLS_ARE] if controls else [])],
        numbers=set(range(1, len(MEASURES) + 1)),
        rules_before={1},
        bold=bold,
        groups=len(MEASURES),
    )


def _data(results: Results) -> str:
    """Names of the data sets and how many users each has."""
    lengths = results.where(metric=LENGTH).rows
    users = {row.data: len(row.values) for row in lengths}
    names = [name for name in results.distinct("data") if name]
    return ", ".join(f"{n}: {users[n]:,} users" if n in users else n for n in names)


def broken(results: Results) -> list[str]:
    """A sentence for each training whose numbers broke.

    Args:
        results: Final rows of a study.

    Returns:
        The sentences.
    """
    return [
        f"{row.method}{'' if math.isnan(row.x) else f' at {row.x:g}'} broke on {row.data} with "
        f"seed {row.seed}: {row.text}"
        for row in results.where(metric=BROKE).rows
    ]


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
            "Two-tailed paired t-test over users, values averaged over seeds, Holm's correction "
            "over this table; the p of a gain is one-sided and not corrected. Detectable: the "
            "smallest true difference that 80 % of such experiments would find.",
        ],
        numbers=set(range(3, 9)),
    )  # fmt: skip


def improvements(title: str, results: Results, base: str, methods: Sequence[str]) -> Table:
    """By how much methods are above a base on every measure, in percent of it.

    Args:
        title: Title of the table.
        results: Final rows of a study.
        base: Name of the base.
        methods: Names of the methods, in order.

    Returns:
        A row for each method; a star where the difference is none of chance, by Holm's correction
        over the table.
    """
    found = compare(results, [(base, method) for method in methods], MEASURES)
    shown = {(one.method, one.metric): _relative(one) for one in found}
    return Table(
        title,
        ["method", *MEASURES],
        [[name, *(shown.get((name, one), NOTHING) for one in MEASURES)] for name in methods],
        notes=[
            "In percent of the base. *: two-tailed paired t-test over users, values averaged over "
            "seeds, p below 0.05 after Holm's correction over this table."
        ],
        numbers=set(range(1, len(MEASURES) + 1)),
        groups=len(MEASURES),
    )


def _relative(one: Compared) -> str:
    if one.paired.base_mean == 0:
        return NOTHING
    return f"{100 * one.paired.relative:+.2f}{'*' if one.p_holm < SIGNIFICANT else ''}"


def _difference_row(one: Compared) -> list[str]:
    paired = one.paired
    relative = NOTHING if paired.base_mean == 0 else f"{100 * paired.relative:+.2f}"
    # Equal for every user: that is no measurement of great precision.
    alike = paired.ci95[0] == paired.ci95[1]
    return [
        one.method,
        one.base,
        one.metric,
        points(paired.difference),
        NOTHING if alike else interval(paired.ci95),
        relative,
        p_value(one.p_holm),
        p_value(one.p_gain),
        NOTHING if alike else f"{100 * paired.detectable:.2f}",
    ]


def beside(
    data: str, results: Results, methods: Sequence[str], metrics: Sequence[str]
) -> list[Table]:
    """What methods reached on one data set, beside what the paper prints for its own.

    Args:
        data: Name of the data set.
        results: Final rows of a study, of this data set alone.
        methods: Names of the methods, in order, as the paper prints them.
        metrics: Measures such as `HR@50`.

    Returns:
        A table for each length of lists; a row for each method.
    """
    lengths = dict.fromkeys(metric.partition("@")[2] for metric in metrics)
    return [
        _beside(data, results, methods, [one for one in metrics if one.endswith(f"@{length}")])
        for length in lengths
    ]


def _beside(data: str, results: Results, methods: Sequence[str], metrics: Sequence[str]) -> Table:
    printed = {(log, name): paper_values(log, name) for log in DATA_SETS for name in methods}
    columns, rows = ["method"], []
    for metric in metrics:
        columns += [metric, *DATA_SETS]
    for name in methods:
        row = [name]
        for metric in metrics:
            row.append(_percent(per_user(results, name, metric)))
            values = (printed[log, name].get(metric) for log in DATA_SETS)
            row += [NOTHING if value is None else f"{value:.2f}" for value in values]
        rows.append(row)
    notes = ["The paper's logs are private: the order can be compared, the height cannot."]
    lacking = [log for log in DATA_SETS if not all(printed[log, name] for name in methods)]
    if lacking:
        notes.append(f"What the paper does not report on {', '.join(lacking)} is left out.")
    notes += [
        f"{log}, {name}: {text}"
        for (log, name, metric), text in MISPRINTS.items()
        if name in methods and metric in metrics
    ]
    title = f"{data} beside the paper, lists of {metrics[0].partition('@')[2]}"
    numbers = set(range(1, len(columns)))
    return Table(title, columns, rows, notes=notes, numbers=numbers, groups=len(metrics))


def best_base(results: Results, bases: Sequence[str]) -> str:
    """The base recommender that validation finds best; the test is not asked.

    Args:
        results: Final rows of a study.
        bases: Names.

    Returns:
        Its name; the last one where none was judged.
    """
    values = {name: results.where(method=name, metric=VALIDATION).seed_values() for name in bases}
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
                "not compared" if np.isnan(row.value) else _mean(np.array([row.value])),
                "yes" if row.role == CHOSEN else "",
            ]
            for row in rows
        ],
        notes=[
            "One seed that is not judged, first data set. Not compared: the only candidate, one "
            "that broke, or one taken from a file. A method with the plug-in has its base's "
            "optimiser; one that adds a metric loss had more candidates than one that does not. A "
            "control of the unclicked lists takes what its method was given; permuted labels "
            "choose for themselves."
        ],
        numbers={2},
    )


def _percent(values: np.ndarray) -> str:
    return f"{100 * float(np.mean(values)):.2f}" if len(values) else NOTHING


def _mean(values: np.ndarray) -> str:
    text = _percent(values)
    return text if len(values) < 2 else f"{text} ± {100 * float(np.std(values, ddof=1)):.2f}"
