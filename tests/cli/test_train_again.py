"""A day later on the command line: prepare beside, start warm, refit, lists for everybody."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from unclicked.cli.main import run

SMALL = ["--set", "model.dim=16", "--set", "train.num_buckets=2", "--set", "train.max_epochs=1"]


def split_log(tiny_log: Path, folder: Path) -> list[str]:
    """The log as two files: all days but the last, and the last."""
    table = pq.read_table(tiny_log / "impressions.parquet")
    times = table["timestamp"].to_pylist()
    midnight = max(times).replace(hour=0, minute=0, second=0, microsecond=0)
    paths = []
    for name, late in (("old", False), ("new", True)):
        paths.append(str(folder / f"{name}.parquet"))
        pq.write_table(table.filter([(time >= midnight) == late for time in times]), paths[-1])
    return paths


def test_a_new_day_from_its_files_to_lists_for_everybody(
    tiny_log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    old, new = split_log(tiny_log, tmp_path)
    tables = [
        "--items",
        str(tiny_log / "items.parquet"),
        "--users",
        str(tiny_log / "users.parquet"),
    ]
    rules = ["--set", "data.unclicked.min_exposures=1"]
    assert run(["prepare", old, *tables, "--out", "monday", *rules]) == 0
    assert run(["prepare", new, *tables, "--out", "tuesday", "--beside", "monday"]) == 0
    assert run(["train", "monday", "--out", "first", *SMALL]) == 0
    assert run(["train", "tuesday", "--out", "second", "--warm-start", "first", *SMALL]) == 0
    capsys.readouterr()
    assert run(["evaluate", "second", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["users"] > 0
    manifest = json.loads(Path("tuesday/manifest.json").read_text())
    assert manifest["config"]["unclicked"]["min_exposures"] == 1
    asked = ["recommend", "second", "--all-users", "--out", "all.parquet", "--top-k", "4", "--json"]
    assert run(asked) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["rows"] == 4 * facts["users"] == len(pq.read_table("all.parquet"))


def test_refit_on_the_command_line(
    tiny_log: Path, tmp_path: Path, tiny_data, capsys: pytest.CaptureFixture
) -> None:
    out = str(tmp_path / "run")
    words = ["train", str(tiny_data.path), "--out", out, "--refit"]
    assert run([*words, *SMALL, "--set", "model.fusion=none", "--set", "model.metric=none"]) == 0
    assert "then trained on the validation days too" in capsys.readouterr().out
    assert run([*words, "--resume"]) == 0
    assert run(["evaluate", out, "--split", "validation"]) == 2
    assert "validation days too" in capsys.readouterr().err
    assert run(["evaluate", f"{out}/chosen", "--split", "validation"]) == 0


@pytest.mark.parametrize(
    "words",
    [
        ["--all-users"],
        ["--out", "all.parquet"],
        ["--all-users", "--out", "all.parquet", "--clicked", "i00001"],
        ["--clicked", "i00001", "--dataset", "data"],
        [],
    ],
)
def test_recommend_wants_one_kind_of_question(
    tiny_run: Path, words: list[str], capsys: pytest.CaptureFixture
) -> None:
    assert run(["recommend", str(tiny_run), *words]) == 2
    assert "error[ARGUMENTS] " in capsys.readouterr().err
