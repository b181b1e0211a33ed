"""A service in processes of its own, for tests: started on a free port, and ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

SECONDS = 90.0


@dataclass(frozen=True)
class Service:
    """A running service.

    Attributes:
        url: Where it answers, without a slash at the end.
        process: Its first process.
    """

    url: str
    process: subprocess.Popen[str]

    @property
    def port(self) -> int:
        """Its port."""
        return int(self.url.rpartition(":")[2])


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def service(bundle: Path, *options: str) -> Iterator[Service]:
    """A service of a bundle, ready to be asked.

    Args:
        bundle: The bundle.
        *options: Further options of `unclicked serve`.

    Yields:
        The service.
    """
    port = free_port()
    command = [sys.executable, "-m", "unclicked", "serve", str(bundle), "--port", str(port)]
    process = subprocess.Popen(
        [*command, *options],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE"},
    )
    try:
        _wait(process, f"http://127.0.0.1:{port}")
        yield Service(f"http://127.0.0.1:{port}", process)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        finally:
            process.communicate()


def _wait(process: subprocess.Popen[str], url: str) -> None:
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the service ended: {process.communicate()[1]}")
        try:
            with urllib.request.urlopen(f"{url}/ready", timeout=2):
                return
        except (URLError, OSError):
            time.sleep(0.1)
    raise TimeoutError(f"no answer from {url} within {SECONDS:g} seconds")


@contextmanager
def running(bundle: Path, *options: str) -> Iterator[str]:
    """A service of a bundle.

    Args:
        bundle: The bundle.
        *options: Further options of `unclicked serve`.

    Yields:
        Where it answers.
    """
    with service(bundle, *options) as one:
        yield one.url
