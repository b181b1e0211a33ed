"""The log has every step once, whatever happened to the run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.training.test_alarms import CALM

from unclicked.errors import ArtefactError, ResourceError
from unclicked.training.log import RunLog, read_log_lines


def test_steps_after_the_checkpoint_are_removed(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    log = RunLog(path, 0)
    for step in range(1, 6):
        log.step(step, 1, CALM, grad_norm=0.1234567)
    log.write({"kind": "epoch", "step": 5, "epoch": 1})
    log.close()
    again = RunLog(path, 3)
    again.step(4, 1, CALM, grad_norm=2.0)
    again.close()
    lines = read_log_lines(path)
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    assert lines[0]["grad_norm"] == 0.123457
    assert lines[0]["ranking_loss"] == 3.0
    assert lines[0]["num_rows"] == 10
    assert not (tmp_path / "log.tmp").exists()


def logged(path: Path, *steps: int) -> list[str]:
    """Lines of steps as a run writes them."""
    log = RunLog(path, 0)
    for step in steps:
        log.write({"kind": "step", "step": step})
    log.close()
    return path.read_text().splitlines()


def test_a_cut_last_line_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    logged(path, 1)
    with path.open("a") as stream:
        stream.write('{"kind": "st')
    assert read_log_lines(path) == [{"kind": "step", "step": 1}]
    said: list[str] = []
    log = RunLog(path, 1, said.append)
    log.write({"kind": "step", "step": 2})
    log.close()
    assert [line["step"] for line in read_log_lines(path)] == [1, 2]
    assert said == []


@pytest.mark.parametrize("broken", ["[1]", "{", '{"kind": "step"}', "[" * 100_000])
def test_a_damaged_line_is_said(tmp_path: Path, broken: str) -> None:
    path = tmp_path / "log.jsonl"
    first, _, last = logged(path, 1, 2, 3)
    path.write_text(f"{first}\n{broken}\n{last}\n")
    with pytest.raises(ArtefactError, match=r"log\.jsonl:2: is damaged"):
        read_log_lines(path)
    said: list[str] = []
    RunLog(path, 3, said.append).close()
    assert [text.removeprefix(str(path)) for text in said] == [
        ":2 is damaged and left out.",
        " does not hold each of the steps 1 to 3 once.",
    ]
    assert [line["step"] for line in read_log_lines(path)] == [1, 3]


def test_a_write_that_fails_leaves_no_half_line_and_can_be_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log.jsonl"
    log = RunLog(path, 0)
    log.write({"kind": "step", "step": 1})
    before = path.read_bytes()
    plain, calls = os.write, []

    def full(handle: int, content: bytes) -> int:
        calls.append(len(content))
        if len(calls) == 1:
            return plain(handle, content[:5])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(ResourceError, match=r"log\.jsonl: cannot be written \(No space left"):
        log.write({"kind": "step", "step": 2})
    monkeypatch.undo()
    assert path.read_bytes() == before
    log.flush()
    log.close()
    assert [line["step"] for line in read_log_lines(path)] == [1, 2]


def test_an_epoch_that_the_checkpoint_does_not_know_is_logged_once(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    logged(path, 1, 2)
    log = RunLog(path, 2)
    log.write({"kind": "epoch", "step": 2, "epoch": 1})
    log.close()
    # Killed after the line of the epoch and before the checkpoint of its end.
    again = RunLog(path, 2, epochs=0)
    again.write({"kind": "epoch", "step": 2, "epoch": 1})
    again.close()
    RunLog(path, 2, epochs=1).close()
    assert [line["kind"] for line in read_log_lines(path)] == ["step", "step", "epoch"]


def test_flushed_lines_are_in_the_file(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "log.jsonl", 0)
    log.step(1, 1, CALM)
    log.flush()
    assert len(read_log_lines(tmp_path / "log.jsonl")) == 1
    log.close()
    assert read_log_lines(tmp_path / "nothing") == []
