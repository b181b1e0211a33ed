"""One call of `prepare` and what must come of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class FileCase:
    """One call of `prepare`.

    Args:
        name: Case of the fault list and what is odd.
        logs: Paths to give.
        code: Exit code that must follow.
        expect: Texts that the one error line must hold.
        rows: Counts that the answer must hold, where it is accepted.
        options: More options.
        own_process: Whether it needs a process of its own.
    """

    name: str
    logs: list[str]
    code: int = 0
    expect: tuple[str, ...] = ()
    rows: Mapping[str, int] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    own_process: bool = False


def refused(name: str, path: Path, code: int, *expect: str) -> FileCase:
    """A case in which one file is refused by its name."""
    return FileCase(name, [str(path)], code, (str(path), *expect))


def write_bytes(path: Path, content: bytes) -> Path:
    """Write a file and give its path."""
    path.write_bytes(content)
    return path
