"""Long lines, heavy users and what lies in the future: figures beside the bad rows."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from torture.command import call, call_process
from torture.figures import Figure
from torture.logs import COLUMNS, DAY, START, clean_rows, csv_line, write_csv

MIB = 1 << 20
MOST_MIB = 600
SETTINGS = ("--set", "data.time_unit=s")


def limits(long: bool, folder: Path) -> list[Figure]:
    """The figures.

    Args:
        long: Larger files.
        folder: Where to work.

    Returns:
        What was found.
    """
    folder.mkdir()
    return [
        _long_line(folder, 1024 if long else 64),
        _heavy_user(folder, 200_000 if long else 100_000),
        _future(folder),
    ]


def _long_line(folder: Path, mib: int) -> Figure:
    """A14: a line that never ends is refused without being held in memory."""
    path = folder / "line.csv"
    with path.open("wb") as file:
        file.write(csv_line(COLUMNS) + b"u,")
        for _ in range(mib):
            file.write(b"i" * MIB)
    done = call_process(["prepare", str(path), "--out", str(folder / "out"), *SETTINGS])
    path.unlink()
    said = f"{path}:2" in done.err and len(done.errors) == 1
    ok = done.code == 2 and said and done.peak_mib <= MOST_MIB
    value = f"exit code {done.code}, {done.peak_mib} MiB at most"
    bar = f"exit code 2, <= {MOST_MIB} MiB"
    return Figure(f"rows: A14 a line of {mib} MiB", value, bar, ok, done.seconds)


def _heavy_user(folder: Path, events: int) -> Figure:
    """A18: twice the events of one user take about twice the time."""
    seconds = {}
    for size in (events // 2, events // 2, events):
        path = folder / "heavy.parquet"
        columns = [
            pa.array(["u"] * size),
            pa.array([f"i{n}" for n in range(size)]),
            pa.array([START + n * 9 * DAY // size for n in range(size)]),
            pa.array([n % 3 == 0 for n in range(size)]),
        ]
        pq.write_table(pa.table(columns, names=list(COLUMNS)), path)
        begun = time.process_time()
        arguments = ["prepare", str(path), "--out", str(folder / f"heavy{len(seconds)}{size}")]
        done = call([*arguments, *SETTINGS])
        seconds[size] = time.process_time() - begun
        if done.code:
            return Figure("rows: A18 a heavy user", done.err, "exit code 0", False)
    ratio = seconds[events] / seconds[events // 2]
    value = f"{seconds[events]:.2f} s of the processor, {ratio:.1f} times those of half as many"
    return Figure(f"rows: A18 one user, {events} events", value, "<= 3 times", ratio <= 3)


def _future(folder: Path) -> Figure:
    """A22: what happens on the last day changes no byte of what was learned from before."""
    rows = clean_rows()
    last = START + 4 * DAY - 3600
    changed = [
        row | {"clicked": 1 - int(str(row["clicked"]))}
        if int(str(row["timestamp"])) > last
        else row
        for row in rows
    ]
    hashes = []
    for name, some in (("past", rows), ("changed", changed)):
        out = folder / name
        done = call(["prepare", str(write_csv(out, some)), "--out", str(out), *SETTINGS])
        files = sorted(
            path for part in ("train", "validation") for path in (out / part).rglob("*.npy")
        )
        found = {f.relative_to(out): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}
        hashes.append(found if done.code == 0 else {})
    same = sum(hashes[0].get(name) == hashes[1].get(name) for name in hashes[0] | hashes[1])
    total = len(hashes[0] | hashes[1])
    value = f"{same} of {total} files equal"
    ok = same == total > 0
    return Figure("rows: A22 samples after another last day", value, "all", ok)
