"""The verb `bench`: what it refuses before it measures anything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from unclicked.bench import BENCHMARKS, Benchmark, Say
from unclicked.bench.ratio import Row
from unclicked.cli.main import run
from unclicked.progress import Note


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["speed"], ["error[BENCH-NAME]", "'speed'", "step"]),
        (["scales"], ["error[BENCH-NAME]", "'scales'", "Did you mean scale?"]),
        ([], ["error[BENCH-NAME]", "found none"]),
        (["step", "--install"], ["error[BENCH-INSTALL]", "bench peers --install"]),
        (["step", "--picture", "a.svg"], ["error[BENCH-PICTURE]", "bench scale"]),
        (["scale", "--picture", "a.pdf"], ["error[BENCH-PICTURE]", "a.pdf", ".svg or .png"]),
        (["scale", "--picture", "nowhere/a.svg"], ["error[BENCH-PICTURE]", "nowhere/a.svg"]),
    ],
)
def test_what_cannot_be_measured_is_refused(
    options: list[str],
    words: list[str],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["bench", *options]) == 2
    told = capsys.readouterr().err
    assert all(word in told for word in words), told
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("terminal", [False, True])
def test_progress_is_for_a_terminal_and_what_is_left_out_for_everybody(
    terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def measured(rounds: int, small: bool, say: Say) -> list[Row]:
        say("round 1 of 1")
        say(Note("rival is not installed, so its rows are left out"))
        return []

    monkeypatch.setitem(BENCHMARKS, "toy", Benchmark("Toy.", measured))
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal, raising=False)
    assert run(["bench", "toy", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["rows"] == []
    note = "warning: rival is not installed, so its rows are left out"
    assert err.splitlines() == (["round 1 of 1"] if terminal else []) + [note]


def test_a_small_measurement_is_silent_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "evaluate", "--small", "--rounds", "1", "--json"]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if not line.startswith("warning: ")] == []
