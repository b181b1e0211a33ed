"""The folder of a quickstart never takes somebody else's place."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from unclicked.artefact import publish
from unclicked.errors import BusyError, UserError
from unclicked.quickstart.place import FOLDERS, MARKER, fresh_folder
from unclicked.quickstart.road import MODELS


def names(folder: Path) -> set[str]:
    return {one.name for one in folder.iterdir() if one.name != ".lock"}


def test_an_earlier_quickstart_is_replaced(tmp_path: Path) -> None:
    out = tmp_path / "a" / "quickstart"
    with fresh_folder(out):
        (out / "runs" / "base").mkdir(parents=True)
        (out / "bundles" / "base").mkdir(parents=True)
        (out / "report.html").write_text("old")
        (out / "notes.txt").write_text("mine")
    before = datetime.now(UTC).replace(second=0, microsecond=0)
    begun = json.loads((out / MARKER).read_text())["begun"]
    told: list[str] = []

    def say(line: str) -> None:
        # Before anything goes.
        assert (out / "report.html").read_text() == "old"
        told.append(line)

    with fresh_folder(out, say):
        assert names(out) == {MARKER, "notes.txt"}
    assert told == [f"replaces the quickstart of {begun} in {out}"]
    assert begun.endswith(" UTC")
    when = datetime.fromisoformat(begun.replace(" UTC", "+00:00"))
    assert timedelta() <= before - when <= timedelta(minutes=5)


def test_a_new_one_has_nothing_to_say(tmp_path: Path) -> None:
    told: list[str] = []
    (tmp_path / "empty").mkdir()
    for name in ("new", "empty"):
        with fresh_folder(tmp_path / name, told.append):
            pass
    assert told == []


def test_one_of_before_times_were_kept(tmp_path: Path) -> None:
    (tmp_path / MARKER).write_text('{"made_by": "unclicked quickstart"}')
    told: list[str] = []
    with fresh_folder(tmp_path, told.append):
        pass
    assert told == [f"replaces the quickstart of an unknown time in {tmp_path}"]


@pytest.mark.parametrize("name", ["runs/mine", "log/notes.txt", "data/run/x"])
def test_what_was_added_to_it_is_not_lost(tmp_path: Path, name: str) -> None:
    def write(folder: Path) -> dict[str, str]:
        (folder / "x").write_text("x")
        return {"kind": "test"}

    with fresh_folder(tmp_path):
        for own in ("runs/base", "log"):
            (tmp_path / own).mkdir(parents=True)
        (tmp_path / "log" / "truth.json").write_text("{}")
        (tmp_path / "runs" / ".DS_Store").write_text("")
        publish(tmp_path / "data", write)
    (tmp_path / name).mkdir(parents=True)
    (tmp_path / name / "y").write_text("mine")
    if name.startswith("data"):
        name += "/y"
    told: list[str] = []
    with (
        pytest.raises(UserError, match=f"holds {name}, which"),
        fresh_folder(tmp_path, told.append),
    ):
        pass
    assert told == []
    assert (tmp_path / name).exists()
    assert (tmp_path / "runs" / "base").is_dir()
    shutil.rmtree(tmp_path / Path(*Path(name).parts[:2]))
    with fresh_folder(tmp_path):
        assert names(tmp_path) == {MARKER}


def test_what_may_lie_there_is_what_is_made() -> None:
    assert FOLDERS["runs"] == set(MODELS)


def test_an_interrupted_one_is_replaced(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), fresh_folder(tmp_path):
        (tmp_path / "log").mkdir()
        raise KeyboardInterrupt
    with fresh_folder(tmp_path):
        assert names(tmp_path) == {MARKER}


@pytest.mark.parametrize("content", [None, "{}", '{"made_by": "another"}', "[]", "", "{", "\0"])
def test_other_files_stay(tmp_path: Path, content: str | None) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    if content is not None:
        (tmp_path / MARKER).write_text(content)
    before = names(tmp_path)
    with pytest.raises(UserError, match="--out"), fresh_folder(tmp_path):
        raise AssertionError
    assert names(tmp_path) == before


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    path = tmp_path / "quickstart"
    path.write_text("mine")
    with pytest.raises(UserError), fresh_folder(path):
        raise AssertionError
    assert path.read_text() == "mine"


def test_two_at_once(tmp_path: Path) -> None:
    with fresh_folder(tmp_path):
        (tmp_path / "log").mkdir()
        marked = (tmp_path / MARKER).read_text()
        told: list[str] = []
        with pytest.raises(BusyError), fresh_folder(tmp_path, told.append):
            raise AssertionError
        assert told == []
        assert (tmp_path / MARKER).read_text() == marked
        assert "log" in names(tmp_path)
