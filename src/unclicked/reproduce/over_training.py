"""The metric loss over a training, epoch by epoch: three distances, what still pulls, the gate."""

from __future__ import annotations

from collections import defaultdict
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


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.3f}"
