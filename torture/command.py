"""The command line, called as a user would."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from unclicked.cli.main import run

# A process that is started counts what its parent held: this one in between holds little.
_LAUNCH = """
import pathlib, resource, subprocess, sys
code = subprocess.call(sys.argv[2:])
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
pathlib.Path(sys.argv[1]).write_text(str(peak))
sys.exit(code if code >= 0 else 128 - code)
"""


@dataclass(frozen=True)
class Outcome:
    """What one call did.

    Args:
        code: Exit code.
        out: What it printed.
        err: What it printed on stderr.
        seconds: How long it took.
        peak_mib: Most memory that it or one of its children held, in MiB; 0 in this process.
    """

    code: int
    out: str
    err: str
    seconds: float
    peak_mib: int = 0

    @property
    def errors(self) -> list[str]:
        """Lines on stderr that are no warnings."""
        return [line for line in self.err.splitlines() if not line.startswith("warning: ")]

    @property
    def has_traceback(self) -> bool:
        """Whether a traceback was shown."""
        return "Traceback (most recent call last)" in self.err + self.out

    @property
    def has_defect(self) -> bool:
        """Whether the software called it a fault of its own."""
        return "DEFECT" in self.err


def call(arguments: Sequence[str]) -> Outcome:
    """Run the command line in this process.

    Args:
        arguments: What comes after `unclicked`.

    Returns:
        What it did; an exception that came through counts as a traceback.
    """
    out, err = io.StringIO(), io.StringIO()
    started = time.perf_counter()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = run(list(arguments))
        except Exception as error:
            code = -1
            err.write(f"Traceback (most recent call last): {error!r}\n")
    return Outcome(code, out.getvalue(), err.getvalue(), time.perf_counter() - started)


def call_process(arguments: Sequence[str], timeout: float = 120.0) -> Outcome:
    """Run the command line in a process of its own.

    Args:
        arguments: What comes after `unclicked`.
        timeout: Seconds after which it counts as hanging (exit code -99).

    Returns:
        What it did.
    """
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        peak = Path(folder) / "peak"
        process = subprocess.Popen(
            [sys.executable, "-c", _LAUNCH, str(peak), sys.executable, "-m", "unclicked"]
            + list(arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            start_new_session=True,
        )
        code = None
        try:
            parts = process.communicate(timeout=timeout)
            code = process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            parts = process.communicate()
        kib = int(peak.read_text()) if peak.exists() else 0
    out, err = (part.decode(errors="replace") for part in parts)
    seconds = time.perf_counter() - started
    return Outcome(-99 if code is None else code, out, err, seconds, kib // 1024)
