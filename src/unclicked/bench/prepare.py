"""Preparation of a large log against the same rules in DuckDB's SQL and in Polars."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from unclicked.bench import prepare_side
from unclicked.bench.prepare_log import FIRST_US, HALF_DAY_US, SMALL, LogSize, write_log
from unclicked.bench.prepare_sql import DUCKDB_RULES
from unclicked.bench.ratio import Row, compared
from unclicked.child_command import child_command
from unclicked.doctor.machine import free_memory_bytes
from unclicked.progress import Note

TITLE = "preparing 50 million impressions, against the rules in DuckDB's SQL and in Polars"
IMPRESSIONS_VARIABLE = "UNCLICKED_BENCH_IMPRESSIONS"
MEMORY = "1GiB"
GIB = 2**30
OPPONENTS = {"duckdb": "DuckDB", "polars": "Polars"}
# Bytes for each impression at its peak, measured at 50 million and at 10 million, rounded up.
NEEDS = {"duckdb": 300, "polars": 1_100}
# What the other sides do not do belongs to the work, so it is measured, under its own name.
WHOLE = (
    "prepare (checks of every row, merged doubles, held-out days, card, stored log, hashes, "
    "durable files)"
)
PART = "reading and rules (with checks of every row and merged doubles)"
SAME, FEWER = "the same rules without checks", "one list a session in place of one a click"
FACTS = ("samples", "clicks", "long", "unclicked", "lists")


def run(rounds: int, small: bool, say: Callable[[str], None]) -> list[Row]:
    """Seconds and peak memory of all sides, each in a fresh process in every round.

    Args:
        rounds: Rounds that count.
        small: A tiny log, to see that it works; every list is then compared.
        say: Called with lines that tell how far it is.

    Returns:
        Two rows for each comparison: seconds and peak memory.

    Raises:
        RuntimeError: If a side fails, or the sides do not find the same.
    """
    size = size_of(small)
    there = _opponents(size.impressions, say)
    sides = ["rules", "whole", "bounded", *there, *(f"{name} fewer" for name in there)]
    with tempfile.TemporaryDirectory(prefix="unclicked-bench-") as room:
        told = _told(Path(room), size, small, say)
        # The first round does not count: it shows that all sides find the same.
        _check({name: run_side(name, told) for name in ["rules fewer", *sides]}, there)
        found: dict[str, list[dict[str, Any]]] = {name: [] for name in sides}
        for turn in range(1, rounds + 1):
            for name in sides:
                found[name].append(run_side(name, told))
            say(f"round {turn} of {rounds}")
    return _rows(found, there)


def _opponents(impressions: int, say: Callable[[str], None]) -> list[str]:
    """Those that are installed and that the machine's memory can hold."""
    there, room = [], free_memory_bytes()
    for name, each in NEEDS.items():
        need = impressions * each
        if importlib.util.find_spec(name) is None:
            say(Note(f'{name} is not installed and left out: pip install ".[bench]".'))
        elif room is not None and need > room:
            sizes = f"about {need / GIB:.0f} GiB for so many rows, and {room / GIB:.0f} are free"
            say(Note(f"{name} is left out: it needs {sizes}. Take fewer: {IMPRESSIONS_VARIABLE}."))
        else:
            there.append(name)
    return there


def size_of(small: bool) -> LogSize:
    """How large the log is.

    Args:
        small: Whether it is tiny.

    Returns:
        The size; the environment may name another number of impressions.
    """
    if small:
        return SMALL
    size = LogSize()
    rows = int(os.environ.get(IMPRESSIONS_VARIABLE, size.impressions))
    return replace(size, impressions=rows, users=max(rows * size.users // size.impressions, 1))


def _told(room: Path, size: LogSize, small: bool, say: Callable[[str], None]) -> dict[str, Any]:
    for name, one in (("log", size), ("few", replace(SMALL, impressions=4000, users=100))):
        (room / name).mkdir()
        rows = write_log(one, room / name)
        say(f"drew {rows:,} impressions of {one.users:,} users in {one.files} files")
    # The last two days of the log are held out.
    end_us = FIRST_US + (size.files - 4) * HALF_DAY_US
    folders = {name: str(room / name) for name in ("log", "few")}
    return folders | {"room": str(room), "end_us": end_us, "small": small}


def run_side(name: str, told: dict[str, Any]) -> dict[str, Any]:
    """Run one side in a process of its own.

    Args:
        name: A side; "bounded" is the whole preparation in bounded memory, and after a side's name
            "fewer" asks for one list a session instead of one a click.
        told: Where the log lies, and what the rules are.

    Returns:
        Its seconds, peak memory and what it found.

    Raises:
        RuntimeError: If it fails.
    """
    side, _, fewer = name.partition(" ")
    told = told | {"positions": not fewer, "statements": DUCKDB_RULES}
    if side == "bounded":
        side, told = "whole", told | {"memory": MEMORY}
    code = "import runpy; runpy.run_path(sys.argv.pop(1), run_name='__main__')"
    command = child_command(code, str(Path(prepare_side.__file__)), side, json.dumps(told))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no word"]
        raise RuntimeError(f"side {name} ended with {done.returncode}: {last[0]}")
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def _check(found: dict[str, dict[str, Any]], there: list[str]) -> None:
    """Refuse to time sides that do not find the same."""
    for fewer in ("", " fewer"):
        ours = {fact: found[f"rules{fewer}"][fact] for fact in FACTS}
        for name in there:
            theirs = {fact: found[f"{name}{fewer}"][fact] for fact in FACTS}
            if theirs != ours:
                raise RuntimeError(f"{name}{fewer} found {theirs}, expected {ours}")
    if found["whole"]["samples"] != found["rules"]["samples"]:
        raise RuntimeError(f"prepare made other samples: {found['whole']}, {found['rules']}")
    if found["whole"]["sha256"] != found["bounded"]["sha256"]:
        raise RuntimeError("bounded memory gave another data set")


def _rows(found: dict[str, list[dict[str, Any]]], there: list[str]) -> list[Row]:
    pairs = []
    for name in there:
        called = OPPONENTS[name]
        pairs += [
            (PART, "rules", f"{called} ({SAME})", name),
            (PART, "rules", f"{called} ({SAME}, {FEWER})", f"{name} fewer"),
            (WHOLE, "whole", f"{called} ({SAME})", name),
        ]
    pairs.append((f"prepare --memory {MEMORY}", "bounded", "prepare", "whole"))
    rows = []
    for what, ours, against, theirs in pairs:
        for fact, unit, scale in (("seconds", "s", 1.0), ("peak", "GiB", 1.0 / GIB)):
            mine = [one[fact] * scale for one in found[ours]]
            other = [one[fact] * scale for one in found[theirs]]
            kind = "seconds" if unit == "s" else "peak memory"
            rows.append(compared(f"{kind}, {what}", mine, against, other, unit))
    return rows
