"""Installing peers, with a fake in place of venv and pip."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from unclicked.bench.peers import install as installing
from unclicked.bench.peers.install import install, python_of
from unclicked.bench.peers.known import LIBRARIES
from unclicked.cli.main import run as run_cli
from unclicked.errors import BusyError, UserError

RECBOLE = LIBRARIES["recbole"]


class FakePip:
    """Notes commands; makes an interpreter where venv would; can fail for one library."""

    def __init__(self, failing: str = "", said: str = "") -> None:
        self.commands: list[list[str]] = []
        self.failing, self.said = failing, said

    def __call__(self, command: list[str], log: Path) -> int:
        self.commands.append(command)
        if "venv" in command:
            python = Path(command[-1]) / "bin" / "python"
            python.parent.mkdir(parents=True)
            python.symlink_to(sys.executable)
            return 0
        if self.failing and self.failing in " ".join(command):
            log.write_text(self.said, encoding="utf-8")
            return 1
        return 0


def quiet(line: str) -> None:
    pass


def test_every_library_gets_its_environment_once(tmp_path: Path) -> None:
    folder, pip, said = tmp_path / "a" / "peers", FakePip(), list[str]()
    assert python_of(folder, RECBOLE) is None
    assert install(folder, said.append, pip) == list(LIBRARIES)
    assert len(pip.commands) == 2 * len(LIBRARIES)
    venv, call = pip.commands[:2]
    assert venv == [sys.executable, "-m", "venv", str(folder / "recbole" / "env")]
    assert call[:4] == [str(folder / "recbole/env/bin/python"), "-m", "pip", "install"]
    assert call[-3:] == ["torch==2.13.0", "numpy==1.26.4", "recbole==1.2.1"]
    limits = Path(call[call.index("--constraint") + 1]).read_text(encoding="utf-8")
    assert limits == "triton<0\n"
    assert python_of(folder, RECBOLE) == folder / "recbole/env/bin/python"
    assert any("1 of 4: RecBole 1.2.1" in line for line in said)
    assert any("pip install torch==2.13.0" in line for line in said)
    assert install(folder, said.append, pip) == [] and len(pip.commands) == 2 * len(LIBRARIES)
    assert said[-1] == "4 of 4: RecTools 0.19.0 is there"


def test_a_failure_is_one_line_and_what_was_made_stays(tmp_path: Path) -> None:
    text = "Collecting x\nERROR: No matching distribution found for tensorflow==2.15.1\nmore\n"
    pip = FakePip("deepmatch==", text)
    with pytest.raises(UserError) as caught:
        install(tmp_path, quiet, pip)
    told = str(caught.value)
    assert told.startswith("error[BENCH-INSTALL]") and "\n" not in told
    assert "DeepMatch 0.3.2: ERROR: No matching distribution found for tensorflow" in told
    assert "Python 3.9 to 3.11" in told and str(tmp_path / "deepmatch" / "pip.log") in told
    assert python_of(tmp_path, RECBOLE) and not python_of(tmp_path, LIBRARIES["deepmatch"])
    # What was begun is begun anew; what was done is left alone.
    again = FakePip()
    assert install(tmp_path, quiet, again) == ["deepmatch", "torch-rechub", "rectools"]
    assert not any("recbole" in " ".join(command) for command in again.commands)


def test_a_build_for_cuda_is_refused_with_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "ERROR: Cannot install torch==2.13.0 because these conflict: triton<0\n"
    with pytest.raises(UserError, match="CUDA build of torch.*UNCLICKED_PEERS_TORCH"):
        install(tmp_path, quiet, FakePip("recbole==", said))
    monkeypatch.setenv("UNCLICKED_PEERS_TORCH", "torch==2.14.1 --find-links /w")
    pip = FakePip()
    install(tmp_path, quiet, pip)
    assert pip.commands[1][-5:] == [
        "torch==2.14.1", "--find-links", "/w", "numpy==1.26.4", "recbole==1.2.1"
    ]  # fmt: skip
    assert not any("torch==2.13.0" in " ".join(command) for command in pip.commands)


def test_another_version_is_installed_anew(tmp_path: Path) -> None:
    install(tmp_path, quiet, FakePip())
    newer = dataclasses.replace(RECBOLE, requirements=("torch==2.13.0", "recbole==1.2.2"))
    assert python_of(tmp_path, RECBOLE) and python_of(tmp_path, newer) is None
    (tmp_path / "recbole/env/bin/python").unlink()
    assert python_of(tmp_path, RECBOLE) is None
    assert install(tmp_path, quiet, FakePip()) == ["recbole"]


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    theirs = tmp_path / "recbole" / "notes.txt"
    theirs.parent.mkdir()
    theirs.write_text("mine", encoding="utf-8")
    for mark in (None, "[]", "not JSON"):
        if mark is not None:
            (tmp_path / "recbole" / "peer.json").write_text(mark, encoding="utf-8")
        pip = FakePip()
        with pytest.raises(UserError, match="no peer's; move it away, or set UNCLICKED_PEERS"):
            install(tmp_path, quiet, pip)
        assert theirs.read_text(encoding="utf-8") == "mine" and pip.commands == []


def test_one_installation_at_a_time(tmp_path: Path) -> None:
    holding = (
        "import fcntl, sys; lock = open(sys.argv[1], 'w'); fcntl.flock(lock, fcntl.LOCK_EX); "
        "print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", holding, str(tmp_path / ".lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdout.readline() == b"held\n"
        with pytest.raises(BusyError):
            install(tmp_path, quiet, FakePip())
        other.communicate()


def test_the_real_runner_keeps_what_is_said(tmp_path: Path) -> None:
    log = tmp_path / "pip.log"
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(4)"
    assert installing._run([sys.executable, "-u", "-c", code], log) == 4
    assert installing._run([sys.executable, "-c", "print('more')"], log) == 0
    assert log.read_text(encoding="utf-8").split() == ["out", "err", "more"]


def test_the_verb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("UNCLICKED_PEERS", str(tmp_path))
    monkeypatch.setattr(installing, "_run", FakePip())
    # What pytest captures is no terminal, and progress is for terminals.
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert run_cli(["bench", "peers", "--install", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == {"folder": str(tmp_path), "installed": list(LIBRARIES)}
    assert "1 of 4" in err
    assert run_cli(["bench", "peers", "--install"]) == 0
    assert "nothing new" in capsys.readouterr().out


def test_other_benchmarks_have_nothing_to_install(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["bench", "step", "--install"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and "BENCH-INSTALL" in err and "bench peers --install" in err
