"""Folders are whole or not there, and have one writer."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from unclicked import artefact, disk
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


def test_leftovers_are_removed(tmp_path: Path) -> None:
    artefact.publish(tmp_path / "t[1]", one_file("x"))
    for word in ("writing", "old", "gone"):
        (tmp_path / f".t[1].unclicked-{word}" / "deep").mkdir(parents=True)
    (tmp_path / ".t[1].unclicked-lock").write_text("process 1 on a host that is no more")
    (tmp_path / ".t[1].old").mkdir()
    artefact.publish(tmp_path / "t[1]", one_file("x"))
    assert sorted(path.name for path in tmp_path.iterdir()) == [".t[1].old", "t[1]"]


def test_leftovers_of_a_folder_of_artefacts_are_removed(tmp_path: Path) -> None:
    artefact.publish(tmp_path / "a", one_file("x"))
    for name in (".a.unclicked-old", ".b.unclicked-writing", ".c.unclicked-gone"):
        (tmp_path / name / "deep").mkdir(parents=True)
    (tmp_path / ".b.unclicked-lock").touch()
    (tmp_path / ".lock").touch()
    artefact.clean(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "a"]
    artefact.clean(tmp_path / "nothing")


def test_removing_takes_the_name_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "thing"
    artefact.publish(target, one_file("x"))
    seen: list[bool] = []
    monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: seen.append(target.exists()))
    artefact.remove(target)
    assert seen == [False]
    assert [path.name for path in tmp_path.iterdir()] == [".thing.unclicked-gone"]


def test_replacing_never_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "thing"
    artefact.publish(target, one_file("old"))
    renamed: list[str] = []
    plain = Path.rename

    def watch(self: Path, to: Path) -> Path:
        renamed.append(self.name)
        return plain(self, to)

    monkeypatch.setattr(Path, "rename", watch)
    artefact.publish(target, one_file("new"))
    assert (target / "deep" / "a.txt").read_text() == "new"
    assert renamed == []
    assert [path.name for path in tmp_path.iterdir()] == ["thing"]


@pytest.mark.parametrize("dies", [False, True])
def test_without_an_exchange_the_old_one_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies: bool
) -> None:
    target, plain = tmp_path / "thing", Path.rename
    artefact.publish(target, one_file("old"))
    monkeypatch.setattr(disk, "exchange", lambda *_: False)

    def fail(self: Path, to: Path) -> Path:
        if self.name == ".thing.unclicked-writing" or (
            dies and self.name == ".thing.unclicked-old"
        ):
            raise OSError(5, "Input/output error")
        return plain(self, to)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(ResourceError, match="Input/output error"):
        artefact.publish(target, one_file("new"))
    assert target.exists() != dies
    monkeypatch.setattr(Path, "rename", plain)
    artefact.verify(target, "test")
    assert (target / "deep" / "a.txt").read_text() == "old"
    artefact.publish(target, one_file("new"))
    assert (target / "deep" / "a.txt").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["thing"]


def test_the_same_may_be_put_again_and_another_may_not(tmp_path: Path) -> None:
    target = tmp_path / "thing"
    for _ in range(2):
        with artefact.claim(target) as put:
            put(one_file("x"), same=True)
    with pytest.raises(UserError, match="--overwrite"), artefact.claim(target) as put:
        put(one_file("y"), same=True)
    assert (target / "deep" / "a.txt").read_text() == "x"
    assert [path.name for path in tmp_path.iterdir()] == ["thing"]


def test_what_is_claimed_is_refused_to_others(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "thing"
    holder = f"process {os.getpid()} on {socket.gethostname()}"
    with artefact.claim(target):
        with pytest.raises(BusyError, match=holder) as caught:
            artefact.publish(target, one_file("x"))
        assert caught.value.where == str(target)
        with pytest.raises(BusyError, match=holder):
            artefact.refuse_busy(target)
    assert list(target.parent.iterdir()) == []
    artefact.refuse_busy(target)
    target.mkdir()
    with artefact.lock(target):
        with pytest.raises(BusyError, match=holder):
            artefact.refuse_busy(target)
        with pytest.raises(BusyError, match=holder):
            artefact.publish(target, one_file("x"))


def test_a_link_is_followed(tmp_path: Path) -> None:
    artefact.publish(tmp_path / "real", one_file("old"))
    (tmp_path / "link").symlink_to("real")
    artefact.publish(tmp_path / "link", one_file("new"))
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "deep" / "a.txt").read_text() == "new"


def test_a_folder_that_cannot_be_written_is_said_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(ResourceError, match="Not a directory"),
        artefact.claim(tmp_path / "file" / "thing"),
    ):
        pytest.fail("the work began")


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
    with pytest.raises(ArtefactError, match="is no JSON object"):
        artefact.verify(tmp_path / "t", "run")


def test_only_the_files_asked_for_are_looked_at(tmp_path: Path) -> None:
    def two(folder: Path) -> dict[str, object]:
        (folder / "a").write_text("1")
        (folder / "b").write_text("2")
        return {"kind": "test"}

    artefact.publish(tmp_path / "t", two)
    (tmp_path / "t" / "b").write_text("3")
    assert set(artefact.verify(tmp_path / "t", "test", ["a"])["files"]) == {"a", "b"}
    with pytest.raises(ArtefactError, match="b: was changed"):
        artefact.verify(tmp_path / "t", "test")
    with pytest.raises(ArtefactError, match="c: is missing"):
        artefact.verify(tmp_path / "t", "test", ["c"])
