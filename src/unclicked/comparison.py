"""Comparison of stored evaluations: differences within users, averaged over seeds, corrected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from unclicked import stored_evaluation
from unclicked.comparison_format import ComparisonResult, ComparisonRow, format_comparison
from unclicked.comparison_inputs import (
    POPULARITY,
    how_to_judge,
    refuse_datasets,
    seeds_of,
    unjudged,
)
from unclicked.errors import ArtefactError, UserError, command
from unclicked.statistics import holm, paired_comparison

__all__ = [
    "POPULARITY",
    "PerUser",
    "compare_runs",
    "format_comparison",
    "how_to_judge",
    "load_per_user",
    "seeds_of",
    "unjudged",
]

USER_COLUMN = "user_id"
# Columns that say something of a user, as `length:unclicked`, are no metrics.
FACT_PREFIX = "length:"


@dataclass(frozen=True)
class PerUser:
    """What one evaluation stored about each user.

    Args:
        user_ids: [U] int64, or objects that are strings.
        metrics: Name of a metric, such as `HR@50` or `popularity:HR@50`, to its values [U] float64.
        dataset_sha256: Fingerprint of the data set that was evaluated.
    """

    user_ids: NDArray[np.int64] | NDArray[np.object_]
    metrics: dict[str, NDArray[np.float64]]
    dataset_sha256: str


@dataclass(frozen=True)
class _Averaged:
    """Values [U] per metric, averaged over seeds, and each seed's mean over the users."""

    metrics: dict[str, NDArray[np.float64]]
    seed_means: dict[str, list[float]]


def load_per_user(run: Path, split: str = "test") -> PerUser:
    """Read what `evaluate` stored in a run.

    Args:
        run: Folder of one run.
        split: `validation` or `test`.

    Returns:
        Users and their values.

    Raises:
        UserError: The run has not been evaluated on this split.
        ArtefactError: A file is broken, or the two files do not belong together.
    """
    path = run / "evaluation" / f"{split}.parquet"
    if not stored_evaluation.is_stored(run, split):
        raise UserError(
            "COMPARE-EVALUATION",
            str(run),
            f"found no evaluation of the split '{split}'. Run `{_command(run, split)}`.",
        )
    try:
        summary, table = stored_evaluation.load(run, split)
    except ArtefactError as error:
        found = error.message.split(". ")[0].rstrip(".")
        raise _broken(error.where, found, run, split) from None
    fingerprint = summary.get("dataset_sha256")
    if not isinstance(fingerprint, str):
        raise _broken(path.with_suffix(".json"), "found no 'dataset_sha256'", run, split)
    _refuse_stale(run, split, summary.get("step"))
    if USER_COLUMN not in table.column_names:
        raise _broken(path, f"found no column '{USER_COLUMN}'", run, split)
    if summary.get("users", table.num_rows) != table.num_rows:
        found = f"found {table.num_rows} users, expected {summary['users']} as in the summary"
        raise _broken(path, found, run, split)
    metrics = {
        name: _values(table.column(name), f"{path} column '{name}'", run, split)
        for name in table.column_names
        if name != USER_COLUMN and not name.startswith(FACT_PREFIX)
    }
    return PerUser(_user_ids(table.column(USER_COLUMN), path, run, split), metrics, fingerprint)


def compare_runs(
    base: Path,
    runs: Sequence[Path],
    *,
    metrics: Sequence[str] = ("HR@50", "MRR@50"),
    split: str = "test",
) -> ComparisonResult:
    """Compare runs with a base on the same users.

    Args:
        base: A run; or a folder whose sub-folders are runs that differ in their seed, and then
            each user's values are averaged over the seeds before the test; or the word
            `popularity` for the ranking by popularity. A run in a folder of that name is given by
            its absolute path.
        runs: One or more of the same kind, without the word.
        metrics: Names as in the stored evaluation.
        split: `validation` or `test`.

    Returns:
        `base`, `split` and `comparisons`: one entry for each run and metric with means,
        difference, interval, p value, p value after Holm's correction over all entries, and the
        smallest detectable difference. `relative` is None where the base's mean is 0, and
        `run_std_over_seeds` is None for a single seed.

    Raises:
        UserError: A path is a data set, or a run is not evaluated, lacks a metric, or was judged
            on other data or users.
        ArtefactError: A stored evaluation is broken.
    """
    if not runs or not metrics:
        raise UserError("COMPARE-EMPTY", "runs and metrics", "expected at least one of each.")
    refuse_datasets([base, *runs])
    metrics = list(dict.fromkeys(metrics))
    over_popularity = str(base) == POPULARITY
    origin = runs[0] if over_popularity else base
    prefix = f"{POPULARITY}:" if over_popularity else ""
    first_seed = seeds_of(origin)[0]
    reference = first_seed, load_per_user(first_seed, split)
    base_values = _averaged(origin, [prefix + name for name in metrics], split, reference)
    rows: list[ComparisonRow] = []
    for run in runs:
        values = _averaged(run, metrics, split, reference)
        for name in metrics:
            rows.append(_row(run, name, (base_values, prefix + name), values))
            if over_popularity:
                rows[-1]["base_seeds"] = 1
    for row, p_holm in zip(rows, holm([row["p"] for row in rows]), strict=True):
        row["p_holm"] = float(p_holm)
    return {"base": str(base), "split": split, "comparisons": rows}


def _row(run: Path, metric: str, base: tuple[_Averaged, str], values: _Averaged) -> ComparisonRow:
    base_values, base_metric = base
    paired = paired_comparison(base_values.metrics[base_metric], values.metrics[metric])
    means = values.seed_means[metric]
    return {
        "run": str(run),
        "metric": metric,
        "base_mean": paired.base_mean,
        "run_mean": paired.run_mean,
        "difference": paired.difference,
        "relative": paired.relative if isfinite(paired.relative) else None,
        "ci95": list(paired.ci95),
        "p": paired.p,
        "p_holm": paired.p,
        "users": paired.users,
        "detectable": paired.detectable,
        "base_seeds": len(base_values.seed_means[base_metric]),
        "run_seeds": len(means),
        "run_std_over_seeds": float(np.std(means, ddof=1)) if len(means) > 1 else None,
    }


def _averaged(
    path: Path, metrics: Sequence[str], split: str, reference: tuple[Path, PerUser]
) -> _Averaged:
    totals: dict[str, NDArray[np.float64]] = {}
    means: dict[str, list[float]] = {name: [] for name in metrics}
    seeds = seeds_of(path)
    for seed in seeds:
        loaded = load_per_user(seed, split)
        order = _aligned(seed, loaded, reference)
        for name in means:
            if name not in loaded.metrics:
                raise _no_metric(seed, name, loaded, split)
            values = loaded.metrics[name][order]
            totals[name] = totals[name] + values if name in totals else values
            means[name].append(float(values.mean()))
    return _Averaged({name: total / len(seeds) for name, total in totals.items()}, means)


def _aligned(run: Path, loaded: PerUser, reference: tuple[Path, PerUser]) -> NDArray[np.int64]:
    """Rows of a run in the reference's order of users."""
    other, expected = reference
    if loaded.dataset_sha256 != expected.dataset_sha256:
        raise UserError(
            "COMPARE-DATASET",
            str(run),
            f"found an evaluation on another data set than that of {other}, expected the same. "
            "Train and evaluate both on one prepared data set.",
        )
    mine, theirs = loaded.user_ids, expected.user_ids
    if mine.dtype == theirs.dtype:
        if np.array_equal(mine, theirs):
            return np.arange(len(mine), dtype=np.int64)
        order, target = np.argsort(mine, kind="stable"), np.argsort(theirs, kind="stable")
        if np.array_equal(mine[order], theirs[target]):
            rows = np.empty(len(mine), dtype=np.int64)
            rows[target] = order
            return rows
    raise UserError(
        "COMPARE-USERS",
        str(run),
        f"found {len(mine)} users that are not the {len(theirs)} users of {other}. "
        f"Run `{command('evaluate', run)}` and `{command('evaluate', other)}` on the same split.",
    )


def _user_ids(
    column: pa.ChunkedArray, path: Path, run: Path, split: str
) -> NDArray[np.int64] | NDArray[np.object_]:
    text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    if column.null_count or not (text or pa.types.is_integer(column.type)):
        found = f"found {column.type} with {column.null_count} nulls, expected int64 or string"
        raise _broken(path, f"column '{USER_COLUMN}': {found}", run, split)
    if len(column.unique()) != len(column):
        raise _broken(path, f"column '{USER_COLUMN}': found a user twice", run, split)
    user_ids: NDArray[np.int64] | NDArray[np.object_] = column.to_numpy()
    return user_ids.astype(object if text else np.int64)


def _values(column: pa.ChunkedArray, where: str, run: Path, split: str) -> NDArray[np.float64]:
    if column.type != pa.float64() or column.null_count:
        raise _broken(where, f"found {column.type} or nulls, expected float64", run, split)
    values: NDArray[np.float64] = column.to_numpy()
    if not np.isfinite(values).all():
        raise _broken(where, "found NaN or infinity, expected numbers", run, split)
    return values


def _refuse_stale(run: Path, split: str, step: object) -> None:
    """Refuse values of a checkpoint that the run no longer has, because it was trained further."""
    kept = run / "checkpoints"
    if isinstance(step, int) and kept.is_dir() and not (kept / f"{step:09d}").is_dir():
        raise UserError(
            "COMPARE-STALE",
            str(run),
            f"was judged at step {step} and trained further since. Run `{_command(run, split)}`.",
        )


def _no_metric(run: Path, metric: str, loaded: PerUser, split: str) -> UserError:
    plain = sorted(name for name in loaded.metrics if not name.startswith(POPULARITY))
    meant = next((name for name in plain if name.lower() == metric.lower()), None)
    if meant is not None:
        return UserError("COMPARE-METRIC", metric, f"is no metric. Did you mean {meant}?")
    if metric.partition("@")[0] not in {name.partition("@")[0] for name in plain}:
        found = (
            f"is no metric. The evaluation of {run} has {', '.join(plain)}. Choose one of these."
        )
        return UserError("COMPARE-METRIC", metric, found)
    ends = {name.rpartition("@")[2] for name in (metric, *plain)}
    lengths = sorted(int(end) for end in ends if end.isdigit())
    option = f" --top-k {','.join(map(str, lengths))}"
    return UserError(
        "COMPARE-METRIC",
        str(run),
        f"found no '{metric}' in the evaluation, which has {', '.join(plain)}. "
        f"Choose one of these or run `{_command(run, split)}{option}`.",
    )


def _broken(where: Path | str, found: str, run: Path, split: str) -> ArtefactError:
    advice = f"Run `{_command(run, split)}` again."
    return ArtefactError("COMPARE-BROKEN", str(where), f"{found}. {advice}")


def _command(run: Path, split: str) -> str:
    return command("evaluate", run, "--split", split)
