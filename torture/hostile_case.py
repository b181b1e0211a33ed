"""A hostile artefact, and small ways to make one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from torture import hostile_files as files

Act = Callable[[Path, Path], object]


@dataclass(frozen=True)
class Case:
    """One hostile artefact.

    Args:
        name: What it is.
        kind: `data`, `run`, `evaluation`, `config` or `requests`: through which doors it goes.
        act: Changes a copy of a good artefact; the second path is a file that code would make.
        ignored: Whether it lies beside what is read, so that all goes on as if it were not there.
    """

    name: str
    kind: str
    act: Act
    ignored: bool = False


def with_bytes(name: str, make: Callable[[Path], bytes]) -> Act:
    """Replace a file by bytes that are made when the canary is known."""

    def act(root: Path, canary: Path) -> None:
        (root / name).write_bytes(make(canary))

    return act


def with_array(name: str, change: Callable[[np.ndarray], Any]) -> Act:
    """Change an array."""

    return lambda root, canary: files.change_array(root / name, change)


def with_json(name: str, change: Callable[[Any], Any]) -> Act:
    """Change a JSON file."""

    return lambda root, canary: files.change_json(root / name, change)


def with_text(name: str, text: str) -> Act:
    """Replace a file by text."""

    return lambda root, canary: (root / name).write_text(text, encoding="utf-8")


def put(place: int, value: int, array: np.ndarray) -> None:
    """Set one number of an array."""

    array.flat[place] = value


def with_link(name: str, target: str) -> Act:
    """Replace a file by a link."""

    def act(root: Path, canary: Path) -> None:
        (root / name).unlink()
        (root / name).symlink_to(target)

    return act
