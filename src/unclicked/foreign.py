"""What lies in an artefact's place, belongs to somebody and is not replaced."""

from __future__ import annotations

from pathlib import Path

from unclicked.errors import ArtefactError, UserError
from unclicked.sealed import MANIFEST, read_json

# What systems leave in every folder.
_WORTHLESS = frozenset({".DS_Store", "Thumbs.db"})


def refuse_foreign(target: Path) -> None:
    """Refuse to replace what is no artefact of ours, or holds more than one.

    Args:
        target: Where an artefact is to appear; it may be missing.

    Raises:
        UserError: If it is something else, a mount point, or holds files of somebody's own.
    """
    if not target.exists():
        return
    if not target.is_dir() or (any(target.iterdir()) and not (target / MANIFEST).is_file()):
        raise UserError(
            "OUT", str(target), "holds something else and is not replaced. Choose another folder."
        )
    if target.is_mount():
        raise UserError("OUT", str(target), "is a mount point. Choose a folder within.")
    found = stranger(target)
    if found is not None:
        raise UserError(
            "OUT",
            str(target),
            f"holds {found.relative_to(target).as_posix()}, which was not made with it and would "
            "be lost, so it is not replaced. Move that away, or choose another folder.",
        )


def stranger(target: Path) -> Path | None:
    """Find something in an artefact's folder that its manifest does not name.

    Args:
        target: The folder; it may be missing.

    Returns:
        The first such file or link; None where there is none, or no manifest tells.
    """
    try:
        manifest = read_json(target / MANIFEST) if (target / MANIFEST).is_file() else {}
    except ArtefactError:
        # A broken one says nothing of its files; making it anew is how to mend it.
        return None
    named = manifest.get("files") if isinstance(manifest, dict) else None
    if not isinstance(named, dict):
        return None
    own = {MANIFEST, *named}
    for path in sorted(target.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            continue
        if path.relative_to(target).as_posix() not in own and path.name not in _WORTHLESS:
            return path
    return None
