"""Child processes: side by side, heard when they fail, never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from unclicked.quickstart import children
from unclicked.quickstart.children import ChildError, Job, run_all

# Stands for the interpreter; it is called with -m unclicked WORD FOLDER.
SCRIPT = """#!/bin/sh
case "$3" in
  well) echo "warning: look here" >&2; echo noise; echo "$OMP_NUM_THREADS" > "$4/threads" ;;
  badly) echo first >&2; echo "error[X] here: found y." >&2; exit 5 ;;
  killed) kill -9 $$ ;;
  slowly) echo $$ > "$4/pid"; exec sleep 60 ;;
esac
"""


@pytest.fixture(autouse=True)
def interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in that starts at once."""
    path = tmp_path / "interpreter"
    path.write_text(SCRIPT)
    path.chmod(0o755)
    monkeypatch.setattr(children.sys, "executable", str(path))


def alive(folder: Path) -> bool:
    """Whether the slow child is still there."""
    try:
        os.kill(int((folder / "pid").read_text()), 0)
    except ProcessLookupError:
        return False
    return True


def test_warnings_and_threads(tmp_path: Path) -> None:
    heard: list[str] = []
    jobs = [Job(name, ["well", str(tmp_path)]) for name in "abc"]
    result = run_all(jobs, 2, lambda job, trained: heard.append(job.name))
    assert sorted(heard) == ["a", "b", "c"]
    assert sorted(result) == ["a", "b", "c"]
    assert {one.warnings for one in result.values()} == {("look here",)}
    assert (tmp_path / "threads").read_text().strip() == "1"


def test_a_failure_is_one_line_with_its_code(tmp_path: Path) -> None:
    jobs = [Job("slow", ["slowly", str(tmp_path)]), Job("bad", ["badly"])]
    with pytest.raises(ChildError) as caught:
        run_all(jobs, 2, lambda job, trained: None)
    assert caught.value.exit_code == 5
    assert str(caught.value) == (
        "error[QUICKSTART-TRAIN] run bad: training ended with exit code 5: error[X] here: found y."
    )
    assert not (tmp_path / "pid").exists() or not alive(tmp_path)


def test_a_failure_is_told_under_its_title(tmp_path: Path) -> None:
    with pytest.raises(ChildError, match="run SDM of tiny, seed 1: training"):
        run_all([Job("abc", ["badly"], title="SDM of tiny, seed 1")], 1, lambda job, trained: None)


def test_a_killed_child(tmp_path: Path) -> None:
    with pytest.raises(ChildError, match="exit code 137") as caught:
        run_all([Job("a", ["killed"])], 1, lambda job, trained: None)
    assert caught.value.exit_code == 137


def test_termination_takes_the_children_along(tmp_path: Path) -> None:
    def stop() -> None:
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=stop)
    thread.start()
    with pytest.raises(SystemExit) as caught:
        run_all([Job("slow", ["slowly", str(tmp_path)])], 1, lambda job, trained: None)
    thread.join()
    assert caught.value.code == 143
    assert not alive(tmp_path)
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(
    ("number", "ends"), [(signal.SIGTERM, SystemExit), (signal.SIGINT, KeyboardInterrupt)]
)
def test_a_signal_while_a_child_is_started(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
    ends: type[BaseException],
) -> None:
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen(*arguments, **options))
        os.kill(os.getpid(), number)
        time.sleep(0.01)  # The handler runs here, before anybody holds the child.
        return started[-1]

    monkeypatch.setattr(children, "subprocess", SimpleNamespace(Popen=start, DEVNULL=-3))
    with pytest.raises(ends):
        run_all([Job("slow", ["slowly", str(tmp_path)])], 1, lambda job, trained: None)
    assert [one.poll() for one in started] == [-signal.SIGTERM]
