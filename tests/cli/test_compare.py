"""The verb `compare`: a page never takes the place of something else."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import pytest

from unclicked.cli import compare
from unclicked.cli.main import run
from unclicked.data.dataset import PreparedDataset
from unclicked.evaluation import evaluate
from unclicked.run import open_run


@pytest.mark.parametrize("there", ["a table", ""])
def test_a_page_does_not_replace_a_file_that_is_none(
    tmp_path: Path, there: str, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "items.parquet"
    page.write_text(there)
    assert run(["compare", "base", "other", "--report", str(page)]) == 2
    assert "is no page and is not replaced" in capsys.readouterr().err
    assert page.read_text() == there


def test_a_page_needs_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", "a", "b", "--report", str(tmp_path / "no" / "r.html")]) == 2
    assert "is no folder" in capsys.readouterr().err


def test_seeds_without_an_evaluation_are_named(
    tiny_run: Path,
    tiny_data: PreparedDataset,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("seed1", "seed2", "seed3", "seed4"):
        shutil.copytree(tiny_run, tmp_path / "many" / name)
        # Other tests judge this run too.
        shutil.rmtree(tmp_path / "many" / name / "evaluation", ignore_errors=True)
    for name in ("seed1", "seed4"):
        evaluate(open_run(tmp_path / "many" / name), tiny_data)
    assert run(["compare", "popularity", str(tmp_path / "many")]) == 0
    err = capsys.readouterr().err
    many = tmp_path / "many"
    assert f"warning: {many}: runs without an evaluation are left out. Run " in err
    assert all(f"`unclicked evaluate {many / name}`" in err for name in ("seed2", "seed3"))
    evaluate(open_run(tmp_path / "many" / "seed2"), tiny_data)
    evaluate(open_run(tmp_path / "many" / "seed3"), tiny_data)
    assert run(["compare", "popularity", str(tmp_path / "many")]) == 0
    assert "left out" not in capsys.readouterr().err


def test_only_a_terminal_cuts_the_table(
    tiny_run: Path,
    tiny_data: PreparedDataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    copy = Path(shutil.copytree(tiny_run, tmp_path / "copy"))
    evaluate(open_run(copy), tiny_data)
    monkeypatch.setenv("COLUMNS", "70")
    words = ["compare", "popularity", str(copy)]
    assert run(words) == 0
    piped = capsys.readouterr().out.splitlines()
    assert "sd over seeds" in piped[0] and "95 % interval" in piped[0]
    # What pytest captures is no terminal, so one is put in its place.
    monkeypatch.setattr(compare.sys.stdout, "isatty", lambda: True, raising=False)
    assert run(words) == 0
    seen = capsys.readouterr().out.splitlines()
    assert max(map(len, seen[:-1])) <= 70
    assert [line for line in seen if "sd over seeds" in line] != [seen[0]]


def test_metrics_and_lengths_add_up(
    tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = Path(shutil.copytree(tiny_run, tmp_path / "copy"))
    words = ["evaluate", str(copy), "--json", "--top-k", "7,5", "--top-k", "5", "--top-k", "9"]
    assert run(words) == 0
    metrics = json.loads(capsys.readouterr().out)["metrics"]
    assert [name for name in metrics if name.startswith("HR@")] == ["HR@7", "HR@5", "HR@9"]
    words = ["compare", "popularity", str(copy), "--json", "--metric", "HR@5, R@9"]
    assert run([*words, "--metric", "MRR@7", "--metric", "R@9"]) == 0
    rows = json.loads(capsys.readouterr().out)["comparisons"]
    assert [one["metric"] for one in rows] == ["HR@5", "R@9", "MRR@7"]


def test_seeds_that_were_not_judged_are_named(
    tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(7):
        seed = tmp_path / "my seeds" / f"s{number}"
        seed.mkdir(parents=True)
        shutil.copy(tiny_run / "run.json", seed)
    assert run(["compare", str(tmp_path / "my seeds"), str(tiny_run)]) == 2
    err = capsys.readouterr().err
    shown = [part for part in err.split("`") if part.startswith("unclicked ")]
    named = [str(tmp_path / "my seeds" / f"s{number}") for number in range(5)]
    assert [shlex.split(one) for one in shown] == [["unclicked", "evaluate", one] for one in named]
    assert err.endswith("and 2 more.\n")
    (tmp_path / "empty").mkdir()
    assert run(["compare", str(tmp_path / "empty"), str(tiny_run)]) == 2
    assert "`" not in capsys.readouterr().err
