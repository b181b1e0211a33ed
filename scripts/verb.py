"""One verb of the command line, in a process of its own with one thread."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence


def call(arguments: Sequence[str]) -> float:
    """Run a verb; how many seconds it took. An error ends the script with its message."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "unclicked", *arguments],
        env=environment,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise SystemExit(f"unclicked {' '.join(arguments)}: {done.stderr.strip()}")
    return time.monotonic() - started


def as_options(settings: Sequence[str]) -> list[str]:
    """Settings such as `model.dim=64` as options of a verb."""
    return [part for text in settings for part in ("--set", text)]
