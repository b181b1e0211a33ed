"""Many short processes of the command line, forked from one that has everything imported."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from unclicked.cli.main import run

HANGS_SECONDS = 120.0


@dataclass(frozen=True)
class Ended:
    """How a process ended.

    Args:
        code: Exit code; negative for a signal.
        said: What it printed on stdout and stderr.
        seconds: How long it took.
        cpu_seconds: Processor time that it took, which other processes do not stretch.
    """

    code: int
    said: str
    seconds: float
    cpu_seconds: float


class Fork:
    """One call of the command line in a forked process.

    Args:
        arguments: What comes after `unclicked`.
        said: File for what it prints.
        waits: Whether it waits for `go` before it begins.
    """

    def __init__(self, arguments: Sequence[str], said: Path, *, waits: bool = False) -> None:
        self.said = said
        said.unlink(missing_ok=True)
        reads, self._gate = os.pipe()
        self.started = time.perf_counter()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._gate)
            _child(arguments, said, reads)
        os.close(reads)
        if not waits:
            self.go()

    def go(self) -> None:
        """Let it begin."""
        self.started = time.perf_counter()
        os.write(self._gate, b"!")

    def end(self, after: float = HANGS_SECONDS) -> Ended:
        """Wait for its end, and kill it where that does not come.

        Args:
            after: Seconds from its begin to the kill.

        Returns:
            How it ended.
        """
        if not self._wait(self.started + after):
            os.kill(self.pid, signal.SIGKILL)
            self._ended = os.wait4(self.pid, 0)
        _, status, used = self._ended
        code = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - self.started
        os.close(self._gate)
        said = self.said.read_text("utf-8", errors="replace") if self.said.exists() else ""
        return Ended(code, said, seconds, used.ru_utime + used.ru_stime)

    def _wait(self, until: float) -> bool:
        while True:
            self._ended = os.wait4(self.pid, os.WNOHANG)
            if self._ended[0]:
                return True
            left = until - time.perf_counter()
            if left <= 0:
                return False
            time.sleep(min(left, 0.001))


def _child(arguments: Sequence[str], said: Path, gate: int) -> None:
    """Never comes back."""
    code = 99
    try:
        handle = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        os.read(gate, 1)
        code = run(list(arguments))
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def call(arguments: Sequence[str], said: Path) -> Ended:
    """One call from begin to end.

    Args:
        arguments: What comes after `unclicked`.
        said: File for what it prints.

    Returns:
        How it ended.
    """
    return Fork(arguments, said).end()


@contextmanager
def in_memory(folder: Path) -> Iterator[Path]:
    """A folder whose `fsync` costs nothing, where the system has one.

    A kill does not touch what the system holds in memory, so that a disk would only take time.

    Args:
        folder: The folder to work in where there is no file system in memory.

    Yields:
        A folder.
    """
    shared = Path("/dev/shm")
    if not (shared.is_dir() and os.access(shared, os.W_OK)):
        yield folder
        return
    made = Path(tempfile.mkdtemp(prefix="torture-", dir=shared))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextmanager
def replaced(place: object, name: str, value: Callable[..., object]) -> Iterator[None]:
    """Put something else in the place of a function, for the processes forked meanwhile.

    Args:
        place: A module.
        name: Name of a function in it.
        value: What stands there inside the block.

    Yields:
        Nothing.
    """
    before = getattr(place, name)
    setattr(place, name, value)
    try:
        yield
    finally:
        setattr(place, name, before)
