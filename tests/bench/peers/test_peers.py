"""The benchmark against peers, with fakes in their place: turns, failures, what is left out."""

from __future__ import annotations

import ast
import dataclasses
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unclicked.bench import peers
from unclicked.bench.paper_size import SMALL
from unclicked.bench.peers import measured
from unclicked.bench.peers.known import LIBRARIES, PEERS, Peer
from unclicked.bench.peers.side import Answer, Side, SideError, our_side
from unclicked.errors import UserError

FAST = """
def build(order, batches):
    return lambda number, order: 0.25
"""
# A step of 60 ms that takes 256 MiB.
SLOW = """
import time
def build(order, batches):
    kept = []
    def step(number, order):
        if not kept:
            kept.append(bytearray(b"x") * 2**28)
        time.sleep(0.06)
        return 1.0
    return step
"""
BROKEN = """
def build(order, batches):
    raise ValueError("no such layer")
"""
Scripts = Callable[[str], Path]


@pytest.fixture
def script(tmp_path: Path) -> Scripts:
    """Writes a file with `build`."""

    def write(text: str) -> Path:
        path = tmp_path / f"with_{len(list(tmp_path.iterdir()))}.py"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def fake(name: str, path: Path) -> Side:
    return Side(name, [sys.executable, "-I"], path)


def one(name: str, **changed: object) -> Peer:
    return dataclasses.replace(Peer(name, "recbole", "no fields", 1), **changed)  # type: ignore[arg-type]


def test_a_peer_that_is_slower_and_larger(script: Scripts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "fast_bfloat16", lambda: True)
    monkeypatch.setattr(peers, "OURS", script(FAST))
    theirs, said = script(SLOW), list[str]()
    rows = measured([one("A")], lambda peer: fake("A", theirs), 3, True, said.append)
    assert [row.unit for row in rows] == ["ms", "ms", "GiB"]
    assert all(row.runs == 3 and row.min <= row.ratio <= row.max for row in rows)
    for row, precision in zip(rows, ("float32", "bfloat16"), strict=False):
        assert row.what == f"step, last position, {SMALL.num_items:,} items, {precision}"
        assert row.against == "A (RecBole 1.2.1: no fields)"
        assert row.theirs >= 60 and row.ratio > 2
    assert rows[2].what.startswith("peak memory") and rows[2].theirs - rows[2].ours > 0.2
    assert any("A, 2,000 items" in line for line in said) and "round 3 of 3" in said


class Calm:
    """A side whose answers are written down."""

    def __init__(self, seconds: dict[str, float], peak: int) -> None:
        self.seconds, self.peak = seconds, peak

    def __enter__(self) -> Calm:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def ask(self, order: dict[str, Any]) -> Answer:
        return Answer(self.seconds[order.get("precision", order["do"])], self.peak, ())


def test_milliseconds_a_step_and_memory_worked_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = Calm({"build": 9.0, "float32": 0.02, "bfloat16": 0.01}, 2**30)
    theirs = Calm({"build": 9.0, "step": 0.24}, 3 * 2**30)
    monkeypatch.setattr(peers, "our_side", lambda path: ours)
    monkeypatch.setattr(peers, "fast_bfloat16", lambda: True)
    rows = measured([one("A")], lambda peer: theirs, 2, True, lambda line: None)  # type: ignore[return-value, arg-type]
    # A round walks through two batches: 0.24 s are 120 ms a step.
    found = [(row.ours, row.theirs, row.ratio, row.unit) for row in rows]
    assert found == [
        (pytest.approx(10), pytest.approx(120), pytest.approx(12), "ms"),
        (pytest.approx(5), pytest.approx(120), pytest.approx(24), "ms"),
        (1, 3, 3, "GiB"),
    ]


def test_both_sides_are_told_the_same_sizes(
    script: Scripts, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told = """
import json, pathlib
def build(order, batches):
    pathlib.Path({path!r}).write_text(json.dumps(order))
    def step(number, order):
        with open({path!r} + ".steps", "a") as lines:
            lines.write(f"{{number}} {{order.get('precision')}}\\n")
        return 0.0
    return step
"""
    mine, other = tmp_path / "mine.json", tmp_path / "other.json"
    monkeypatch.setattr(peers, "OURS", script(told.format(path=str(mine))))
    monkeypatch.setattr(peers, "fast_bfloat16", lambda: False)
    path = script(told.format(path=str(other)))
    peer = one("A", last=False, order={"model": "NARM"})
    rows = measured([peer], lambda peer: fake("A", path), 1, True, lambda line: None)
    assert len(rows) == 2 and rows[0].what.startswith("step, all positions")
    ours, theirs = ast.literal_eval(
        f"[{mine.read_text()}, {other.read_text()}]".replace("false", "False")
    )
    assert ours.pop("last") is False and theirs.pop("model") == "NARM"
    assert ours == theirs
    sizes = {name: ours[name] for name in ("num_items", "dim", "batch_size", "num_negatives")}
    assert sizes == {"num_items": 2_000, "dim": 16, "batch_size": 8, "num_negatives": 50}
    assert ours["lengths"] == [3, 4] and ours["mean_long"] == 4 and ours["threads"] >= 1
    # The first round does not count, but it is walked; every round walks through both batches.
    assert Path(f"{mine}.steps").read_text().split("\n")[:-1] == ["0 float32", "1 float32"] * 2
    assert Path(f"{other}.steps").read_text().split("\n")[:-1] == ["0 None", "1 None"] * 2


def test_without_any_peer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("UNCLICKED_PEERS", str(tmp_path / "none"))
    said = list[str]()
    with pytest.raises(UserError, match=r"BENCH-PEERS.*none: no peer.*bench peers --install"):
        peers.run(2, True, said.append)
    assert len(said) == len(PEERS) and all("bench peers --install" in line for line in said)
    assert not (tmp_path / "none").exists()


def test_what_fails_or_is_missing_is_told_and_the_rest_is_measured(
    script: Scripts, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, broken, said = script(FAST), script(BROKEN), list[str]()
    monkeypatch.setattr(peers, "OURS", good)
    sides = {"A": lambda: None, "B": lambda: fake("B", broken), "C": lambda: fake("C", good)}

    def start(peer: Peer) -> Side | None:
        return sides[peer.name]()

    rows = measured([one(name) for name in sides], start, 1, True, said.append)
    assert rows and all(row.against.startswith("C (") for row in rows)
    assert any(line.startswith("A is left out: unclicked bench peers --install") for line in said)
    assert any("B is left out" in line and "no such layer" in line for line in said)
    with pytest.raises(SideError, match="B: build failed: ValueError: no such layer"):
        measured([one("A"), one("B")], start, 1, True, said.append)


def test_memory_is_looked_at_before_it_is_taken(
    script: Scripts, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = script(FAST)
    monkeypatch.setattr(peers, "OURS", good)
    monkeypatch.setattr(peers, "free_memory_bytes", lambda: 5 * 2**30)

    def run(memory: int, small: bool) -> int:
        wanted = [one("A", memory=memory)]
        return len(measured(wanted, lambda peer: fake("A", good), 1, small, lambda line: None))

    assert run(5, False) and run(6, True)
    with pytest.raises(SideError, match="A: both sides need about 6 GiB of memory, 5 are free"):
        run(6, False)
    monkeypatch.setattr(peers, "free_memory_bytes", lambda: None)
    assert run(6, False)


def test_our_own_failure_is_never_taken_for_a_peer_left_out(
    script: Scripts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "OURS", script(BROKEN))
    good = script(FAST)
    with pytest.raises(SideError, match="ours: build failed"):
        measured([one("A")], lambda peer: fake("A", good), 1, True, lambda line: None)


def test_scripts_of_peers_import_nothing_of_ours() -> None:
    folder = Path(peers.__file__).parent
    for path in [folder / "child.py", *(library.path for library in LIBRARIES.values())]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [getattr(node, "module", None) or ""]
            names += [alias.name for alias in getattr(node, "names", []) if hasattr(alias, "name")]
            assert not any(name.split(".")[0] == "unclicked" for name in names), path.name


def test_every_peer_has_a_library_whose_versions_are_pinned() -> None:
    assert {peer.library for peer in PEERS} == set(LIBRARIES)
    for library in LIBRARIES.values():
        assert library.path.is_file() and all("==" in one for one in library.requirements)
        wanted = {one.split("==")[0] for one in library.requirements}
        assert {"torch"} <= wanted or {"tensorflow"} <= wanted
    assert len({peer.name for peer in PEERS}) == len(PEERS)


@pytest.mark.slow
def test_our_side_really_trains() -> None:
    order = {"do": "build", "threads": 1, "last": True, "profile": [8, 3, 300]}
    with our_side(peers.OURS) as side:
        side.ask(order | dataclasses.asdict(SMALL))
        steps = [side.ask({"do": "step", "precision": "float32"}) for _ in range(10)]
    first, last = steps[0], steps[-1]
    assert len(first.losses) == 2 and sum(last.losses) < sum(first.losses)
    assert 0 < last.seconds < 60 and last.peak > 2**26


@pytest.mark.slow
@pytest.mark.skipif("UNCLICKED_PEERS" not in os.environ, reason="needs the peers' own libraries")
def test_installed_peers_really_train() -> None:
    said = list[str]()
    rows = peers.run(1, True, said.append)
    told = {row.against for row in rows}
    assert len(told) == len(PEERS) and not any("left out" in line for line in said)
