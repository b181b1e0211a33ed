"""Folders are whole or not there, and have one writer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from unclicked import artefact
from unclicked.errors import ArtefactError, BusyError, ResourceError, UserError


def one_file(text: str) -> Any:
    def write(folder: Path) -> dict[str, Any]:
        (folder / "deep").mkdir()
        (folder / "deep" / "a.txt").write_text(text)
        return {"kind": "test"}

    return write


def test_what_is_published_verifies(tmp_path: Path) -> None:
    target = tmp_path / "new" / "thing"
    artefact.publish(target, one_file("x"))
    manifest = artefact.verify(target, "test")
    assert list(manifest["files"]) == ["deep/a.txt"]
    assert manifest["files"]["deep/a.txt"]["bytes"] == 1
    # sha256 of the letter x.
    assert manifest["files"]["deep/a.txt"]["sha256"].startswith("2d711642b726b044")
    assert [path.name for path in target.parent.iterdir()] == ["thing"]


def test_a_failed_write_leaves_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "thing"
    artefact.publish(target, one_file("old"))

    def fail(folder: Path) -> dict[str, Any]:
        (folder / "half").write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(ResourceError, match="No space left"):
        artefact.publish(target, fail)
    assert (target / "deep" / "a.txt").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["thing"]
    artefact.publish(target, one_file("new"))
    assert (target / "deep" / "a.txt").read_text() == "new"


def test_leftovers_of_the_dead_are_removed_and_of_the_living_not(tmp_path: Path) -> None:
    dead = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    names = [f".t[1].writing-{dead}", f".t[1].writing-{os.getppid()}", ".t[1].notes"]
    for name in names:
        (tmp_path / name).mkdir()
    artefact.publish(tmp_path / "t[1]", one_file("x"))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*names[1:], "t[1]"])


def test_a_file_in_the_way_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thing").write_text("mine")
    with pytest.raises(UserError, match="holds something else"):
        artefact.publish(tmp_path / "thing", one_file("x"))
    assert (tmp_path / "thing").read_text() == "mine"


def test_json_is_the_same_bytes_for_the_same_content(tmp_path: Path) -> None:
    for name, content in (("a", {"x": 1, "y": "é"}), ("b", {"y": "é", "x": 1})):
        artefact.write_json(tmp_path / name, content)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert artefact.read_json(tmp_path / "a") == {"x": 1, "y": "é"}
    with pytest.raises(ValueError, match="JSON"):
        artefact.write_json(tmp_path / "a", float("nan"))


def test_broken_json_is_an_artefact_error(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xff")
    for name in ("a", "missing"):
        with pytest.raises(ArtefactError):
            artefact.read_json(tmp_path / name)


def test_a_second_writer_is_told_who_is_first(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from unclicked.artefact import lock\n"
        "with lock(Path(sys.argv[1])): pass"
    )
    again = [sys.executable, "-c", code, str(tmp_path)]
    with artefact.lock(tmp_path):
        holder = f"process {os.getpid()} on "
        with pytest.raises(BusyError, match=holder) as caught, artefact.lock(tmp_path):
            pass
        assert caught.value.exit_code == 75
        assert "BusyError" in subprocess.run(again, capture_output=True, text=True).stderr
    assert subprocess.run(again, capture_output=True, check=False).returncode == 0


def test_verify_reads_the_kind_first(tmp_path: Path) -> None:
    artefact.publish(tmp_path / "t", one_file("x"))
    with pytest.raises(ArtefactError, match="is a test, expected a run"):
        artefact.verify(tmp_path / "t", "run")
    (tmp_path / "t" / "manifest.json").write_text(json.dumps([1]))
    with pytest.raises(ArtefactError, match="is a None, expected a run"):
        artefact.verify(tmp_path / "t", "run")
