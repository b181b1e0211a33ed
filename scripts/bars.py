"""Train base, unclicked and control over log seeds and model seeds, and compare them.

    python scripts/bars.py --out bars --preset planted --logs 1,2,3,4,5 --seeds 0,1,2
    python scripts/bars.py --out bars --preset noise --logs 1,2,3,4,5 --seeds 0,1,2 --no-shuffled
    python scripts/bars.py --out runs --data kuairand-data --seeds 0,1,2

A finished run is never trained again, so a stopped script goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from verb import as_options, call

from unclicked.comparison import compare_runs, load_per_user
from unclicked.statistics import holm, one_sided_greater

VARIANTS = {
    "base": ["--set", "model.fusion=none", "--set", "model.metric=none"],
    "unclicked": [],
    "shuffled": ["--set", "data.unclicked.source=shuffled"],
}
METRICS = ("HR@50", "R@50", "MRR@50")


def make_data(folder: Path, preset: str, log: int) -> Path:
    """The prepared data set of one log seed."""
    data = folder / "data"
    if not (data / "manifest.json").is_file():
        source = folder / "log"
        if not source.is_dir():
            call(["simulate", str(source), "--preset", preset, "--seed", str(log)])
        tables = [str(source / name) for name in ("impressions", "items", "users")]
        log_file, items, users = (f"{table}.parquet" for table in tables)
        call(["prepare", log_file, "--items", items, "--users", users, "--out", str(data)])
    return data


def make_run(data: Path, run: Path, variant: str, seed: int, more: Sequence[str]) -> None:
    """One trained and judged run."""
    if (run / "evaluation" / "test.json").is_file():
        return
    # What makes a run that variant wins over what is set for all of them.
    settings = [*as_options(more), *VARIANTS[variant]]
    call(["train", str(data), "--out", str(run), "--seed", str(seed), "--resume", *settings])
    call(["evaluate", str(run)])
    print(f"{run} done", file=sys.stderr, flush=True)


def popularity(folder: Path) -> dict[str, float]:
    """Metrics of the popularity ranking on the same users."""
    metrics = load_per_user(folder / "base" / "0", "test").metrics
    return {name: float(metrics[f"popularity:{name}"].mean()) for name in METRICS}


def summarise(folders: Sequence[Path], variants: Sequence[str]) -> dict[str, Any]:
    """Means over model seeds for each log, differences to the base, and their tests."""
    logs = []
    for folder in folders:
        others = [folder / name for name in variants if name != "base"]
        rows = compare_runs(folder / "base", others, metrics=METRICS)["comparisons"]
        popular = popularity(folder)
        base = {row["metric"]: row["base_mean"] for row in rows}
        against = {
            name: [one_sided(folder, name, metric) for metric in METRICS]
            for name in variants
            if name != "base"
        }
        logs.append(
            {
                "log": folder.name,
                "popularity": popular,
                "base": base,
                "base_minus_popularity": base["HR@50"] - popular["HR@50"],
                "comparisons": rows,
                "one_sided_p": against,
            }
        )
    gains = [one["one_sided_p"]["unclicked"][0] for one in logs]
    return {"logs": logs, "holm_one_sided_HR@50": [float(p) for p in holm(gains)]}


def one_sided(folder: Path, variant: str, metric: str) -> float:
    """p of "better than the base", per-user means over the model seeds."""
    means = []
    for name in ("base", variant):
        seeds = [one.parent.parent for one in (folder / name).glob("*/evaluation/test.json")]
        values = [load_per_user(one, "test").metrics[metric] for one in seeds]
        means.append(np.mean(values, axis=0))
    return float(one_sided_greater(means[0], means[1]))


def print_table(summary: dict[str, Any]) -> None:
    """A line for each log and the means."""
    head = f"{'log':>14}{'popular':>9}{'base':>8}"
    print(head + "   variant: difference of HR@50 [95 %], p; R@50; MRR@50 (points)")
    differences: dict[str, list[list[float]]] = {}
    for log in summary["logs"]:
        line = f"{log['log']:>14}{log['popularity']['HR@50']:>9.2%}{log['base']['HR@50']:>8.2%}"
        by_run: dict[str, list[dict[str, Any]]] = {}
        for row in log["comparisons"]:
            by_run.setdefault(Path(row["run"]).name, []).append(row)
        for name, rows in by_run.items():
            points = [100 * row["difference"] for row in rows]
            low, high = (100 * edge for edge in rows[0]["ci95"])
            differences.setdefault(name, []).append(points)
            line += (
                f"   {name}: {points[0]:+.2f} [{low:+.2f}, {high:+.2f}], p {rows[0]['p']:.1e}; "
                f"{points[1]:+.2f}; {points[2]:+.2f}"
            )
        print(line)
    for name, points in differences.items():
        means = np.mean(points, axis=0)
        least, most = np.min(points, axis=0), np.max(points, axis=0)
        text = ", ".join(
            f"{metric} {mean:+.2f} ({low:+.2f} to {high:+.2f})"
            for metric, mean, low, high in zip(METRICS, means, least, most, strict=True)
        )
        print(f"{name} minus base, mean over logs: {text}")
    gaps = [100 * log["base_minus_popularity"] for log in summary["logs"]]
    print(
        f"base minus popularity, HR@50: {np.mean(gaps):+.2f} ({min(gaps):+.2f} to {max(gaps):+.2f})"
    )
    print(f"Holm over the logs, one-sided, unclicked above base: {summary['holm_one_sided_HR@50']}")


def main() -> None:
    """Parse, train what is missing, print the table and write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder of logs, runs and figures")
    parser.add_argument("--preset", default="planted", help="preset of `unclicked simulate`")
    parser.add_argument("--data", type=Path, help="a prepared data set, instead of simulated logs")
    parser.add_argument("--set", action="append", default=[], help="a setting of every run")
    parser.add_argument("--logs", default="1,2,3,4,5", help="seeds of simulated logs")
    parser.add_argument("--seeds", default="0,1,2", help="seeds of the models")
    parser.add_argument("--workers", type=int, default=2, help="trainings side by side")
    parser.add_argument("--no-shuffled", action="store_true", help="leave the control out")
    options = parser.parse_args()
    variants = [name for name in VARIANTS if name != "shuffled" or not options.no_shuffled]
    folders = [options.out / options.preset / log for log in options.logs.split(",")]
    if options.data is not None:
        folders = [options.out / options.data.name]
    jobs = []
    for folder in folders:
        data = options.data or make_data(folder, options.preset, int(folder.name))
        jobs.extend(
            (data, folder / variant / seed, variant, int(seed), options.set)
            for seed in options.seeds.split(",")
            for variant in variants
        )
    with ThreadPoolExecutor(options.workers) as pool:
        for future in [pool.submit(make_run, *job) for job in jobs]:
            future.result()
    summary = summarise(folders, variants)
    print_table(summary)
    name = options.preset if options.data is None else options.data.name
    (options.out / f"{name}.json").write_text(json.dumps(summary, indent=1))


if __name__ == "__main__":
    main()
