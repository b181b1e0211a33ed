"""A folder of files that appears whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from unclicked import disk
from unclicked.errors import ResourceError, UserError


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Gives a temporary folder beside `out` that becomes `out` when the block ends well.

    Args:
        out: The folder to be; it may exist only if it is empty.

    Yields:
        The temporary folder to write into.

    Raises:
        UserError: `out` is a file or a folder that holds something.
        BusyError: Another process is writing it.
        ResourceError: The folder cannot be written.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        message = "the output exists and is not empty, expected a new folder. Choose another OUT."
        raise UserError("OUT-EXISTS", str(out), message)
    target = Path(os.path.realpath(out))
    temporary = target.with_name(f".{target.name}.unclicked-writing")
    try:
        disk.make_folder(target.parent)
        with disk.hold(target.with_name(f".{target.name}.unclicked-lock"), out, remove=True):
            # What a writer left that was killed; nobody else writes while the lock is held.
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir()
            try:
                yield temporary
                temporary.rename(target)
                disk.sync(target.parent)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        message = f"cannot be written ({error.strerror or error}). Check the disk and the rights."
        raise ResourceError("OUT-WRITE", str(out), message) from error
