"""Curves of the benchmark `scale`, and a side in a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from unclicked.bench.alone import peak_bytes, run_alone
from unclicked.bench.ratio import Row
from unclicked.bench.scale import _against_smallest
from unclicked.bench.scale_picture import curves, draw

linux = pytest.mark.skipif(sys.platform != "linux", reason="peaks of memory are read from /proc")
MIB = 2**20


def rows() -> list[Row]:
    return _against_smallest("a step", "items", {10: [1.0, 3.0, 2.0], 1000: [4.0, 8.0, 6.0]}, "ms")


def test_every_point_is_set_against_the_smallest() -> None:
    small, large = rows()
    assert (small.ratio, large.ratio) == (1.0, pytest.approx(1 / 3))
    assert large.what == "a step with 1,000 items" and large.against == "with 10"
    assert (large.ours, large.theirs, large.runs) == (6.0, 2.0, 3)


def test_curves_are_read_back_from_the_rows() -> None:
    assert curves(rows()) == {("items", "ms"): [(10, 2.0), (1000, 6.0)]}


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_the_picture_is_drawn(kind: str, tmp_path: Path) -> None:
    memory = _against_smallest("peak of a step", "items", {10: [0.5], 1000: [0.75]}, "GiB")
    users = _against_smallest("a search", "users", {5: [1.0], 10: [2.0]}, "ms")
    draw([*rows(), *memory, *users], tmp_path / f"picture.{kind}")
    assert (tmp_path / f"picture.{kind}").stat().st_size > 1000


def hold(ready: Callable[[], None], before: int, after: int) -> str:
    first = bytearray(before)
    first[::4096] = b"x" * len(first[::4096])
    del first
    ready()
    second = bytearray(after)
    second[::4096] = b"x" * len(second[::4096])
    return "done"


def broken(ready: Callable[[], None]) -> None:
    raise SystemExit(3)


@linux
def test_a_child_tells_the_peak_after_it_was_ready() -> None:
    told = run_alone(hold, 200 * MIB, 50 * MIB)
    assert told.result == "done"
    # What was held and given back before does not count.
    assert 45 * MIB < told.peak - told.before < 80 * MIB
    assert peak_bytes() > 0


@linux
def test_a_child_without_a_result_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="ended with 3"):
        run_alone(broken)
