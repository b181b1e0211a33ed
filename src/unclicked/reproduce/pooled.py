"""Several methods as one: each user's mean over them, for claims about all of them together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from unclicked.reproduce.judged import BROKE
from unclicked.reproduce.results import Result, Results


def pooled(
    results: Results, groups: Mapping[str, Sequence[str]], metrics: Sequence[str]
) -> Results:
    """Each user's mean over the methods of a group, seed by seed.

    Args:
        results: Final rows of a study.
        groups: Names of methods by name of the group.
        metrics: Measures.

    Returns:
        A row for each group, data set, seed and measure that all methods of the group have; none
        for a group of which a training broke.

    Example:
        >>> rows = [Result("s", "d", m, "R@50", 0.5, np.array(v)) for m, v in
        ...         {"a": [0.0, 1.0], "b": [1.0, 1.0]}.items()]
        >>> pooled(Results(rows), {"both": ["a", "b"]}, ["R@50"]).rows[0].values.tolist()
        [0.5, 1.0]
    """
    found = {(one.method, one.data, one.seed, one.metric): one for one in results.rows}
    broke = {row.method for row in results.where(metric=BROKE).rows}
    places = dict.fromkeys((row.data, row.seed) for row in results.rows)
    made = []
    for name, methods in groups.items():
        if broke.intersection(methods):
            continue
        for data, seed in places:
            for metric in metrics:
                rows = [found.get((method, data, seed, metric)) for method in methods]
                values = [row.values for row in rows if row is not None]
                if len(values) == len(methods):
                    mean = np.mean(values, axis=0)
                    study = results.rows[0].study
                    made.append(
                        Result(study, data, name, metric, float(mean.mean()), mean, seed=seed)
                    )
    return Results(made)
