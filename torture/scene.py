"""One verb at work in a folder: what is there before and after, and what a reader finds."""

from __future__ import annotations

import hashlib
import shutil
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from torture.forks import Ended, call

Tree = dict[str, str]


def tree(folder: Path) -> Tree:
    """Hash of every file under a folder, and the folders themselves.

    Args:
        folder: A folder; it may be missing.

    Returns:
        By relative path.
    """
    return {
        path.relative_to(folder).as_posix(): (
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        )
        for path in sorted(folder.rglob("*"))
    }


class Scene(ABC):
    """One verb at work in a folder of its own.

    Args:
        folder: The folder; everything in it belongs to the scene.
    """

    name = ""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.before = folder.with_name(f"{folder.name}.before")
        self.said = folder.with_name(f"{folder.name}.said")
        self.expected: Any = None

    @property
    @abstractmethod
    def arguments(self) -> list[str]:
        """What comes after `unclicked`."""

    @abstractmethod
    def fault(self) -> str:
        """What is wrong with the state that a reader finds now; empty where nothing is."""

    @abstractmethod
    def result(self) -> Any:
        """All that must be equal after every road, with the names of all files."""

    def reset(self) -> None:
        """Go back to the state before the verb."""
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.before.exists():
            shutil.copytree(self.before, self.folder)
        else:
            self.folder.mkdir()

    def learn(self) -> float:
        """Run the verb unbroken, and remember what it leaves.

        Returns:
            Seconds it took.
        """
        self.reset()
        ended = self.run()
        if ended.code != 0:
            raise RuntimeError(f"{self.name} does not run: {ended.said}")
        self.expected = self.result()
        return ended.seconds

    def run(self) -> Ended:
        """Run the verb unbroken."""
        return call(self.arguments, self.said)

    def fault_after_rerun(self) -> str:
        """Run the verb again, and compare what it leaves with an unbroken run."""
        ended = self.run()
        if ended.code != 0:
            return f"the rerun ended with {ended.code}: {ended.said.strip()[-300:]}"
        found = self.result()
        if found != self.expected:
            return f"the rerun left something else: {_first_difference(found, self.expected)}"
        return ""


def _first_difference(found: Any, expected: Any) -> str:
    if isinstance(found, dict) and isinstance(expected, dict):
        for key in sorted({*found, *expected}):
            if found.get(key) != expected.get(key):
                return f"{key}: {str(found.get(key))[:600]} against {str(expected.get(key))[:600]}"
    return f"{str(found)[:80]} against {str(expected)[:80]}"
