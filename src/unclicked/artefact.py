"""Folders that are either whole or not there: written aside, hashed, published by one rename."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from unclicked import disk
from unclicked.errors import ArtefactError, BusyError, ResourceError, UserError
from unclicked.foreign import refuse_foreign
from unclicked.foreign import stranger as stranger
from unclicked.sealed import MANIFEST as MANIFEST
from unclicked.sealed import check_seal as check_seal
from unclicked.sealed import read_json as read_json
from unclicked.sealed import replace_json as replace_json
from unclicked.sealed import seal as seal
from unclicked.sealed import sha256_file as sha256_file
from unclicked.sealed import write_json as write_json

# Beside a folder NAME: it is being written, was moved aside for a moment, goes, has a writer.
_WRITING, _OLD, _GONE, _LOCK = (f"unclicked-{word}" for word in ("writing", "old", "gone", "lock"))

# Fills a new folder and returns facts for the manifest (such as `kind`).
Write = Callable[[Path], dict[str, Any]]


class Put(Protocol):
    """Publishes what a function writes, under the name that was claimed."""

    def __call__(self, write: Write, *, num_bytes: int = 0, same: bool = False) -> None:
        """Write, hash and let appear.

        Args:
            write: Fills a new folder and returns facts for the manifest (such as `kind`).
            num_bytes: How much it needs, where that is known, for the message of a full disk.
            same: Refuse to replace an artefact that is not the same.
        """


def publish(
    target: Path,
    write: Write,
    *,
    num_bytes: int = 0,
    wait_seconds: float = 0.1,
) -> None:
    """Write a folder aside and let it appear whole, with a manifest of every file's hash.

    Args:
        target: The folder to make; an older artefact of ours under that name is replaced.
        write: Fills a new folder and returns facts for the manifest (such as `kind`).
        num_bytes: How much it needs, where that is known, for the message of a full disk.
        wait_seconds: How long to wait for another writer of the same folder.

    Raises:
        ResourceError: If the disk refuses to write.
        UserError: If `target` holds something that is no artefact of ours.
        BusyError: If another process is writing it.
    """
    with claim(target, wait_seconds=wait_seconds) as put:
        put(write, num_bytes=num_bytes)


@contextmanager
def claim(target: Path, *, wait_seconds: float = 0.1) -> Iterator[Put]:
    """Be the one writer of an artefact, before the work that it takes to make it.

    Args:
        target: The folder to make.
        wait_seconds: How long to wait for another writer.

    Yields:
        What publishes the folder; without a call of it, all stays as it was.

    Raises:
        ResourceError: If the disk refuses to write.
        UserError: If `target` holds something that is no artefact of ours.
        BusyError: If another process is writing it.
    """
    target = Path(os.path.realpath(target))
    disk.refuse_held(target / ".lock", target)
    refuse_foreign(target)
    with disk.told(target):
        disk.make_folder(target.parent)
    with disk.hold(_aside(target, _LOCK), target, remove=True, wait_seconds=wait_seconds):
        temporary = _aside(target, _WRITING)
        with disk.told(target):
            _clean(target)
            # At once, so that a folder that cannot be written is said before the work.
            temporary.mkdir()
        try:
            yield lambda write, *, num_bytes=0, same=False: _put(
                target, temporary, write, num_bytes, same
            )
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _put(target: Path, temporary: Path, write: Write, num_bytes: int, same: bool) -> None:
    with disk.told(target, num_bytes):
        facts = write(temporary)
        inside = sorted(temporary.rglob("*"))
        files = [path for path in inside if path.is_file()]
        for path in files:
            disk.sync(path)
        listed = {
            path.relative_to(temporary).as_posix(): {
                "sha256": sha256_file(path),
                "bytes": path.stat().st_size,
            }
            for path in files
        }
        manifest = seal({**facts, "files": listed})
        refuse_foreign(target)
        if same and (target / MANIFEST).is_file() and read_json(target / MANIFEST) != manifest:
            raise UserError(
                "OUT",
                str(target),
                "holds another one than this (of other files or settings), which is kept. Give "
                "--overwrite (in Python, overwrite=True) to replace it, or choose another folder.",
            )
        write_json(temporary / MANIFEST, manifest)
        for path in (temporary / MANIFEST, *inside, temporary):
            if path not in files:
                disk.sync(path)
        _swap(temporary, target)
        disk.sync(target.parent)


def _aside(target: Path, word: str) -> Path:
    return target.with_name(f".{target.name}.{word}")


def _swap(temporary: Path, target: Path) -> None:
    # A rename goes over an empty folder; over a full one the two have to change places.
    if not target.exists() or not any(target.iterdir()):
        temporary.rename(target)
    elif not disk.exchange(temporary, target):
        old = _aside(target, _OLD)
        target.rename(old)
        try:
            temporary.rename(target)
        except OSError:
            old.rename(target)
            raise
        shutil.rmtree(old, ignore_errors=True)


def _clean(target: Path) -> None:
    """Remove what a writer left that was killed; the caller holds the lock."""
    old = _aside(target, _OLD)
    if old.exists() and not target.exists():
        old.rename(target)
    for word in (_WRITING, _OLD, _GONE):
        _remove(_aside(target, word))


def _remove(folder: Path) -> None:
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)


def remove(folder: Path) -> None:
    """Remove an artefact; its name goes first, so that nobody finds half of it.

    Args:
        folder: An artefact of which the caller is the one writer.

    Raises:
        ResourceError: If the disk refuses.
    """
    gone = _aside(folder, _GONE)
    with disk.told(folder):
        _remove(gone)
        folder.rename(gone)
    # What cannot be removed now bears no name that is read, and goes at the next start.
    shutil.rmtree(gone, ignore_errors=True)


def clean(parent: Path, names: Collection[str] | None = None) -> None:
    """Remove what killed writers left of artefacts in a folder.

    Args:
        parent: A folder of artefacts of which the caller is the one writer; it may be missing.
        names: Names of the artefacts that are the caller's, where others' lie there too.

    Raises:
        ResourceError: If the disk refuses.
    """
    if not parent.is_dir():
        return
    with disk.told(parent):
        for path in sorted(parent.iterdir()):
            name, _, word = path.name.removeprefix(".").rpartition(".")
            if not path.name.startswith(".") or not name:
                continue
            if names is not None and name not in names:
                continue
            if word in (_WRITING, _OLD, _GONE):
                _clean(parent / name)
            elif word == _LOCK:
                path.unlink()


def verify(folder: Path, kind: str, only: Collection[str] | None = None) -> dict[str, Any]:
    """Check a folder against its manifest before anything in it is used.

    Args:
        folder: An artefact.
        kind: The kind of artefact expected.
        only: Names of the files that will be used; all of them without.

    Returns:
        The manifest.

    Raises:
        ArtefactError: If the folder, its manifest or a file is missing, changed or of another kind.
    """
    recover(folder)
    if not folder.is_dir():
        raise ArtefactError("ARTEFACT-MISSING", str(folder), f"is no folder; expected a {kind}.")
    manifest = read_json(folder / MANIFEST)
    if not isinstance(manifest, dict):
        raise ArtefactError("ARTEFACT-JSON", str(folder / MANIFEST), "is no JSON object.")
    if manifest.get("kind") != kind:
        found = f"is a {manifest.get('kind')}, expected a {kind}."
        raise ArtefactError("ARTEFACT-KIND", str(folder / MANIFEST), found)
    check_seal(folder / MANIFEST, manifest)
    files = manifest.get("files")
    if not isinstance(files, dict) or not all(isinstance(one, dict) for one in files.values()):
        raise ArtefactError("ARTEFACT-JSON", str(folder / MANIFEST), "lists no files.")
    inside = os.path.realpath(folder)
    for name in files if only is None else only:
        path, facts = folder / name, files.get(name, {})
        if "\0" in name or not Path(os.path.realpath(path)).is_relative_to(inside):
            raise ArtefactError("ARTEFACT-FILE", str(path), "lies outside of the folder.")
        if not path.is_file() or path.stat().st_size != facts.get("bytes"):
            raise ArtefactError("ARTEFACT-FILE", str(path), "is missing or cut. Make it anew.")
        if sha256_file(path) != facts.get("sha256"):
            raise ArtefactError("ARTEFACT-HASH", str(path), "was changed. Make it anew.")
    return manifest


def recover(folder: Path) -> None:
    """Undo half of a replacement, which only a file system without an exchange can leave.

    Args:
        folder: An artefact; it may be missing.
    """
    target = Path(os.path.realpath(folder))
    until = time.monotonic() + 2.0
    while not target.exists() and _aside(target, _OLD).exists() and time.monotonic() < until:
        # Whoever holds the lock is between its two renames; a dead writer holds none.
        with suppress(BusyError, ResourceError), claim(target):
            return
        time.sleep(0.02)


def lock(folder: Path) -> AbstractContextManager[None]:
    """Hold a folder for one writer; the system frees it when the process ends.

    Args:
        folder: An existing folder.

    Returns:
        What holds the lock inside a `with` block; it raises a BusyError if another process holds
        it, whose message names that process and its host.
    """
    return disk.hold(folder / ".lock", folder)


def refuse_busy(folder: Path) -> None:
    """Look whether somebody writes a folder or into it, before anything is loaded.

    Args:
        folder: A folder; it may be missing.

    Raises:
        BusyError: If another process does; the message names that process and its host.
    """
    for path in (folder / ".lock", _aside(Path(os.path.realpath(folder)), _LOCK)):
        disk.refuse_held(path, folder)
