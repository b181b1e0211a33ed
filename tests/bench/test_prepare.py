"""The log that is drawn, and sides that must find the same before they are timed."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from unclicked.bench import prepare as bench
from unclicked.bench import prepare_side as sides
from unclicked.bench.prepare_log import FIRST_US, HALF_DAY_US, SMALL, write_log
from unclicked.bench.prepare_sql import DUCKDB_RULES


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("log")
    write_log(replace(SMALL, impressions=6_000, users=60), folder)
    return folder


def naive_lists(folder: Path, end_us: int, positions: bool) -> tuple[dict[str, int], list[Any]]:
    """The rules as one would say them, user by user and click by click."""
    rows = pq.read_table(folder).to_pylist()
    epoch = np.datetime64(0, "us")
    for row in rows:
        row["at"] = int((np.datetime64(row["timestamp"], "us") - epoch) / np.timedelta64(1, "us"))
    lists, found = [], {"samples": 0, "clicks": 0, "long": 0}
    for user in {row["user_id"] for row in rows}:
        mine = sorted((r for r in rows if r["user_id"] == user), key=lambda row: row["at"])
        clicks = [row for row in mine if row["clicked"] and row["at"] < end_us]
        sessions: list[list[dict[str, Any]]] = []
        for row in clicks:
            last = sessions[-1] if sessions else []
            near = last and row["at"] - last[-1]["at"] < 600_000_000 and len(last) < 50
            if near:
                last.append(row)
            else:
                sessions.append([row])
        for session in (one for one in sessions if len(one) >= 2):
            start = session[0]["at"]
            found["samples"] += 1
            found["clicks"] += len(session)
            week = start - 7 * 86_400_000_000
            found["long"] += sum(week <= row["at"] < start for row in clicks)
            for click in session if positions else session[:1]:
                tau = click["at"]
                window = [row for row in mine if tau - 3 * 86_400_000_000 <= row["at"] < tau]
                known = {row["item_id"] for row in window if row["clicked"]}
                known |= {click["item_id"]} if positions else set()
                count: dict[int, int] = {}
                for row in window:
                    # Taken out and put in again: the item shown last stands last.
                    count[row["item_id"]] = count.pop(row["item_id"], 0) + 1
                items = [one for one, times in count.items() if times >= 2 and one not in known]
                if items:
                    lists.append([user, tau, items])
    return found, lists


@pytest.mark.parametrize("positions", [True, False])
def test_every_side_finds_what_a_loop_finds(log: Path, tmp_path: Path, positions: bool) -> None:
    end_us = FIRST_US + 12 * HALF_DAY_US
    told: dict[str, Any] = {
        "log": str(log),
        "few": str(log),
        "room": str(tmp_path),
        "end_us": end_us,
    }
    told |= {"small": True, "positions": positions, "statements": DUCKDB_RULES}
    found, lists = naive_lists(log, end_us, positions)
    assert found["samples"] > 50 and len(lists) > 50
    wanted = found | {
        "unclicked": sum(len(one[2]) for one in lists),
        "lists": sides.digest(lists),
    }
    for name in ("rules", *bench.OPPONENTS):
        if name == "rules" or importlib.util.find_spec(name) is not None:
            answer = sides.SIDES[name](told)
            assert {fact: answer[fact] for fact in wanted} == wanted, name


def test_the_log_is_as_large_as_asked_for(log: Path) -> None:
    table = pq.read_table(log)
    assert abs(len(table) - 6_000) < 300
    assert len(np.unique(table["user_id"])) == 60
    assert 0.10 < np.mean(table["clicked"].to_numpy()) < 0.14
    pairs = set(zip(table["user_id"].to_pylist(), table["item_id"].to_pylist(), strict=True))
    assert len(pairs) < len(table) / 1.5


def test_sides_that_differ_are_not_timed() -> None:
    fact = dict.fromkeys(bench.FACTS, 1) | {"sha256": "a"}
    names = ("rules", "rules fewer", "whole", "bounded", "polars", "polars fewer")
    found = {name: dict(fact) for name in names}
    bench._check(found, ["polars"])
    for name, key in (("polars", "long"), ("polars fewer", "lists"), ("whole", "samples")):
        wrong = {**found, name: fact | {key: 2}}
        with pytest.raises(RuntimeError, match="other samples|found"):
            bench._check(wrong, ["polars"])
    with pytest.raises(RuntimeError, match="another data set"):
        bench._check({**found, "bounded": fact | {"sha256": "b"}}, [])


def test_a_side_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="side rules ended with 1: .*"):
        bench.run_side("rules", {"log": str(tmp_path), "few": str(tmp_path), "room": str(tmp_path)})


def test_who_does_not_fit_into_memory_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(bench, "free_memory_bytes", lambda: 24 * bench.GIB)
    said: list[str] = []
    assert bench._opponents(50_000_000, said.append) == ["duckdb"]
    assert said == [
        "polars is left out: it needs about 51 GiB for so many rows, and 24 are free. "
        "Take fewer: UNCLICKED_BENCH_IMPRESSIONS."
    ]
    assert bench._opponents(10_000_000, said.append) == ["duckdb", "polars"]
    monkeypatch.setattr(bench, "free_memory_bytes", lambda: None)
    assert bench._opponents(50_000_000, said.append) == ["duckdb", "polars"]
    assert len(said) == 1
