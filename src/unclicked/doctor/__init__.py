"""What is wrong, or not, with a machine, a data set, a run or a bundle, and what to do."""

from __future__ import annotations

from pathlib import Path

from unclicked import artefact
from unclicked.bundle import is_bundle
from unclicked.data.dataset import KIND
from unclicked.doctor.bundle import examine_bundle
from unclicked.doctor.dataset import examine_dataset
from unclicked.doctor.environment import examine_environment
from unclicked.doctor.finding import Diagnosis, Finding, finding_lines
from unclicked.doctor.run import examine_run
from unclicked.errors import ArtefactError, UserError

__all__ = ["Diagnosis", "Finding", "examine", "finding_lines"]


def examine(path: Path | None) -> Diagnosis:
    """Check the environment, or what lies in a folder.

    Args:
        path: A prepared data set, a run or a bundle; the environment without.

    Returns:
        The diagnosis.

    Raises:
        UserError: If the path is none of them.
    """
    if path is None:
        return examine_environment(Path())
    if (path / "run.json").is_file() or (path / "checkpoints").is_dir():
        return examine_run(path)
    if is_bundle(path):
        return examine_bundle(path)
    if _is_dataset(path):
        return examine_dataset(path)
    found = "is no data set, no run and no bundle"
    if not path.is_dir():
        found = "is a file" if path.exists() else "is not there"
    elif not any(path.iterdir()):
        found = "is an empty folder"
    raise UserError(
        "DOCTOR",
        str(path),
        f"{found}. Name a folder that unclicked prepare, train or export made.",
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
