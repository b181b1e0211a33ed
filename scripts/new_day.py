"""What a new day costs: training anew, a warm start on it, and a refit with the validation days.

    python scripts/new_day.py --out newday --seeds 0,1,2

A simulated log is prepared without its last day and then with it, beside the first data set. Models
are judged on the last day: trained from scratch, from the older run's weights for a few epochs,
and refitted on the validation day too. A finished run is never trained again.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from verb import as_options, call

from unclicked.comparison import compare_runs
from unclicked.sources import simulate

TABLES = ("items", "users")


def make_data(out: Path, users: int, seed: int) -> tuple[Path, Path]:
    """The data set without the last day, and the one with it."""
    log, old, new = out / "log", out / "old", out / "new"
    if not log.is_dir():
        simulate(log, num_users=users, seed=seed)
        table = pq.read_table(log / "impressions.parquet")
        times = table["timestamp"].to_numpy()
        late = times >= times.max().astype("datetime64[D]")
        for name, rows in (("early", ~late), ("late", late)):
            pq.write_table(table.filter(rows), out / f"{name}.parquet")
    side = [part for name in TABLES for part in (f"--{name}", str(log / f"{name}.parquet"))]
    if not (old / "manifest.json").is_file():
        call(["prepare", str(out / "early.parquet"), "--out", str(old), *side])
    if not (new / "manifest.json").is_file():
        late_file = str(out / "late.parquet")
        call(["prepare", late_file, "--beside", str(old), "--out", str(new), *side])
    return old, new


def make_run(data: Path, run: Path, seed: str, *more: str) -> None:
    """One trained and judged run, with the seconds that training took beside it."""
    if (run / "evaluation" / "test.json").is_file():
        return
    seconds = call(["train", str(data), "--out", str(run), "--seed", seed, *more])
    (run / "seconds.txt").write_text(f"{seconds:.1f}\n")
    call(["evaluate", str(run)])
    print(f"{run} done in {seconds:.0f} s", file=sys.stderr, flush=True)


def main() -> None:
    """Parse, make what is missing, print the table and write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder of logs, runs and figures")
    parser.add_argument("--users", type=int, default=1500, help="users of the log")
    parser.add_argument("--log-seed", type=int, default=7, help="seed of the log")
    parser.add_argument("--seeds", default="0,1,2", help="seeds of the models")
    parser.add_argument("--epochs", type=int, default=2, help="epochs of the warm start")
    parser.add_argument("--set", action="append", default=[], help="a setting of every run")
    options = parser.parse_args()
    out = options.out
    out.mkdir(parents=True, exist_ok=True)
    old, new = make_data(out, options.users, options.log_seed)
    given = as_options(options.set)
    short = [*given, "--set", f"train.max_epochs={options.epochs}"]
    for seed in options.seeds.split(","):
        make_run(old, out / "yesterday" / seed, seed, *given)
        make_run(new, out / "scratch" / seed, seed, *given)
        make_run(new, out / "scratch-as-short" / seed, seed, *short)
        warm = ["--warm-start", str(out / "yesterday" / seed)]
        make_run(new, out / "warm" / seed, seed, *warm, *short)
        make_run(new, out / "refit" / seed, seed, "--refit", *given)
    others = [out / name for name in ("scratch-as-short", "warm", "refit")]
    rows: list[dict[str, Any]] = compare_runs(out / "scratch", others, metrics=["HR@50", "R@50"])[
        "comparisons"
    ]
    for row in rows:
        name = Path(row["run"]).name
        seconds = [float(one.read_text()) for one in (out / name).glob("*/seconds.txt")]
        row["seconds"] = float(np.mean(seconds))
        low, high = (100 * edge for edge in row["ci95"])
        print(
            f"{name:>16}  {row['metric']:>6}  {row['run_mean']:.2%}, {100 * row['difference']:+.2f}"
            f" to scratch [{low:+.2f}, {high:+.2f}], p {row['p']:.3g}, {row['seconds']:.0f} s"
        )
    base = [float(one.read_text()) for one in (out / "scratch").glob("*/seconds.txt")]
    print(f"{'scratch':>16}  HR@50  {rows[0]['base_mean']:.2%}, {np.mean(base):.0f} s")
    (out / "new_day.json").write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
