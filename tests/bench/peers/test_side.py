"""A side in a process of its own: what it answers, and how its failures are told."""

from __future__ import annotations

import io
import json
import math
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unclicked.bench.peers.child import answer, batches_of, peak_bytes
from unclicked.bench.peers.side import Side, SideError

ORDER: dict[str, Any] = {
    "do": "build", "num_items": 10_000, "batch_size": 400, "lengths": [3, 5], "mean_long": 7,
    "profile": [8, 3],
}  # fmt: skip
STEP = {"do": "step"}


def side(path: Path, text: str) -> Side:
    path.write_text(text, encoding="utf-8")
    return Side("fake", [sys.executable, "-I"], path)


def spoken(tmp_path: Path, text: str, orders: list[dict[str, Any]]) -> list[dict[str, Any]]:
    path, answers = tmp_path / "with_fake.py", io.StringIO()
    path.write_text(text, encoding="utf-8")
    answer(io.StringIO("".join(json.dumps(one) + "\n" for one in orders)), answers, str(path))
    return [json.loads(line) for line in answers.getvalue().splitlines()]


def test_answers_come_in_order_with_seconds_and_one_loss_a_batch(tmp_path: Path) -> None:
    text = """
import time
def build(order, batches):
    time.sleep(0.05)
    return lambda number, order: number + batches[number]["clicked"].shape[1] / 10
"""
    built, stepped = spoken(tmp_path, text, [ORDER, STEP])
    assert built["losses"] == [] and 0.05 <= built["seconds"] < 5
    assert stepped["losses"] == [0.3, 1.5] and stepped["seconds"] < 1
    assert stepped["peak"] >= built["peak"] > 2**23


@pytest.mark.parametrize("loss", ["float('nan')", "float('inf')", "1 / 0"])
def test_a_loss_that_is_no_number_is_an_error(tmp_path: Path, loss: str) -> None:
    text = f"def build(order, batches):\n    return lambda number, order: {loss}\n"
    told = spoken(tmp_path, text, [ORDER, STEP])
    assert "error" not in told[0] and list(told[1]) == ["error"]


def test_errors_are_answers_too(tmp_path: Path) -> None:
    text = "def build(order, batches):\n    raise KeyError('dim')\n"
    told = spoken(tmp_path, text, [STEP, ORDER])
    assert told == [{"error": "RuntimeError: step before build"}, {"error": "KeyError: 'dim'"}]
    assert "error" in spoken(tmp_path, "import nothing_of_this_name\n", [ORDER])[0]


def test_batches_are_drawn_log_uniformly() -> None:
    batches = batches_of(ORDER)
    assert [one["clicked"].shape for one in batches] == [(400, 3), (400, 5)]
    assert batches[0]["long"].shape == (400, 7) and batches[0]["label"].shape == (400,)
    assert batches[0]["profile"].max(axis=0).tolist() == [8, 3]
    drawn = np.concatenate([one["long"].ravel() for one in batches])
    assert drawn.min() == 1 and 5_000 < drawn.max() <= 10_000 and drawn.dtype == np.int64
    # P(item <= m) = log(m + 1) / log(V + 1); 5,600 draws have a standard error of 0.007.
    for bound in (1, 10, 100, 1_000):
        expected = math.log(bound + 1) / math.log(10_001)
        assert abs(np.mean(drawn <= bound) - expected) < 0.03
    again = batches_of(ORDER)
    assert all((a["clicked"] == b["clicked"]).all() for a, b in zip(batches, again, strict=True))


def test_peak_memory_is_that_of_the_process(tmp_path: Path) -> None:
    status = tmp_path / "status"
    status.write_text("Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t 1024 kB\n")
    assert peak_bytes(str(status)) == 2 * 2**20
    assert peak_bytes(str(tmp_path / "nothing")) > 2**23
    text = """
kept = []
def build(order, batches):
    def step(number, order):
        kept.append(bytearray(b"x") * 2**26)
        return 0.0
    return step
"""
    held = bytearray(b"x") * 2**28
    with side(tmp_path / "with_fake.py", text) as one:
        before, after = one.ask(ORDER), one.ask(STEP)
    # Two batches of 64 MiB each; what this process holds is not counted.
    assert 0.95 * 2**27 < after.peak - before.peak < 1.3 * 2**27
    assert before.peak < len(held)


def test_what_a_library_prints_is_no_answer(tmp_path: Path) -> None:
    text = """
import os, pathlib, sys
def build(order, batches):
    print('{"seconds": 1}')
    os.write(1, b'{"seconds": 1}\\n' * 20_000)
    print("on stderr", file=sys.stderr)
    pathlib.Path("litter").mkdir()
    return lambda number, order: float(len(sys.argv))
"""
    before = sorted(Path().iterdir())
    with side(tmp_path / "with_fake.py", text) as one:
        assert one.ask(ORDER).losses == ()
        # A library that reads the arguments finds none of ours.
        assert one.ask(STEP).losses == (1.0, 1.0)
    assert sorted(Path().iterdir()) == before


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("os._exit(3)", "exit code 3: the last line"),
        ("os.kill(os.getpid(), 9)", "signal 9, perhaps for want of memory: the last line"),
        ("raise ValueError('wrong\\nshape')", "build failed: ValueError: wrong shape"),
    ],
)
def test_how_a_side_ended(tmp_path: Path, body: str, told: str) -> None:
    text = f"""
import os, sys
def build(order, batches):
    print("first\\nthe last line\\n", file=sys.stderr, flush=True)
    {body}
"""
    with side(tmp_path / "with_fake.py", text) as one:
        with pytest.raises(SideError) as caught:
            one.ask(ORDER)
        assert told in str(caught.value) and "\n" not in str(caught.value)
        assert str(caught.value).startswith("error[BENCH-PEER] fake:")


def test_a_side_that_cannot_start_or_speaks_something_else(tmp_path: Path) -> None:
    with pytest.raises(SideError, match="cannot be started: No such file"):
        Side("fake", [str(tmp_path / "no-python")], tmp_path / "with_fake.py")
    for said in ("hello", "[1]", '{"seconds": "x", "peak": 1, "losses": []}', "{}"):
        echo = tmp_path / "echo.sh"
        echo.write_text(f"#!/bin/sh\nread line\necho '{said}'\n")
        echo.chmod(0o755)
        place = tmp_path / "x.py"
        wrong = pytest.raises(SideError, match="in place of an answer")
        with Side("fake", [str(echo)], place) as one, wrong:
            one.ask(ORDER)


def test_an_error_ends_the_process_at_once(tmp_path: Path) -> None:
    text = """
import os, pathlib, time
def build(order, batches):
    def step(number, order):
        time.sleep(600)
    return step
"""
    path = tmp_path / "with_fake.py"
    with pytest.raises(KeyboardInterrupt), side(path, text) as one:
        one.ask(ORDER)
        process = one._process
        raise KeyboardInterrupt
    assert process.poll() == -9
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)
