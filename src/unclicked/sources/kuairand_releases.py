"""The three releases of KuaiRand and the files that make them up."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from unclicked.errors import UserError
from unclicked.sources import imported


@dataclass(frozen=True)
class Release:
    """Files of one release; those of randomly shown videos and of statistics are not among them.

    Args:
        name: What its authors call it.
        main: The log by which the release is recognised.
        logs: All logs of the standard feed in the order of time, `main` among them.
        optional: Those of them that may be absent.
        tables: The basic table of the videos, and the table of the users.
    """

    name: str
    main: str
    logs: tuple[str, ...]
    optional: tuple[str, ...]
    tables: tuple[str, str]


def _release(name: str, tag: str, parts: tuple[str, ...], optional: tuple[str, ...]) -> Release:
    logs = tuple(
        f"log_standard_{days}_{tag}{part}.csv"
        for days in ("4_08_to_4_21", "4_22_to_5_08")
        for part in parts
    )
    tables = (f"video_features_basic_{tag}.csv", f"user_features_{tag}.csv")
    return Release(name, logs[len(parts)], logs, optional, tables)


# Some copies of KuaiRand-Pure hold the second log only.
PURE: Final = _release("KuaiRand-Pure", "pure", ("",), ("log_standard_4_08_to_4_21_pure.csv",))
RELEASES: Final = (
    PURE,
    _release("KuaiRand-1K", "1k", ("",), ()),
    _release("KuaiRand-27K", "27k", ("_part1", "_part2"), ()),
)


def find_file(source: Path, name: str) -> Path | None:
    """Finds the file of a name that is nearest to a folder.

    Args:
        source: Folder to look in, at most three folders down.
        name: Name of the file.

    Returns:
        Its path, or None where there is none.

    Raises:
        UserError: Several are equally near.
    """
    return imported.find_file(source, name) if imported.find_files(source, name) else None


def file_beside(log: Path, name: str, release: Release) -> Path:
    """Names a file that must lie in the folder of a log.

    Args:
        log: The log.
        name: Name of the file.
        release: The release, for the message.

    Returns:
        Its path.

    Raises:
        UserError: It is not there.
    """
    path = log.parent / name
    if not path.is_file():
        raise missing_file(path, release)
    return path


def missing_file(path: Path, release: Release) -> UserError:
    """Says that a file of a release is not where it must be.

    Args:
        path: Where it should be.
        release: The release.

    Returns:
        The error to raise.
    """
    message = f"the file is missing beside {release.main}. Fetch it from the same release."
    return UserError("IMPORT-SOURCE", str(path), message)


def find_release(source: Path) -> tuple[Release, list[Path]] | None:
    """Finds out which release a folder holds.

    Args:
        source: Folder to look in, at most three folders down.

    Returns:
        The release and its logs in the order of time, or None where there is no log.

    Raises:
        UserError: There are several releases, or one of which a log is missing.
    """
    found = {release: find_file(source, release.main) for release in RELEASES}
    there = [release for release, path in found.items() if path is not None]
    if len(there) > 1:
        names = " and ".join(release.name for release in there)
        message = f"found {names}, expected one release. Name one's folder."
        raise UserError("IMPORT-SOURCE", str(source), message)
    for release, path in found.items():
        if path is not None:
            return release, _logs_beside(path, release)
    return None


def _logs_beside(main: Path, release: Release) -> list[Path]:
    """All logs of a release, from the folder that holds the main one."""
    names = [
        name
        for name in release.logs
        if name not in release.optional or (main.parent / name).is_file()
    ]
    return [file_beside(main, name, release) for name in names]
