"""Where the project lies, and which files belong to it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MADE_HERE = {"build", "dist", "quickstart", "runs", "site", "__pycache__"}


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def sources() -> list[Path]:
    """Every Python file of the package."""
    found = sorted((ROOT / "src" / "unclicked").rglob("*.py"))
    assert found
    return found


@pytest.fixture(scope="session")
def project_files() -> list[Path]:
    """What git tracks or would add; outside a clone, all that is no product of a run."""
    answer = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if answer.returncode == 0 and answer.stdout and (ROOT / ".git").exists():
        found = [ROOT / name for name in os.fsdecode(answer.stdout).split("\0") if name]
        found = [path for path in found if path.is_file()]
    else:
        found = [path for path in _walk(ROOT) if path.is_file()]
    assert ROOT / "pyproject.toml" in found
    return sorted(found)


def _walk(folder: Path) -> list[Path]:
    found = []
    for path in folder.iterdir():
        if path.name in MADE_HERE or path.name.endswith(".egg-info"):
            continue
        if path.is_dir() and path.name.startswith(".") and path.name != ".ci":
            continue
        found += _walk(path) if path.is_dir() else [path]
    return found
