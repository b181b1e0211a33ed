"""Two processes are one service: they begin together, and neither stays without the other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError

import pytest
from tests.serving.server_running import Service, service

from unclicked.errors import ArtefactError
from unclicked.serving import front
from unclicked.serving.settings import Settings


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def processes(one: Service) -> tuple[int, int]:
    """The process that talks to clients, and the one that holds the model."""
    (talking,) = children(one.process.pid)
    (model,) = children(talking)
    return talking, model


def lives(pid: int) -> bool:
    try:
        # A process that ended and that nobody has asked for yet is a zombie, and no life.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def within(seconds: float, true: Callable[[], bool]) -> bool:
    until = time.monotonic() + seconds
    while not (found := true()) and time.monotonic() < until:
        time.sleep(0.05)
    return found


def test_a_model_that_cannot_be_served_ends_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("UNCLICKED_SERVE", Settings(bundle=str(tmp_path)).model_dump_json())
    with pytest.raises(SystemExit) as ended:
        front.start_model()
    assert ended.value.code == ArtefactError.exit_code
    assert capfd.readouterr().err.startswith("error[")


def test_a_lost_model_ends_the_service_as_one_that_failed(tiny_bundle: Path) -> None:
    with service(tiny_bundle, "--watch-seconds", "0") as one:
        pair = processes(one)
        os.kill(pair[1], signal.SIGKILL)
        _, said = one.process.communicate(timeout=30)
        assert one.process.returncode == 1
        assert not any(map(lives, pair))
    assert "error[SERVE-MODEL] the process of the model ended (-9)." in said


def test_a_signal_to_all_processes_ends_them_well(tiny_bundle: Path) -> None:
    with service(tiny_bundle, "--watch-seconds", "0") as one:
        pair = processes(one)
        # Alone the model does not hear it: what was taken must be answered first.
        os.kill(pair[1], signal.SIGTERM)
        time.sleep(0.3)
        with urllib.request.urlopen(f"{one.url}/ready", timeout=5) as answer:
            assert answer.status == 200
        os.killpg(one.process.pid, signal.SIGINT)
        assert one.process.wait(30) == 0
        assert within(5, lambda: not any(map(lives, pair)))


@pytest.mark.slow
def test_a_model_does_not_outlive_whoever_talks_for_it(tiny_bundle: Path) -> None:
    with service(tiny_bundle, "--watch-seconds", "0") as one:
        pair = processes(one)
        os.kill(pair[0], signal.SIGKILL)
        assert one.process.wait(30) != 0
        assert within(5, lambda: not lives(pair[1]))
        with pytest.raises(URLError):
            urllib.request.urlopen(f"{one.url}/health", timeout=2)


def test_whoever_talks_to_clients_loads_nothing_that_computes() -> None:
    code = (
        "import sys; from unclicked.serving import front, worker; "
        "print([one for one in ('torch', 'numpy', 'pyarrow', 'numba') if one in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert found.stdout.strip() == "[]"
