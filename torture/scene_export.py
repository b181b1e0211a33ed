"""`export` in place of an older bundle: a reader finds the old one or the new one."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from torture.scene import Scene, Tree, tree
from unclicked import artefact


class Export(Scene):
    """`export` of a run to where a bundle of another run lies.

    Args:
        folder: The folder.
        run: The run.
        older: The bundle that is replaced.
    """

    name = "export"

    def __init__(self, folder: Path, run: Path, older: Path) -> None:
        super().__init__(folder)
        self.run_folder = run
        shutil.copytree(older, self.before / "bundle")
        self.old: Tree = tree(older)

    @property
    def arguments(self) -> list[str]:
        """What comes after `unclicked`."""
        return ["export", str(self.run_folder), "--out", str(self.folder / "bundle")]

    def fault(self) -> str:
        """The bundle is the old one or the new one, to the byte."""
        artefact.recover(self.folder / "bundle")
        wanted = [self.old]
        if self.expected is not None:
            start = "bundle/"
            wanted.append(
                {k.removeprefix(start): v for k, v in self.expected.items() if k.startswith(start)}
            )
        found = tree(self.folder / "bundle")
        return "" if found in wanted else "a bundle that is neither the old nor the new one"

    def result(self) -> Any:
        """Every file and every name."""
        return tree(self.folder)
