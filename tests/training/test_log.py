"""The log has every step once, whatever happened to the run."""

from __future__ import annotations

from pathlib import Path

from tests.training.test_alarms import CALM

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


def test_a_cut_last_line_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"kind": "step", "step": 1}\n[1]\n{"kind": "st')
    assert read_log_lines(path) == [{"kind": "step", "step": 1}]
    log = RunLog(path, 1)
    log.write({"kind": "step", "step": 2})
    log.close()
    assert [line["step"] for line in read_log_lines(path)] == [1, 2]


def test_flushed_lines_are_in_the_file(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "log.jsonl", 0)
    log.step(1, 1, CALM)
    log.flush()
    assert len(read_log_lines(tmp_path / "log.jsonl")) == 1
    log.close()
    assert read_log_lines(tmp_path / "nothing") == []
