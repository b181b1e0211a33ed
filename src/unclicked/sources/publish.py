"""A folder of files that appears whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
        ResourceError: The folder cannot be written.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        message = "the output exists and is not empty, expected a new folder. Choose another OUT."
        raise UserError("OUT-EXISTS", str(out), message)
    temporary: Path | None = None
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
        # A private folder is what mkdtemp makes; what is published follows the user's umask.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o777 & ~umask)
        yield temporary
        temporary.rename(out)
    except OSError as error:
        message = f"cannot be written ({error.strerror or error}). Check the disk and the rights."
        raise ResourceError("OUT-WRITE", str(out), message) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
