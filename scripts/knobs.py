"""Does the skip signal order logs as trained models' gains do? Simulate, measure, train, draw.

    python scripts/knobs.py --out knobs

One knob of the simulated log is turned at a time: `eta` (how often the feed follows the need) and
`replaced_share` (how many skips are replaced by random items). For each log the skip signal of its
data card is set beside the gain of a model that reads unclicked items over its base. A finished
run is never trained again, so a stopped script goes on where it was.
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
from scipy import stats
from verb import as_options, call

from unclicked.comparison import compare_runs
from unclicked.data.dataset import PreparedDataset
from unclicked.data.skip_signal import skip_signal_of
from unclicked.sources import simulate

LOGS: dict[str, tuple[str, dict[str, float]]] = {
    "eta=0": ("eta", {"eta": 0.0}),
    "eta=0.25": ("eta", {"eta": 0.25}),
    "eta=0.5": ("eta", {"eta": 0.5}),
    "eta=0.7": ("both", {"eta": 0.7}),
    "eta=0.95": ("eta", {"eta": 0.95}),
    "replaced=0.25": ("replaced", {"replaced_share": 0.25}),
    "replaced=0.5": ("replaced", {"replaced_share": 0.5}),
    "replaced=0.75": ("replaced", {"replaced_share": 0.75}),
    "replaced=1": ("replaced", {"replaced_share": 1.0}),
}
VARIANTS = {
    "base": ["--set", "model.fusion=none", "--set", "model.metric=none"],
    "unclicked": [],
}


def make_data(folder: Path, knobs: dict[str, float], users: int, seed: int) -> Path:
    """The prepared data set of one log."""
    data, log = folder / "data", folder / "log"
    if not (data / "manifest.json").is_file():
        if not log.is_dir():
            simulate(log, num_users=users, seed=seed, **knobs)
        names = ("impressions", "items", "users")
        rows, items, people = (str(log / f"{name}.parquet") for name in names)
        call(["prepare", rows, "--items", items, "--users", people, "--out", str(data)])
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


def figures(folder: Path, knob: str) -> dict[str, Any]:
    """The signal and the gain of one log."""
    (row,) = compare_runs(folder / "base", [folder / "unclicked"], metrics=["HR@50"])["comparisons"]
    signal = skip_signal_of(PreparedDataset.open(folder / "data"))
    return {
        "log": folder.name,
        "knob": knob,
        "signal": signal,
        "gain": row["difference"],
        "gain_ci95": row["ci95"],
    }


def draw(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """The picture: signal against gain, one point a log, both with their intervals."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(6.4, 4.4), constrained_layout=True)
    colours = {"eta": "#1b6ca8", "replaced": "#c8553d", "both": "#222222"}
    labels = {
        "eta": "feed follows the need more or less often",
        "replaced": "skips replaced by random items",
        "both": "preset planted",
    }
    for knob, colour in colours.items():
        chosen = [row for row in rows if row["knob"] == knob]
        x = np.array([row["signal"]["nats"] for row in chosen])
        y = np.array([100 * row["gain"] for row in chosen])
        x_error = np.abs(np.array([row["signal"]["ci95"] for row in chosen]).T - x)
        y_error = np.abs(100 * np.array([row["gain_ci95"] for row in chosen]).T - y)
        axes.errorbar(
            x, y, xerr=x_error, yerr=y_error, fmt="o", color=colour, label=labels[knob], capsize=2
        )
        for row, one, other in zip(chosen, x, y, strict=True):
            axes.annotate(
                row["log"], (one, other), xytext=(6, -11), textcoords="offset points", fontsize=8
            )
    axes.axhline(0, color="#999999", linewidth=0.8)
    axes.set_xlabel("skip signal (nats about the next click's category)")
    axes.set_ylabel("HR@50, unclicked minus base (points)")
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(path)
    plt.close(figure)


def main() -> None:
    """Parse, make what is missing, print the table, draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder of logs, runs and figures")
    parser.add_argument("--users", type=int, default=1500, help="users of each log")
    parser.add_argument("--log-seed", type=int, default=7, help="seed of the logs")
    parser.add_argument("--seeds", default="0,1", help="seeds of the models")
    parser.add_argument("--set", action="append", default=[], help="a setting of every run")
    parser.add_argument("--workers", type=int, default=2, help="trainings side by side")
    parser.add_argument("--train-only", action="store_true", help="stop before the figures")
    options = parser.parse_args()
    jobs = []
    for name, (_, knobs) in LOGS.items():
        folder = options.out / name
        data = make_data(folder, knobs, options.users, options.log_seed)
        jobs += [
            (data, folder / variant / seed, variant, int(seed), options.set)
            for seed in options.seeds.split(",")
            for variant in VARIANTS
        ]
    jobs.sort(key=lambda job: job[3])
    with ThreadPoolExecutor(options.workers) as pool:
        for future in [pool.submit(make_run, *job) for job in jobs]:
            future.result()
    if options.train_only:
        return
    rows = [figures(options.out / name, knob) for name, (knob, _) in LOGS.items()]
    for row in rows:
        low, high = row["signal"]["ci95"]
        print(
            f"{row['log']:>14}  signal {row['signal']['nats']:+.3f} nats [{low:+.3f}, {high:+.3f}] "
            f"{row['signal']['sign']:>8}  gain {100 * row['gain']:+.2f} points of HR@50 "
            f"[{100 * row['gain_ci95'][0]:+.2f}, {100 * row['gain_ci95'][1]:+.2f}]"
        )
    nats, gains = ([row["signal"]["nats"] for row in rows], [row["gain"] for row in rows])
    print(f"rank correlation (Kendall) {stats.kendalltau(nats, gains).statistic:.2f}")
    (options.out / "knobs.json").write_text(json.dumps(rows, indent=1))
    draw(rows, options.out / "knobs.svg")
    draw(rows, options.out / "knobs.png")


if __name__ == "__main__":
    main()
