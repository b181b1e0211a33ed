"""Which files a path stands for, and of which kind each is."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from unclicked.errors import ArtefactError, UserError

SUFFIXES = (".parquet", ".csv")


def find_files(paths: Sequence[Path]) -> list[Path]:
    """List the Parquet and CSV files that the given paths stand for.

    Args:
        paths: Files, or directories whose `*.parquet` and `*.csv` files count in sorted order.

    Returns:
        Files in the order given.

    Raises:
        UserError: A path is missing, no regular file, of another kind, or given twice.
        ArtefactError: A file has no byte.
    """
    files = [file for path in paths for file in _expand(path)]
    if not files:
        raise UserError("DATA-FILE", "", "no log was given, expected Parquet or CSV files.")
    seen: dict[tuple[int, int], Path] = {}
    for file in files:
        status = check_file(file)
        other = seen.setdefault((status.st_dev, status.st_ino), file)
        if other is not file:
            raise UserError("DATA-FILE", str(file), f"is the same file as {other}. Give it once.")
    return files


def is_csv(path: Path) -> bool:
    """Whether a file of a log is CSV, by its ending; else it is Parquet.

    Args:
        path: One of the files that `find_files` gave.

    Returns:
        True for CSV.
    """
    return path.suffix.lower() != ".parquet"


def check_file(path: Path) -> os.stat_result:
    """Make sure that a path is a regular, non-empty Parquet or CSV file.

    Args:
        path: Path of one file.

    Returns:
        Its status.

    Raises:
        UserError: It is missing, no regular file, or of another kind.
        ArtefactError: It has no byte.
    """
    status = _status(path)
    if not stat.S_ISREG(status.st_mode):
        raise UserError("DATA-FILE", str(path), "is no regular file, expected Parquet or CSV.")
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(
            "DATA-FILE",
            str(path),
            f'found the ending "{path.suffix}", expected .parquet or .csv. Rename or convert it.',
        )
    if status.st_size == 0:
        raise ArtefactError("DATA-EMPTY", str(path), "found 0 bytes. Write the file again.")
    return status


def _status(path: Path) -> os.stat_result:
    try:
        status = path.stat()
        if not os.access(path, os.R_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return status
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UserError(
            "DATA-FILE", str(path), f"cannot be read ({reason}). Check the path."
        ) from error


def _expand(path: Path) -> list[Path]:
    if not stat.S_ISDIR(_status(path).st_mode):
        return [path]
    files = sorted(
        file
        for file in path.iterdir()
        if file.suffix.lower() in SUFFIXES and not file.name.startswith(".")
    )
    if not files:
        raise UserError("DATA-FILE", str(path), "holds no *.parquet or *.csv file.")
    return files
