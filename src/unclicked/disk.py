"""What a writer needs of the disk: changes that last, two folders swapped at once, one writer."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from unclicked.errors import BusyError, ResourceError

# From Linux' <fcntl.h> and <linux/fs.h>: paths count from the working directory; swap both names.
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_NOT_SUPPORTED = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EXDEV, errno.EPERM)
# Long enough for somebody who only looked whether the lock is free.
_PATIENCE_SECONDS = 0.1


@contextmanager
def told(path: Path, num_bytes: int = 0) -> Iterator[None]:
    """Tell a disk that refuses in words that a user can act on.

    Args:
        path: What is being written.
        num_bytes: How much it needs, where that is known.

    Yields:
        Nothing.

    Raises:
        ResourceError: If the block raises an `OSError`.
    """
    try:
        yield
    except OSError as error:
        raise refusal(path, error.strerror or str(error), num_bytes) from error


def refusal(path: Path, reason: str, num_bytes: int = 0) -> ResourceError:
    """The error for a disk that refuses.

    Args:
        path: What was to be written.
        reason: What the system said.
        num_bytes: How much it needs, where that is known.

    Returns:
        The error, with what is needed and what is free.
    """
    room = "Check the disk and the rights."
    there = next((one for one in (path, *path.parents) if one.exists()), None)
    if there is not None:
        with suppress(OSError):
            needed = f"it needs about {num_bytes:,} bytes, " if num_bytes else ""
            room = f"{needed}{shutil.disk_usage(there).free:,} bytes are free there. {room}"
    return ResourceError("DISK", str(path), f"cannot be written ({reason}); {room}")


def sync(path: Path) -> None:
    """Wait until a file's bytes, or a folder's names, are on the disk.

    Args:
        path: A file or a folder.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(path: Path) -> None:
    """Make a folder and those above it so that they last.

    Args:
        path: The folder; it may exist.
    """
    missing = [one for one in (path, *path.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir(exist_ok=True)
        sync(one.parent)


def exchange(one: Path, other: Path) -> bool:
    """Swap the names of two folders in one step, so that a reader never finds neither.

    Args:
        one: A folder.
        other: Another one on the same file system.

    Returns:
        False where the system cannot; then nothing was changed.

    Raises:
        OSError: If the disk refuses.
    """
    try:
        swap = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        return False
    paths = (os.fsencode(one), os.fsencode(other))
    if swap(_AT_FDCWD, paths[0], _AT_FDCWD, paths[1], _RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _NOT_SUPPORTED:
        return False
    raise OSError(number, os.strerror(number), str(other))


@contextmanager
def hold(
    path: Path, what: Path, *, remove: bool = False, wait_seconds: float = _PATIENCE_SECONDS
) -> Iterator[None]:
    """Hold a lock file; the system frees it when the process ends, however it ends.

    Args:
        path: The lock file.
        what: What it stands for, for the message.
        remove: Whether the file is removed at the end.
        wait_seconds: How long to wait for another holder.

    Yields:
        Nothing; the lock is held inside the block.

    Raises:
        BusyError: If another process holds it; the message names that process and its host.
        ResourceError: If the disk refuses.
    """
    until = time.monotonic() + wait_seconds
    handle = _take(path, what)
    while handle is None:
        if time.monotonic() >= until:
            raise _busy(path, what)
        time.sleep(0.01)
        handle = _take(path, what)
    try:
        with told(what):
            os.ftruncate(handle, 0)
            os.write(handle, f"process {os.getpid()} on {socket.gethostname()}".encode())
        yield
    finally:
        if remove:
            # While it is held: whoever waits for this file sees that the name stands for another.
            with suppress(OSError):
                path.unlink()
        os.close(handle)


def refuse_held(path: Path, what: Path) -> None:
    """Look whether a lock is held, without taking it.

    Args:
        path: The lock file; it may be missing.
        what: What it stands for, for the message.

    Raises:
        BusyError: If a process holds it.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        raise _busy(path, what) from None
    except OSError:
        return
    finally:
        os.close(handle)


def _take(path: Path, what: Path) -> int | None:
    """The handle of a lock that is now ours, or None."""
    with told(what):
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # A holder that ended removed the name: what was locked here is no longer the lock.
        if os.path.samestat(os.fstat(handle), path.stat()):
            return handle
    except (BlockingIOError, FileNotFoundError):
        pass
    except OSError as error:
        os.close(handle)
        raise refusal(what, f"no lock: {error.strerror}") from error
    os.close(handle)
    return None


def _busy(path: Path, what: Path) -> BusyError:
    holder = ""
    for _ in range(10):
        with suppress(OSError, ValueError):
            holder = path.read_text(encoding="utf-8").strip()
        if holder:
            break
        # Whoever has just taken it is about to write down who it is.
        time.sleep(0.01)
    return BusyError(
        "BUSY",
        str(what),
        f"{holder or 'another process'} is writing here. Wait for it, or choose another folder.",
    )
