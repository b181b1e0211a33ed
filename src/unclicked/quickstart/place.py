"""The folder of a quickstart: made anew, and never in place of somebody else's files."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from unclicked import artefact
from unclicked.errors import ArtefactError, ResourceError, UserError

MARKER = "quickstart.json"
MADE_BY = "unclicked quickstart"
# What is removed, and what may lie in it; a data set's manifest knows that itself.
FOLDERS = {
    "log": {"impressions.parquet", "items.parquet", "users.parquet", "truth.json"},
    "data": None,
    "runs": {"base", "unclicked", "shuffled"},
    "bundles": {"base", "unclicked"},
}
REPORT = "report.html"


@contextmanager
def fresh_folder(out: Path, say: Callable[[str], None] = lambda line: None) -> Iterator[None]:
    """Hold an output folder for one quickstart, cleared of what an earlier one left.

    Args:
        out: The folder; it may be missing, empty, or an earlier quickstart's.
        say: Told in one line which quickstart is replaced, before anything of it goes.

    Yields:
        Nothing; the folder is locked inside the block.

    Raises:
        UserError: If it holds something else, or something was added to its folders.
        BusyError: If another quickstart is at work there.
        ResourceError: If it cannot be written.
    """
    if out.exists() and not _ours(out):
        raise UserError(
            "OUT",
            str(out),
            f"holds something else: found no {MARKER} in it, expected a new folder or that of an "
            "earlier quickstart. Choose another folder with --out.",
        )
    try:
        out.mkdir(parents=True, exist_ok=True)
        earlier = (out / MARKER).is_file()
        if not earlier:
            # First of all, so that a run that is interrupted can be started again.
            _mark(out)
    except OSError as error:
        raise ResourceError("DISK", str(out), f"cannot be written ({error}).") from error
    with artefact.lock(out):
        _refuse_additions(out)
        if earlier:
            say(f"replaces the quickstart of {_begun(out)} in {out}")
            _mark(out)
        for name in FOLDERS:
            shutil.rmtree(out / name, ignore_errors=True)
        (out / REPORT).unlink(missing_ok=True)
        yield


def _refuse_additions(out: Path) -> None:
    """Say before anything goes what somebody has added to an earlier one's folders."""
    for name, known in FOLDERS.items():
        folder = out / name
        if known is None:
            found = artefact.stranger(folder)
        else:
            inside = sorted(folder.iterdir()) if folder.is_dir() else []
            # Hidden files are locks, and what systems leave everywhere.
            others = (one for one in inside if one.name not in known and one.name[0] != ".")
            found = next(others, None)
        if found is not None:
            raise UserError(
                "OUT",
                str(out),
                f"holds {found.relative_to(out).as_posix()}, which no quickstart made and which "
                "would be lost. Move that away, or choose another folder with --out.",
            )


def _ours(out: Path) -> bool:
    """Whether a path is an empty folder or one that a quickstart made."""
    if not out.is_dir():
        return False
    if not any(out.iterdir()):
        return True
    marker = out / MARKER
    if not marker.is_file():
        return False
    return _marked(marker).get("made_by") == MADE_BY


def _marked(marker: Path) -> dict[str, Any]:
    """What a marker says; nothing where somebody else's file has that name."""
    try:
        content = artefact.read_json(marker)
    except ArtefactError:
        return {}
    return content if isinstance(content, dict) else {}


def _mark(out: Path) -> None:
    begun = datetime.now(UTC).isoformat(" ", "minutes").replace("+00:00", " UTC")
    artefact.write_json(out / MARKER, {"made_by": MADE_BY, "begun": begun})


def _begun(out: Path) -> str:
    """When the quickstart in a folder was begun, as it says itself."""
    begun = _marked(out / MARKER).get("begun")
    return begun[:40] if isinstance(begun, str) and begun.isprintable() else "an unknown time"
