"""The log of a run: one JSON object a line, every step once."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Any

from unclicked import disk
from unclicked.errors import ArtefactError
from unclicked.training.step_report import StepReport

# So many characters wait in memory before they are written.
BUFFER = 8192
# The last key of every line, over the keys before it.
CHECK = "crc32"


class RunLog:
    """Appends steps and epochs to `log.jsonl`.

    A write that fails changes nothing: what waits stays in memory and can be written again.

    Args:
        path: The file.
        after_step: Lines of later steps, written by a run that went further than its last
            checkpoint, are removed.
        warn: Called with a sentence about every line that cannot be read; it is left out.
        epochs: Epochs that the last checkpoint knows to be done, whose lines are kept; a
            checkpoint may stand between the last step of an epoch and the end of it.

    Raises:
        ResourceError: If the disk refuses to write.
    """

    def __init__(
        self,
        path: Path,
        after_step: int,
        warn: Callable[[str], None] = lambda text: None,
        epochs: int | None = None,
    ) -> None:
        self.path = path
        self._waiting = ""
        lines = [
            line
            for line in read_log_lines(path, warn)
            if line["step"] <= after_step and not _is_later(line, epochs)
        ]
        steps = [line["step"] for line in lines if line.get("kind") == "step"]
        if steps != list(range(1, after_step + 1)):
            warn(f"{path} does not hold each of the steps 1 to {after_step} once.")
        kept = "".join(map(_text, lines))
        with disk.told(path):
            self._keep(kept)
            self._handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
            self._size = os.fstat(self._handle).st_size
            disk.sync(path.parent)

    def _keep(self, kept: str) -> None:
        temporary = self.path.with_suffix(".tmp")
        temporary.unlink(missing_ok=True)
        if self.path.exists() and self.path.read_bytes() != kept.encode():
            temporary.write_text(kept, encoding="utf-8")
            disk.sync(temporary)
            temporary.replace(self.path)

    def step(self, step: int, epoch: int, report: StepReport, **more: float) -> None:
        """Log one step.

        Args:
            step: Number of the step.
            epoch: Number of the epoch, from 1.
            report: What the step saw.
            **more: Further numbers.
        """
        numbers = (asdict(report) | more).items()
        # JSON has no infinity: a number too large to tell is left out, as one that does not exist.
        told = ((name, value) for name, value in numbers if value is not None and isfinite(value))
        rounded = {name: _rounded(value) for name, value in told}
        self._waiting += _text({"kind": "step", "step": step, "epoch": epoch, **rounded})
        if len(self._waiting) >= BUFFER:
            self._write()

    def write(self, line: dict[str, Any]) -> None:
        """Log anything else, for everybody to read at once.

        Args:
            line: What to log; holds `kind` and `step`.
        """
        self._waiting += _text(line)
        self._write()

    def flush(self) -> None:
        """Wait until all is on the disk, so that a checkpoint never knows more than the log.

        Raises:
            ResourceError: If the disk refuses to write.
        """
        self._write()
        with disk.told(self.path):
            os.fsync(self._handle)

    def close(self) -> None:
        """Write everything out and close the file."""
        try:
            self.flush()
        finally:
            os.close(self._handle)

    def _write(self) -> None:
        content = self._waiting.encode()
        try:
            with disk.told(self.path, len(content)):
                written = 0
                while written < len(content):
                    written += os.write(self._handle, content[written:])
        except BaseException:
            # Half a line would stand before the next ones.
            with suppress(OSError):
                os.ftruncate(self._handle, self._size)
            raise
        self._size += len(content)
        self._waiting = ""


class NoLog(RunLog):
    """The log of a process that shares a training with another one, which writes it."""

    def __init__(self) -> None:
        # Nothing is opened.
        pass

    def step(self, step: int, epoch: int, report: StepReport, **more: float) -> None:
        """Say nothing."""

    def write(self, line: dict[str, Any]) -> None:
        """Say nothing."""

    def flush(self) -> None:
        """Wait for nothing."""

    def close(self) -> None:
        """Close nothing."""


def read_log_lines(path: Path, warn: Callable[[str], None] | None = None) -> list[dict[str, Any]]:
    """Lines of a log; a last line that was cut by a crash is left out.

    Args:
        path: The file; a missing one has no lines.
        warn: Called with a sentence about every other line that cannot be read.

    Returns:
        The objects.

    Raises:
        ArtefactError: If such a line is there and nobody is to be warned.
    """
    if not path.exists():
        return []
    *whole, _ = path.read_bytes().split(b"\n")
    lines = []
    for number, text in enumerate(whole, start=1):
        line = _parsed(text)
        if line is not None:
            lines.append(line)
        elif warn is None:
            raise ArtefactError("LOG-LINE", f"{path}:{number}", "is damaged. Remove the line.")
        else:
            warn(f"{path}:{number} is damaged and left out.")
    return lines


def _is_later(line: dict[str, Any], epochs: int | None) -> bool:
    return epochs is not None and line.get("kind") == "epoch" and line.get("epoch", 0) > epochs


def _parsed(text: bytes) -> dict[str, Any] | None:
    try:
        line = json.loads(text)
        if not isinstance(line, dict) or type(line.get("step")) is not int:
            return None
        found = line.pop(CHECK, None)
        return line if found == _check(line) else None
    except (ValueError, RecursionError):
        return None


def _check(line: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps(line, allow_nan=False).encode())


def _rounded(value: float) -> float:
    return value if isinstance(value, int) else float(f"{value:.6g}")


def _text(line: dict[str, Any]) -> str:
    return json.dumps({**line, CHECK: _check(line)}, allow_nan=False) + "\n"
