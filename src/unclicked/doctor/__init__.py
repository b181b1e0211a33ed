"""What is wrong, or not, with a machine, a data set or a run, and what to do about it."""

from __future__ import annotations

from pathlib import Path

from unclicked import artefact
from unclicked.data.dataset import KIND
from unclicked.doctor.dataset import examine_dataset
from unclicked.doctor.environment import examine_environment
from unclicked.doctor.finding import Diagnosis, Finding, finding_lines
from unclicked.doctor.run import examine_run
from unclicked.errors import ArtefactError, UserError

__all__ = ["Diagnosis", "Finding", "examine", "finding_lines"]


def examine(path: Path | None) -> Diagnosis:
    """Check the environment, or what lies in a folder.

    Args:
        path: A prepared data set or a run; the environment without.

    Returns:
        The diagnosis.

    Raises:
        UserError: If the path is neither.
    """
    if path is None:
        return examine_environment(Path())
    if (path / "run.json").is_file() or (path / "checkpoints").is_dir():
        return examine_run(path)
    if _is_dataset(path):
        return examine_dataset(path)
    raise UserError(
        "DOCTOR",
        str(path),
        "is no data set and no run. Name a folder that unclicked prepare or train made.",
    )


def _is_dataset(path: Path) -> bool:
    """Whether a folder is a data set, or what is left of one."""
    artefact.recover(path)
    try:
        manifest = artefact.read_json(path / artefact.MANIFEST)
    except ArtefactError:
        # Without a readable manifest these two still tell what it was.
        return (path / "catalogue").is_dir() and (path / "train").is_dir()
    return isinstance(manifest, dict) and manifest.get("kind") == KIND
