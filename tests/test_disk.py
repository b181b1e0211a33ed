"""The disk's own promises: swaps, locks that the system frees, refusals in words."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from unclicked import disk
from unclicked.errors import BusyError, ResourceError

HOLD = """
import sys, time
from pathlib import Path
from unclicked import disk
path = Path(sys.argv[1])
with disk.hold(path, path, remove=True):
    print("held", flush=True)
    time.sleep(60)
"""


def holder(path: Path) -> subprocess.Popen[str]:
    """Another process that holds a lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_dead_holder_frees_its_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    process = holder(path)
    try:
        begun = time.monotonic()
        with pytest.raises(BusyError, match=f"process {process.pid} on "), disk.hold(path, path):
            pass
        with pytest.raises(BusyError, match=f"process {process.pid} on "):
            disk.refuse_held(path, path)
        assert time.monotonic() - begun < 1
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert path.exists()
    disk.refuse_held(path, path)
    with disk.hold(path, path, remove=True):
        assert path.read_text().startswith(f"process {os.getpid()} on ")
    assert not path.exists()
    disk.refuse_held(path, path)


def test_waiting_for_a_holder_that_ends(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    process = holder(path)
    process.send_signal(signal.SIGINT)
    with disk.hold(path, path, wait_seconds=30.0):
        assert path.exists()
    process.communicate()


def test_a_lock_that_cannot_be_made(tmp_path: Path) -> None:
    for path in (tmp_path / "missing" / "lock", tmp_path):
        with pytest.raises(ResourceError, match="cannot be written"), disk.hold(path, tmp_path):
            pass


def test_two_folders_change_places(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    assert disk.exchange(tmp_path / "a", tmp_path / "b")
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]
    with pytest.raises(OSError, match="No such file") as caught:
        disk.exchange(tmp_path / "a", tmp_path / "nothing")
    assert caught.value.errno == errno.ENOENT


def test_a_refusal_says_what_is_needed_and_free(tmp_path: Path) -> None:
    with (
        pytest.raises(ResourceError) as caught,
        disk.told(tmp_path / "deep" / "file", num_bytes=12_345),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    text = str(caught.value)
    assert "deep/file: cannot be written (No space left on device); it needs about 12,345" in text
    assert " bytes are free there" in text
    with pytest.raises(ResourceError, match="100 requested and 3 written"), disk.told(tmp_path):
        raise OSError("100 requested and 3 written")


def test_folders_are_made_to_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    monkeypatch.setattr(disk, "sync", lambda path: synced.append(path.name))
    disk.make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    assert synced == [tmp_path.name, "a"]
    disk.make_folder(tmp_path / "a" / "b")
    assert len(synced) == 2
