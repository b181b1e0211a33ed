"""Studies from the first training to the last file, on a tiny log."""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from unclicked.errors import UserError
from unclicked.reproduce.choices import Choices, read_choices, write_choices
from unclicked.reproduce.methods import BASES, TRIPLETS, VARIANTS
from unclicked.reproduce.paper_numbers import MARGINS
from unclicked.reproduce.results import FINAL, read_results
from unclicked.reproduce.road import reproduce, study_of
from unclicked.reproduce.studies import STUDIES
from unclicked.reproduce.tuning import Tuner
from unclicked.reproduce.workplace import Workplace

NAMES = "table1 table2 table3 figure4 figure5 figure6 figure7 plugin controls"


@pytest.fixture
def printed(place: Workplace) -> Workplace:
    return replace(place, tuning="printed")


def test_the_nine_studies_are_there() -> None:
    assert list(STUDIES) == NAMES.split()
    assert all(study.name == name for name, study in STUDIES.items())


def test_table2_has_the_papers_eleven_rows(printed: Workplace) -> None:
    made = reproduce("table2", printed)
    rows = read_results(printed.out).where(study="table2", role=FINAL, metric="HR@50")
    assert rows.distinct("method") == ["popularity", *BASES, *VARIANTS]
    assert [Path(path).name for path in made["files"]] == [
        f"table2.{end}" for end in ("txt", "md", "tex", "svg", "png")
    ]
    assert "\nVariants above the best base (" in f"\n{made['tables'][2]}"
    beside = made["tables"][5]
    assert "36.27" in beside
    assert "37.81" in beside


def test_studies_of_one_folder_share_their_trainings(
    printed: Workplace, in_process: list[str]
) -> None:
    reproduce("table3", printed)
    assert len(set(in_process)) == len({"SDM", "fusion", *TRIPLETS})
    before = len(in_process)
    reproduce("figure4", printed)
    # The paper's best margin is that of the full method, and the fusion alone was there.
    assert len(in_process) - before == len(MARGINS) - 1
    assert read_results(printed.out).distinct("study") == ["table3", "figure4"]


def test_a_second_time_trains_nothing_and_writes_the_same(
    printed: Workplace, in_process: list[str]
) -> None:
    files = [Path(path) for path in reproduce("controls", printed)["files"]]
    first = {path: path.read_bytes() for path in files}
    worked = len(in_process)
    reproduce("controls", printed)
    assert len(in_process) == worked
    assert {path: path.read_bytes() for path in files} == first


def test_a_wrong_name_or_folder_is_refused(printed: Workplace) -> None:
    with pytest.raises(UserError, match="did you mean 'table2'"):
        study_of("tabel2")
    run = printed.out
    run.mkdir()
    (run / "run.json").write_text("{}")
    with pytest.raises(UserError, match="is a run"):
        reproduce("table1", printed)


def test_a_folder_inside_a_data_set_is_refused(printed: Workplace) -> None:
    inside = printed.datasets[0].path / "studies"
    with pytest.raises(UserError, match="lies in .*, which is a data set"):
        reproduce("table1", replace(printed, out=inside))
    assert not inside.exists()


def test_tables_say_how_they_were_made(printed: Workplace) -> None:
    reproduce("table3", replace(printed, seeds=(1, 2)))
    text = (printed.out / "table3.md").read_text(encoding="utf-8")
    assert "as the paper prints them (seeds 1, 2, model.dim=8" in text
    assert f"torch {version('torch')}" in text
    reproduce("table1", printed)
    text = (printed.out / "table1.md").read_text(encoding="utf-8")
    # Nothing is trained or chosen for it.
    assert text.splitlines()[-1].startswith("By unclicked ")
    # A row that says how it was made is no data set.
    assert text.splitlines()[2].count("|") == 5


def test_choices_from_a_file_train_nothing_and_are_told(
    place: Workplace, in_process: list[str]
) -> None:
    rate = {"train.learning_rate": 0.05}
    names = ["sdm", *(f"sdm {one.fusion} {one.metric}" for one in TRIPLETS.values())]
    given = Choices("own.toml", dict.fromkeys(names, rate))
    made = reproduce("table3", replace(place, choices=given))
    # What is judged and nothing else.
    assert len(set(in_process)) == len({"SDM", "fusion", *TRIPLETS})
    left = place.out / "table3-choices.toml"
    assert str(left) in made["files"]
    assert read_choices(left).settings["sdm"] == rate
    text = (place.out / "table3.md").read_text(encoding="utf-8")
    assert "Settings chosen on validation, those in own.toml taken from it (preset" in text


def test_a_studys_own_file_of_choices_is_not_written_over(place: Workplace) -> None:
    own = place.out / "table3-choices.toml"
    write_choices(own, {"sdm": {"train.learning_rate": 0.05}}, "by hand")
    before = own.read_bytes()
    with pytest.raises(UserError, match=r"table3-choices\.toml: is the file in which table3"):
        reproduce("table3", replace(place, choices=read_choices(own)))
    assert own.read_bytes() == before


def test_choices_that_nothing_takes_are_said(place: Workplace) -> None:
    said: list[str] = []
    names = ["sdm", *(f"sdm {one.fusion} {one.metric}" for one in TRIPLETS.values()), "dnn"]
    given = Choices("own.toml", dict.fromkeys(names, {"train.learning_rate": 0.05}))
    tuner = Tuner(replace(place, choices=given, warn=said.append), "table3")
    tuner.choose([BASES["SDM"], *TRIPLETS.values()])
    assert said == ["own.toml has choices for what table3 does not train: ['dnn']"]


def test_a_wrong_value_of_a_choice_leaves_no_folder(place: Workplace) -> None:
    given = Choices("own.toml", {"sdm": {"train.learning_rate": -1.0}})
    with pytest.raises(UserError, match=r'own\.toml \["sdm"\] train\.learning_rate: found -1\.0'):
        reproduce("table3", replace(place, choices=given))
    assert not place.out.exists()


@pytest.mark.parametrize("study", ["table1", "table3"])
def test_a_setting_that_does_not_exist_leaves_no_folder(printed: Workplace, study: str) -> None:
    with pytest.raises(UserError, match=r"model\.dim"):
        reproduce(study, replace(printed, settings={"model.dimm": 8}))
    assert not printed.out.exists()


def test_a_folder_of_something_else_is_refused(printed: Workplace) -> None:
    printed.out.mkdir()
    (printed.out / ".DS_Store").write_text("")
    (printed.out / "impressions.parquet").write_text("mine")
    with pytest.raises(UserError, match=r"holds impressions\.parquet and no studies"):
        reproduce("table1", printed)
    (printed.out / "impressions.parquet").unlink()
    assert reproduce("table1", printed)["next"] == "table2"
    # A folder of earlier studies may hold whatever was put beside them.
    (printed.out / "notes.txt").write_text("mine")
    assert reproduce("table1", printed)["next"] == "table2"


def test_what_takes_the_place_of_earlier_rows_is_said(printed: Workplace) -> None:
    warned: list[str] = []
    one = replace(printed, warn=warned.append)
    reproduce("table3", one)
    reproduce("table3", one)
    reproduce("table1", one)
    reproduce("table1", replace(one, seeds=(1, 2)))
    assert warned == []
    reproduce("table3", replace(one, seeds=(1, 2)))
    assert len(warned) == 1
    assert warned[0].startswith("table3: takes the place of an earlier one in ")
    assert "(seeds 1, " in warned[0]


def test_a_file_in_the_way_is_named(printed: Workplace) -> None:
    printed.out.mkdir()
    (printed.out / "cells").write_text("mine")
    with pytest.raises(UserError, match="cells: is no folder"):
        reproduce("table1", printed)


def test_missing_packages_are_said_before_a_training(
    printed: Workplace, in_process: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openTSNE", None)
    with pytest.raises(UserError, match="openTSNE: is not installed"):
        reproduce("figure6", printed)
    assert in_process == []
    assert not printed.out.exists()


def test_a_manifest_of_somebody_else_is_in_nobodys_way(printed: Workplace) -> None:
    project = printed.out.parent
    (project / "manifest.json").write_text('{"name": "a web page"}')
    assert reproduce("table1", printed)["study"] == "table1"
