"""The folder of a quickstart: made anew, and never in place of somebody else's files."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from unclicked import artefact
from unclicked.errors import ResourceError, UserError

MARKER = "quickstart.json"
MADE_BY = "unclicked quickstart"
FOLDERS = ("log", "data", "runs")
REPORT = "report.html"


@contextmanager
def fresh_folder(out: Path) -> Iterator[None]:
    """Hold an output folder for one quickstart, cleared of what an earlier one left.

    Args:
        out: The folder; it may be missing, empty, or an earlier quickstart's.

    Yields:
        Nothing; the folder is locked inside the block.

    Raises:
        UserError: If it holds something else.
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
        # First of all, so that a run that is interrupted can be started again.
        artefact.write_json(out / MARKER, {"made_by": MADE_BY})
    except OSError as error:
        raise ResourceError("DISK", str(out), f"cannot be written ({error}).") from error
    with artefact.lock(out):
        for name in FOLDERS:
            shutil.rmtree(out / name, ignore_errors=True)
        (out / REPORT).unlink(missing_ok=True)
        yield


def _ours(out: Path) -> bool:
    """Whether a path is an empty folder or one that a quickstart made."""
    if not out.is_dir():
        return False
    if not any(out.iterdir()):
        return True
    marker = out / MARKER
    if not marker.is_file():
        return False
    content = artefact.read_json(marker)
    return isinstance(content, dict) and content.get("made_by") == MADE_BY
