"""The log of a run: one JSON object a line, every step once."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from unclicked.training.step import StepReport


class RunLog:
    """Appends steps and epochs to `log.jsonl`.

    Args:
        path: The file.
        after_step: Lines of later steps, written by a run that went further than its last
            checkpoint, are removed.
    """

    def __init__(self, path: Path, after_step: int) -> None:
        self.path = path
        kept = [line for line in read_log_lines(path) if line.get("step", 0) <= after_step]
        if path.exists():
            temporary = path.with_suffix(".tmp")
            temporary.write_text("".join(_text(line) for line in kept), encoding="utf-8")
            temporary.replace(path)
        self._stream = path.open("a", encoding="utf-8")

    def step(self, step: int, epoch: int, report: StepReport, **more: float) -> None:
        """Log one step.

        Args:
            step: Number of the step.
            epoch: Number of the epoch, from 1.
            report: What the step saw.
            **more: Further numbers.
        """
        rounded = {name: _rounded(value) for name, value in (asdict(report) | more).items()}
        self._stream.write(_text({"kind": "step", "step": step, "epoch": epoch, **rounded}))

    def write(self, line: dict[str, Any]) -> None:
        """Log anything else.

        Args:
            line: What to log; holds `kind` and `step`.
        """
        self._stream.write(_text(line))
        self._stream.flush()

    def flush(self) -> None:
        """Write out what is buffered, so that a checkpoint never knows more than the log."""
        self._stream.flush()

    def close(self) -> None:
        """Write everything out and close the file."""
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()


def read_log_lines(path: Path) -> list[dict[str, Any]]:
    """Lines of a log; a last line that was cut by a crash is left out.

    Args:
        path: The file; a missing one has no lines.

    Returns:
        The objects.
    """
    if not path.exists():
        return []
    lines = []
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict):
            lines.append(line)
    return lines


def _rounded(value: float) -> float:
    return value if isinstance(value, int) else float(f"{value:.6g}")


def _text(line: dict[str, Any]) -> str:
    return json.dumps(line, allow_nan=False) + "\n"
