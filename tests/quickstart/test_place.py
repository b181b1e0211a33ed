"""The folder of a quickstart never takes somebody else's place."""

from __future__ import annotations

from pathlib import Path

import pytest

from unclicked.errors import BusyError, UserError
from unclicked.quickstart.place import MARKER, fresh_folder


def names(folder: Path) -> set[str]:
    return {one.name for one in folder.iterdir() if one.name != ".lock"}


def test_an_earlier_quickstart_is_replaced(tmp_path: Path) -> None:
    out = tmp_path / "a" / "quickstart"
    with fresh_folder(out):
        (out / "runs" / "base").mkdir(parents=True)
        (out / "report.html").write_text("old")
        (out / "notes.txt").write_text("mine")
    with fresh_folder(out):
        assert names(out) == {MARKER, "notes.txt"}


def test_an_interrupted_one_is_replaced(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), fresh_folder(tmp_path):
        (tmp_path / "log").mkdir()
        raise KeyboardInterrupt
    with fresh_folder(tmp_path):
        assert names(tmp_path) == {MARKER}


@pytest.mark.parametrize("content", [None, "{}", '{"made_by": "another"}', "[]"])
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
        with pytest.raises(BusyError), fresh_folder(tmp_path):
            raise AssertionError
        assert "log" in names(tmp_path)
