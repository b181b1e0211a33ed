"""A folder of files appears whole or not at all, and a killed writer leaves nothing for long."""

from __future__ import annotations

from pathlib import Path

import pytest

from unclicked.errors import BusyError, ResourceError, UserError
from unclicked.sources.publish import new_folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_it_appears_whole(tmp_path: Path) -> None:
    with new_folder(tmp_path / "deep" / "log") as folder:
        (folder / "a.txt").write_text("a")
        assert not (tmp_path / "deep" / "log").exists()
    assert names(tmp_path / "deep") == ["log"]
    assert (tmp_path / "deep" / "log" / "a.txt").read_text() == "a"


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no"), new_folder(tmp_path / "log") as folder:
        (folder / "a.txt").write_text("a")
        raise ValueError("no")
    with pytest.raises(ResourceError, match="OUT-WRITE"), new_folder(tmp_path / "log"):
        raise OSError(28, "No space left on device")
    assert names(tmp_path) == []


def test_what_a_killed_writer_left_goes_at_the_next_start(tmp_path: Path) -> None:
    left = tmp_path / ".log.unclicked-writing"
    left.mkdir()
    (left / "half.parquet").write_text("half")
    with new_folder(tmp_path / "log") as folder:
        assert names(folder) == []
    assert names(tmp_path) == ["log"]


def test_one_writer(tmp_path: Path) -> None:
    first = new_folder(tmp_path / "log")
    with first, pytest.raises(BusyError, match="process"), new_folder(tmp_path / "log"):
        raise AssertionError
    assert names(tmp_path) == ["log"]


def test_what_is_there_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "mine").write_text("mine")
    with pytest.raises(UserError, match="not empty"), new_folder(tmp_path / "log"):
        raise AssertionError
