"""The verb `doctor`: what it prints, its JSON and its exit codes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from unclicked.cli.main import run
from unclicked.data.dataset import PreparedDataset


def test_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["doctor"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith("ok    python ")
    assert out.splitlines()[-1] == "next: unclicked quickstart"
    assert list(tmp_path.iterdir()) == []


def test_a_data_set(tiny_data: PreparedDataset, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", str(tiny_data.path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"target", "kind", "findings", "skip_signal"}
    assert (found["target"], found["kind"]) == (str(tiny_data.path), "data set")
    assert set(found["findings"][0]) == {"name", "level", "found", "advice"}
    assert found["skip_signal"]["sign"] == "attracts"
    assert run(["doctor", str(tiny_data.path)]) == 0
    assert "skip signal" in capsys.readouterr().out


def test_a_run(tiny_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", str(tiny_run), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["kind"] == "run"
    assert "skip_signal" not in found


def test_what_is_broken_ends_with_three(
    tiny_data: PreparedDataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data"
    shutil.copytree(tiny_data.path, folder)
    (folder / "click_item.npy").write_bytes(b"")
    assert run(["doctor", str(folder)]) == 3
    out, err = capsys.readouterr()
    assert out.startswith("fail  integrity")
    assert err == ""
    (folder / "manifest.json").write_text("{")
    assert run(["doctor", str(folder), "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["findings"][0]["level"] == "fail"


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("nothing", "is not there"),
        ("log", "is no data set, no run and no bundle"),
        ("file", "is a file"),
        ("empty", "is an empty folder"),
    ],
)
def test_misuse_ends_with_two(
    name: str, found: str, tiny_log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    target = tiny_log if name == "log" else tmp_path / name
    assert run(["doctor", str(target)]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("error[DOCTOR] ")
    assert f": {found}. Name a folder that unclicked " in err


def test_settings_without_effect_are_told_at_the_start(
    tiny_data: PreparedDataset,
    tiny_log: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["train", str(tiny_data.path), "--out", str(tmp_path / "run")]
    for setting in ("model.dim=8", "train.max_epochs=1", "train.num_buckets=1"):
        words += ["--set", setting]
    words += ["--set", "model.metric=none", "--set", "model.margin=2"]
    assert run(words) == 0
    assert capsys.readouterr().err == (
        "warning: model.margin has no effect: model.metric is none.\n"
    )
    words = ["prepare", str(tiny_log / "impressions.parquet"), "--out", str(tmp_path / "data")]
    assert run([*words, "--set", "model.dim=8", "--set", "data.missing_item=unknown"]) == 0
    err = capsys.readouterr().err
    assert "warning: model.dim has no effect: it is a setting of training.\n" in err
    assert "data.missing_item has no effect: no table of items is given" in err
