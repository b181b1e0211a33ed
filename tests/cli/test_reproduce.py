"""The verb `reproduce`."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from unclicked.cli.main import run
from unclicked.data.dataset import PreparedDataset
from unclicked.reproduce.results import FINAL, read_results

NAMES = [
    "table1",
    "table2",
    "table3",
    "figure4",
    "figure5",
    "figure6",
    "figure7",
    "plugin",
    "controls",
]


def test_the_list_is_for_people_and_for_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["reproduce", "--list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"names": NAMES}
    assert run(["reproduce", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:-1]] == NAMES
    assert lines[-1].startswith("next: ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["table2"], "needs --data DATASET, --out DIR too."),
        ([], "needs a STUDY, --data DATASET, --out DIR too."),
        (["tabel2", "--data", "d", "--out", "o"], "did you mean 'table2'"),
        (["table2", "--data", "nowhere", "--out", "o"], "nowhere"),
        (["table2", "--data", "d", "--out", "o", "--at-once", "-1"], "--at-once"),
        (["table2", "--data", "d", "--out", "o", "--widen", "-1"], "--widen"),
        (["table2", "--data", "d", "--out", "o", "--device", "cuda:99"], "--device cuda:99"),
    ],
)
def test_wrong_input_is_said_in_one_line(
    arguments: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["reproduce", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error
    assert list(tmp_path.iterdir()) == []


def test_the_last_line_can_be_run(
    tiny_data: PreparedDataset,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tiny_data.path)
    out = tmp_path / "my studies"
    assert run(["reproduce", "table1", "--data", ".", "--out", str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    words = shlex.split(lines[-1].removeprefix("next: "))
    assert words == [
        *("unclicked", "reproduce", "table2", "--data", ".", "--out", str(out)),
    ]
    # A data set has a name however it is called.
    assert read_results(out, "table1").where(role=FINAL).distinct("data") == [tiny_data.path.name]


def test_the_last_line_has_the_same_settings(
    tiny_data: PreparedDataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--data", str(tiny_data.path), "--out", str(tmp_path / "s"), "--set", "model.dim=8"]
    given += ["--seeds", "1", "--tuning", "printed"]
    assert run(["reproduce", "table1", *given]) == 0
    lines = capsys.readouterr().out.splitlines()
    words = shlex.split(lines[-1].removeprefix("next: "))
    assert words == ["unclicked", "reproduce", "table2", *given]
    assert lines[-2].startswith(f"written to {tmp_path / 's'}: table1.txt, ")
    assert lines[-2].endswith(f"every number is in {tmp_path / 's' / 'results.parquet'}")


def test_the_next_study_takes_the_same_choices(
    tiny_data: PreparedDataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    choices = tmp_path / "my choices.toml"
    given = ["--data", str(tiny_data.path), "--out", str(tmp_path / "s")]
    given += ["--choices", str(choices)]
    assert run(["reproduce", "table1", *given]) == 2
    assert f"{choices}: cannot be read" in capsys.readouterr().err
    choices.write_text('[sdm]\n"train.learning_rate" = 0.05\n', encoding="utf-8")
    assert run(["reproduce", "table1", *given]) == 0
    words = shlex.split(capsys.readouterr().out.splitlines()[-1].removeprefix("next: "))
    assert words == ["unclicked", "reproduce", "table2", *given]
