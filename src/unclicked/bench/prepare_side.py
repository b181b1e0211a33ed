"""One side of the benchmark of preparation, run as a program of its own.

Each side is told where the log lies and what the rules are, and prints one line of JSON: seconds,
peak memory and what it found. It imports nothing of the other sides.
"""

from __future__ import annotations

import hashlib
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Found = dict[str, Any]
# Linux tells peaks in KiB, macOS in bytes.
PEAK_UNIT = 1 if sys.platform == "darwin" else 1024


def main() -> None:
    """Run the side that the first argument names on what the second one tells, as JSON."""
    told = json.loads(sys.argv[2])
    side = SIDES[sys.argv[1]]
    answer = side(told)
    sys.stdout.write(json.dumps(answer | {"peak": peak_bytes() + answer.get("reader", 0)}) + "\n")


def peak_bytes() -> int:
    """Largest resident memory of this process so far.

    Linux tells it in a figure that begins with the program; `ru_maxrss` would hold the memory of
    whoever started it.
    """
    return _told_peak("self") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * PEAK_UNIT


def reader_bytes() -> int:
    """Largest resident memory of our process that decodes files; rather more once it has left."""
    from unclicked.data.reader_process import READER

    found = _told_peak(str(READER.pid))
    READER.end()
    return found or resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * PEAK_UNIT


def _told_peak(process: str) -> int:
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of some work, and its result."""
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def whole(told: Found) -> Found:
    """`prepare`, as a user calls it."""
    from unclicked.data.prepare import prepare

    log = [Path(told["log"])]
    _warm(told)
    with tempfile.TemporaryDirectory(dir=told["room"]) as room:
        seconds, data = timed(lambda: prepare(log, Path(room) / "data", memory=told.get("memory")))
        samples = data.splits["train"]
        return {
            "seconds": seconds,
            "samples": len(samples),
            "sha256": data.sha256,
            "reader": reader_bytes(),
        }


def rules(told: Found) -> Found:
    """Our reading and rules alone: training samples in memory."""
    _warm(told)
    seconds, parts = timed(lambda: _training_samples(Path(told["log"]), told))
    return {"seconds": seconds, "reader": reader_bytes()} | _facts(parts, told)


def _warm(told: Found) -> None:
    """Load or build compiled functions before the clock runs, on a log of a few rows."""
    from unclicked.data.prepare import prepare

    with tempfile.TemporaryDirectory(dir=told["room"]) as room:
        prepare([Path(told["few"])], Path(room) / "data", memory=told.get("memory"))
    _training_samples(Path(told["few"]), told)


def _training_samples(log: Path, told: Found) -> list[Any]:
    import numpy as np

    from unclicked.config import DataConfig
    from unclicked.data.log_intake import LogIntake
    from unclicked.data.reading import plan_log, read_rows
    from unclicked.data.rules import Rules, train_samples
    from unclicked.data.schema import ReadOptions
    from unclicked.data.user_rows import timelines_of
    from unclicked.in_turn import in_turn

    options, numbers = ReadOptions(), Rules.from_config(DataConfig())
    plans = plan_log([log], options)
    intake = LogIntake(plans, (), None, 1 << 20, 0)
    read_rows(plans, options, intake.take)
    users, items, _ = intake.ids()
    index_of = np.arange(1, len(items) + 1, dtype=np.int32)
    parts = intake.parted()

    def sweep(part: int) -> Any:
        rows, _ = parts.sort(part)
        lines = timelines_of(rows, index_of, len(items))
        return rows.first, lines, train_samples(lines, numbers, end_us=told["end_us"])

    return [users, items, *in_turn(sweep, range(len(parts)))]


def _facts(made: list[Any], told: Found) -> Found:
    """Numbers that all sides tell, and on a small log every list."""
    import numpy as np

    users, items, *parts = made
    found = {"samples": 0, "clicks": 0, "long": 0, "unclicked": 0}
    lists = []
    for first, lines, samples in parts:
        long = samples.start - samples.long_start
        length = np.diff(samples.position_offsets)
        row, user, click = samples.row_start, samples.user, samples.start
        if told["positions"]:
            row, user = samples.row_now, np.repeat(user, length)
            within = np.arange(len(row)) - np.repeat(samples.position_offsets[:-1], length)
            click = np.repeat(click, length) + within
        begin, end = samples.row_offsets[row], samples.row_offsets[row + 1]
        found["samples"] += len(samples)
        found["clicks"] += int(length.sum())
        found["long"] += int(long.sum())
        found["unclicked"] += int((end - begin).sum())
        for number in np.flatnonzero(end - begin).tolist() if told["small"] else ():
            shown = samples.row_items[begin[number] : end[number]].tolist()
            who = users[int(user[number]) + first].as_py()
            at = int(lines.click_time_us[click[number]])
            lists.append([who, at, [items[item - 1].as_py() for item in shown]])
    return found | {"lists": digest(lists) if told["small"] else ""}


def digest(lists: list[list[Any]]) -> str:
    """One text for all lists: user, moment in microseconds, items with the last shown one last."""
    return hashlib.sha256(json.dumps(sorted(lists)).encode()).hexdigest()


def duckdb(told: Found) -> Found:
    """The rules in DuckDB's SQL, on all cores."""
    import duckdb as engine

    base = engine.connect()
    base.execute("SET preserve_insertion_order = false")
    base.execute("SET TimeZone = 'UTC'")
    names = {"log": f"{told['log']}/*.parquet", "end": told["end_us"]}
    names |= {"which": "true" if told["positions"] else "place = 1"}
    names |= {"until": "<=" if told["positions"] else "<"}
    seconds, _ = timed(lambda: [base.execute(one.format(**names)) for one in told["statements"]])
    row = base.execute(
        "SELECT count(*), sum(clicks), sum(long), (SELECT coalesce(sum(len(items)), 0) FROM lists) "
        "FROM samples"
    ).fetchone()
    names_of = ("samples", "clicks", "long", "unclicked")
    found = dict(zip(names_of, map(int, row or ()), strict=True))
    listed = ""
    if told["small"]:
        rows = base.execute("SELECT user_id, epoch_us(tau), items FROM lists").fetchall()
        listed = digest([list(one) for one in rows])
    return {"seconds": seconds, **found, "lists": listed}


def polars(told: Found) -> Found:
    """The rules in Polars' lazy expressions, with its streaming engine, on all cores."""
    import polars as pl

    seconds, (samples, lists) = timed(lambda: _polars_rules(pl, told))
    found = {
        "samples": samples.height,
        "clicks": int(samples["clicks"].sum()),
        "long": int(samples["long"].sum()),
        "unclicked": int(lists["items"].list.len().sum()),
    }
    listed = ""
    if told["small"]:
        rows = lists.select("user_id", pl.col("tau").dt.epoch("us"), "items").rows()
        listed = digest([list(one) for one in rows])
    return {"seconds": seconds, **found, "lists": listed}


def _polars_rules(pl: Any, told: Found) -> tuple[Any, Any]:
    log = pl.scan_parquet(f"{told['log']}/*.parquet")
    end = pl.lit(told["end_us"]).cast(pl.Datetime("us"))
    at, user = pl.col("timestamp"), "user_id"
    clicks = log.filter(pl.col("clicked") & (at < end)).select(user, "item_id", "timestamp")
    far = (at - at.shift()) >= pl.duration(minutes=10)
    # Sorted by user first, so that one shift over the whole column serves all users.
    new = (pl.col(user) != pl.col(user).shift()).fill_null(True) | far
    runs = (
        clicks.sort(user, "timestamp", "item_id")
        .with_columns(run=new.cum_sum())
        .collect(engine="streaming")
    )
    place = pl.int_range(pl.len())
    numbered = runs.with_columns(number=place).with_columns(
        part=(pl.col("number") - pl.col("number").first().over("run")) // 50
    )
    heads = (
        numbered.lazy()
        .group_by(user, "run", "part")
        .agg(tau=at.first(), clicks=pl.len(), head=pl.col("number").first())
        .filter(pl.col("clicks") >= 2)
    )
    oldest = (
        heads.with_columns(since=pl.col("tau") - pl.duration(days=7))
        .sort("since")
        .join_asof(
            numbered.lazy().select(user, "timestamp", first="number").sort("timestamp"),
            left_on="since", right_on="timestamp", by=user, strategy="forward",
        )
    )  # fmt: skip
    samples = oldest.select(user, "tau", "clicks", long=pl.col("head") - pl.col("first")).collect(
        engine="streaming"
    )
    kept = pl.len().over(user, "run", "part") >= 2
    moments = numbered.filter(kept).select(user, tau=at) if told["positions"] else samples
    before = at < pl.col("tau")
    until = at <= pl.col("tau") if told["positions"] else before
    shown = (
        moments.lazy()
        .select(user, "tau")
        .join(log, on=user)
        .filter(until & (at >= pl.col("tau") - pl.duration(days=3)))
        .group_by(user, "tau", "item_id")
        .agg(count=before.sum(), hit=pl.col("clicked").any(), last=at.filter(before).max())
        .filter((pl.col("count") >= 2) & ~pl.col("hit"))
    )
    ordered = pl.col("item_id").sort_by("last", "item_id").tail(100)
    lists = shown.group_by(user, "tau").agg(items=ordered).collect(engine="streaming")
    return samples, lists


SIDES: dict[str, Callable[[Found], Found]] = {
    "whole": whole,
    "rules": rules,
    "duckdb": duckdb,
    "polars": polars,
}

if __name__ == "__main__":
    main()
