"""What a comparison is given: the data set in a run's place, in Python and on the command line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from unclicked.cli.main import run
from unclicked.comparison import compare_runs
from unclicked.comparison_inputs import refuse_datasets, seeds_of
from unclicked.data.dataset import PreparedDataset
from unclicked.errors import UserError


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (["data", "a"], "unclicked compare popularity a"),
        (["a", "data"], "unclicked compare popularity a"),
        (["popularity", "data", "a"], "unclicked compare popularity a"),
        (["a", "b c", "data"], "unclicked compare a 'b c'"),
        (["popularity", "data"], "unclicked train data --out RUN"),
        (["data", "data"], "unclicked train data --out RUN"),
    ],
)
def test_the_function_and_the_verb_say_the_same_of_a_data_set(
    tiny_data: PreparedDataset,
    tmp_path: Path,
    words: list[str],
    advice: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "data").symlink_to(tiny_data.path)
    monkeypatch.chdir(tmp_path)
    base, *runs = map(Path, words)
    with pytest.raises(UserError) as caught:
        compare_runs(base, runs)
    said = str(caught.value)
    assert said.startswith("error[ARTEFACT-KIND] data: is a data set, expected a run. ")
    assert said.endswith(f": {advice}")
    assert run(["compare", *words]) == 2
    out, err = capsys.readouterr()
    assert (out, err.rstrip()) == ("", said)


def test_what_is_no_data_set_is_let_through(tiny_run: Path, tmp_path: Path) -> None:
    refuse_datasets([tiny_run, tmp_path, tmp_path / "nowhere", Path("popularity")])
    # A manifest of something else does not make a data set.
    (tmp_path / "manifest.json").write_text('{"kind": "web app"}')
    refuse_datasets([tmp_path])


def test_the_seeds_of_a_folder_are_its_evaluated_runs_by_name(tmp_path: Path) -> None:
    for name in ("seed2", "seed10", "seed1"):
        (tmp_path / name / "evaluation").mkdir(parents=True)
    (tmp_path / "notes").mkdir()
    assert [path.name for path in seeds_of(tmp_path)] == ["seed1", "seed10", "seed2"]
    assert seeds_of(tmp_path / "seed2") == [tmp_path / "seed2"]
    with pytest.raises(UserError, match="found no evaluation"):
        seeds_of(tmp_path / "notes")


def test_a_run_inside_a_run_is_not_taken_for_it(tiny_run: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(tiny_run, tmp_path / "refit"))
    shutil.rmtree(run / "evaluation", ignore_errors=True)
    (run / "chosen" / "evaluation").mkdir(parents=True)
    with pytest.raises(UserError, match="is a run without an evaluation. Run .*evaluate"):
        seeds_of(run)
