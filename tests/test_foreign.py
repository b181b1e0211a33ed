"""What somebody put into a folder of ours is not lost when that is made again."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from unclicked import artefact
from unclicked.errors import UserError


def one_file(text: str) -> Any:
    def write(folder: Path) -> dict[str, Any]:
        (folder / "deep").mkdir()
        (folder / "deep" / "a.txt").write_text(text)
        (folder / "nothing").mkdir()
        return {"kind": "test"}

    return write


@pytest.mark.parametrize("name", ["notes.txt", "deep/mine", "run/checkpoints/x"])
def test_what_somebody_put_there_is_not_lost(tmp_path: Path, name: str) -> None:
    target = tmp_path / "thing"
    artefact.publish(target, one_file("old"))
    (target / ".DS_Store").write_text("")
    (target / name).parent.mkdir(parents=True, exist_ok=True)
    (target / name).write_text("mine")
    with pytest.raises(UserError, match=f"holds {name}, which"):
        artefact.publish(target, one_file("new"))
    assert (target / name).exists()
    assert (target / "deep" / "a.txt").read_text() == "old"
    # What came while the new one was made is kept too.
    shutil.rmtree(target)
    artefact.publish(target, one_file("old"))

    def late(folder: Path) -> dict[str, Any]:
        (target / "late.txt").write_text("mine")
        return {"kind": "test"}

    with pytest.raises(UserError, match=r"holds late\.txt"):
        artefact.publish(target, late)
    assert (target / "late.txt").read_text() == "mine"


def test_a_broken_one_is_made_anew(tmp_path: Path) -> None:
    target = tmp_path / "thing"
    for broken in ("{", "[]", '{"files": 3}'):
        artefact.publish(target, one_file("old"))
        (target / "manifest.json").write_text(broken)
        (target / "deep" / "a.txt").unlink()
        artefact.publish(target, one_file("new"))
        assert (target / "deep" / "a.txt").read_text() == "new"


def test_empty_folders_are_no_loss(tmp_path: Path) -> None:
    target = tmp_path / "thing"
    artefact.publish(target, one_file("old"))
    (target / "empty").mkdir()
    assert artefact.stranger(target) is None
    artefact.publish(target, one_file("new"))
    assert (target / "deep" / "a.txt").read_text() == "new"


def test_a_link_is_somebody_s(tmp_path: Path) -> None:
    target = tmp_path / "thing"
    artefact.publish(target, one_file("old"))
    (target / "run").symlink_to(tmp_path)
    assert artefact.stranger(target) == target / "run"
