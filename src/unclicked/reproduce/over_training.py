"""Metric loss and gate over a training: three distances, what still pulls, how far it opens."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from unclicked.reproduce.results import Result, Results
from unclicked.reproduce.table import Table
from unclicked.training.log import read_log_lines

# Names in a step's line of the log, and how the table calls them.
CURVES = {
    "clicked_label": "h to c",
    "clicked_unclicked": "h to n",
    "label_unclicked": "c to n",
    "active_share": "active",
    "gate_mean": "gate",
}
PREFIX = "epoch:"
# Mean, 10 % and 90 % quantile over the rows of a step.
GATE = ("gate_mean", "gate_low", "gate_high")
NOTHING = "-"


def epoch_rows(study: str, data: str, method: str, run: Path) -> list[Result]:
    """What a run's log says of its metric loss and its gate, as means over each epoch's steps.

    Args:
        study: Name of the study.
        data: Name of the data set's folder.
        method: Name of the method.
        run: Folder of the run.

    Returns:
        Rows with metric `epoch:` and the name in the log, and the epoch as `x`; none for what the
        run's method does not have.

    Raises:
        ArtefactError: A line of the log is damaged.
    """
    sums: dict[tuple[str, int], list[float]] = defaultdict(list)
    for line in read_log_lines(run / "log.jsonl"):
        if line["kind"] == "step":
            for name in CURVES:
                if name in line:
                    sums[name, line["epoch"]].append(line[name])
    return [
        Result(study, data, method, PREFIX + name, float(np.mean(values)), x=float(epoch))
        for (name, epoch), values in sorted(sums.items())
    ]


def over_training(results: Results) -> Table | None:
    """The curves as a table.

    Args:
        results: Final rows of a study.

    Returns:
        A row for each method and epoch; None where there are no such rows.
    """
    found = [row for row in results.rows if row.metric.startswith(PREFIX)]
    if not found:
        return None
    values = {(row.method, row.x, row.metric.removeprefix(PREFIX)): row.value for row in found}
    points = sorted({(row.method, row.x) for row in found})
    shown = [
        [method, f"{x:.0f}", *(_number(values.get((method, x, name))) for name in CURVES)]
        for method, x in points
    ]
    return Table(
        "Over the training",
        ["method", "epoch", *CURVES.values()],
        shown,
        notes=[
            "Means over the steps of an epoch, with dropout. Squared distances of the clicked "
            "vector h, the unclicked n and the label vector c; active: share of rows whose metric "
            "loss is above 0; gate: how much of n is taken away, from 0 to 1."
        ],
        numbers=set(range(1, 2 + len(CURVES))),
    )


def gate_rows(
    study: str, data: str, method: str, run: Path, warn: Callable[[str], None] = lambda text: None
) -> list[Result]:
    """How far a run's gate was open in its last epoch.

    Args:
        study: Name of the study.
        data: Name of the data set's folder.
        method: Name of the method.
        run: Folder of the run.
        warn: Called with a sentence about every line that cannot be read; it is left out.

    Returns:
        A row each with metric `gate_mean`, `gate_low` and `gate_high`; none for a run without a
        gate.
    """
    lines = read_log_lines(run / "log.jsonl", warn)
    steps = [line for line in lines if line["kind"] == "step"]
    last = [line for line in steps if line["epoch"] == steps[-1]["epoch"] and GATE[0] in line]
    if not last:
        return []
    means = {name: float(np.mean([line[name] for line in last])) for name in GATE}
    return [Result(study, data, method, name, mean) for name, mean in means.items()]


def gates(results: Results, methods: Sequence[str]) -> Table | None:
    """How far the gates of methods were open at the end of their training.

    Args:
        results: Final rows of a study.
        methods: Names of the methods, in order.

    Returns:
        A row for each method that has a gate; None where none has.
    """
    shown = []
    for method in methods:
        rows = results.where(method=method)
        values = [rows.where(metric=name).seed_values() for name in GATE]
        if len(values[0]):
            shown.append([method, *(f"{float(one.mean()):.3f}" for one in values)])
    if not shown:
        return None
    return Table(
        "How far the gate opens",
        ["method", "mean", "10 %", "90 %"],
        shown,
        notes=[
            "How much of the unclicked vector is taken away, from 0 to 1: mean and quantiles over "
            "the rows of the last epoch's steps, with dropout, averaged over seeds and data sets."
        ],
        numbers={1, 2, 3},
    )


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.3f}"
