"""Means over an epoch's steps, by hand."""

from __future__ import annotations

from pathlib import Path

from unclicked.reproduce.over_training import epoch_rows, gate_rows, gates, over_training
from unclicked.reproduce.results import Results
from unclicked.training.log import RunLog

LINES = [
    {"kind": "step", "epoch": 1, "clicked_label": 2.0, "active_share": 1.0, "gate_mean": 0.5},
    {"kind": "step", "epoch": 1, "clicked_label": 4.0, "active_share": 0.5, "gate_mean": 0.25},
    {"kind": "epoch", "epoch": 1, "clicked_label": 99.0},
    {"kind": "step", "epoch": 2, "clicked_label": 1.0, "active_share": 0.0},
]


def test_means_of_steps_by_epoch(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "log.jsonl", 0)
    for step, line in enumerate(LINES, start=1):
        log.write({"step": step, **line})
    log.close()
    rows = epoch_rows("s", "d", "SRU2B", tmp_path)
    assert {(row.metric, row.x): row.value for row in rows} == {
        ("epoch:clicked_label", 1.0): 3.0,
        ("epoch:clicked_label", 2.0): 1.0,
        ("epoch:active_share", 1.0): 0.75,
        ("epoch:active_share", 2.0): 0.0,
        ("epoch:gate_mean", 1.0): 0.375,
    }
    table = over_training(Results(rows))
    assert table is not None
    assert table.columns == ["method", "epoch", "h to c", "h to n", "c to n", "active", "gate"]
    assert table.rows == [
        ["SRU2B", "1", "3.000", "-", "-", "0.750", "0.375"],
        ["SRU2B", "2", "1.000", "-", "-", "0.000", "-"],
    ]


def test_without_such_rows_there_is_no_table(tmp_path: Path) -> None:
    assert epoch_rows("s", "d", "SDM", tmp_path) == []
    assert over_training(Results([])) is None


def test_the_gate_is_the_last_epochs(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "log.jsonl", 0)
    for step, (epoch, mean) in enumerate([(1, 0.9), (2, 0.25), (2, 0.75)], start=1):
        gate = {"gate_mean": mean, "gate_low": mean - 0.25, "gate_high": 1.0}
        log.write({"step": step, "kind": "step", "epoch": epoch, **gate})
    log.close()
    rows = gate_rows("s", "d", "SRU2B", tmp_path)
    assert {row.metric: row.value for row in rows} == {
        "gate_mean": 0.5,
        "gate_low": 0.25,
        "gate_high": 1.0,
    }
    table = gates(Results([*rows, *rows]), ["SDM", "SRU2B"])
    assert table is not None
    assert table.rows == [["SRU2B", "0.500", "0.250", "1.000"]]


def test_without_a_gate_there_is_no_table(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "log.jsonl", 0)
    log.write({"step": 1, "kind": "step", "epoch": 1})
    log.close()
    assert gate_rows("s", "d", "SDM", tmp_path) == []
    assert gate_rows("s", "d", "SDM", tmp_path / "nothing") == []
    assert gates(Results([]), ["SDM"]) is None


def test_a_damaged_line_is_left_out_and_said(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text("{}\n", encoding="utf-8")
    said: list[str] = []
    assert gate_rows("s", "d", "SRU2B", tmp_path, said.append) == []
    assert len(said) == 1
    assert "log.jsonl:1 is damaged" in said[0]
