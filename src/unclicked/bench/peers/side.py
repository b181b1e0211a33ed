"""A side in a process of its own: told to build, then to step, by JSON lines over its pipes."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from unclicked.errors import UnclickedError

CHILD = Path(__file__).with_name("child.py")
STOP_SECONDS = 10.0


class SideError(UnclickedError):
    """A side that could not build or step; the other comparisons go on.

    Args:
        side: Its name.
        message: What it said.
    """

    def __init__(self, side: str, message: str) -> None:
        super().__init__("BENCH-PEER", side, message)


@dataclass(frozen=True)
class Answer:
    """What a side tells after an order.

    Attributes:
        seconds: What it took, measured by the side itself.
        peak: Largest resident memory of its process so far, in bytes.
        losses: One for each batch.
    """

    seconds: float
    peak: int
    losses: tuple[float, ...]


class Side:
    """A process that answers; leave the `with` block to end it.

    Args:
        name: How errors call it.
        python: The interpreter of its environment, with its options.
        script: File with `build`.
        environment: Variables of the process; those of this one without.
    """

    def __init__(
        self,
        name: str,
        python: Sequence[str],
        script: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        with contextlib.ExitStack() as kept:
            # A file and not a pipe: nobody reads in between, and a full pipe would stop the side.
            self._said = kept.enter_context(tempfile.TemporaryFile())
            # Some libraries make folders wherever they are started.
            folder = kept.enter_context(tempfile.TemporaryDirectory(prefix="unclicked-peer-"))
            try:
                self._process = subprocess.Popen(
                    [*python, str(CHILD), str(script)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self._said,
                    env=environment,
                    cwd=folder,
                    text=True,
                    encoding="utf-8",
                )
            except OSError as error:
                told = f"{python[0]} cannot be started: {error.strerror}."
                raise SideError(name, told) from error
            self._kept = kept.pop_all()

    def __enter__(self) -> Side:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._kept.close()

    def ask(self, order: Mapping[str, Any]) -> Answer:
        """Give one order and wait for its answer.

        Args:
            order: What `child.answer` takes.

        Returns:
            The answer.

        Raises:
            SideError: If it tells an error, ends, or answers something else.
        """
        orders, answers = self._process.stdin, self._process.stdout
        line = ""
        if orders is not None and answers is not None:
            with contextlib.suppress(BrokenPipeError):
                orders.write(json.dumps(dict(order)) + "\n")
                orders.flush()
            line = answers.readline()
        if not line:
            raise SideError(self.name, self._end())
        try:
            told = json.loads(line)
            if "error" in told:
                raise SideError(self.name, f"{order['do']} failed: {str(told['error'])[:300]}")
            return Answer(float(told["seconds"]), int(told["peak"]), tuple(told["losses"]))
        except (ValueError, KeyError, TypeError) as error:
            found = line.strip()[:80]
            raise SideError(self.name, f"found '{found}' in place of an answer.") from error

    def _end(self) -> str:
        """How the process ended, and the last line that it said."""
        code = self._process.wait()
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "nothing was said")
        how = f"signal {-code}, perhaps for want of memory" if code < 0 else f"exit code {code}"
        return f"its process ended with {how}: {last[:300]}"


def our_side(script: Path) -> Side:
    """Our own side, with this interpreter and the modules that it finds.

    Args:
        script: File with `build`.

    Returns:
        The side.
    """
    paths = os.pathsep.join(one for one in sys.path if one)
    return Side("ours", [sys.executable], script, os.environ | {"PYTHONPATH": paths})


def peer_side(name: str, python: Path, script: Path) -> Side:
    """A peer, isolated from the modules and variables of this interpreter.

    Args:
        name: How errors call it.
        python: The interpreter of its environment.
        script: File with `build`.

    Returns:
        The side.
    """
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": ""}
    return Side(name, [str(python), "-I"], script, os.environ | quiet)
