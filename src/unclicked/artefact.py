"""Folders that are either whole or not there: written aside, hashed, published by one rename."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from unclicked.errors import ArtefactError, BusyError, ResourceError, UserError

MANIFEST = "manifest.json"


def sha256_file(path: Path) -> str:
    """Hash of a file's bytes.

    Args:
        path: A readable file.

    Returns:
        64 hexadecimal digits.
    """
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_json(path: Path, content: Any) -> None:
    """Write JSON with sorted keys, so that equal content is equal bytes.

    Args:
        path: Where to write.
        content: What `json` can hold; NaN and infinity are refused.
    """
    text = json.dumps(content, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read a JSON file of ours.

    Args:
        path: The file.

    Returns:
        Its content.

    Raises:
        ArtefactError: If it is missing or no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ArtefactError("ARTEFACT-MISSING", str(path), "is not there.") from None
    except (OSError, ValueError) as error:
        raise ArtefactError("ARTEFACT-JSON", str(path), f"cannot be read ({error}).") from None


def publish(target: Path, write: Callable[[Path], dict[str, Any]]) -> None:
    """Write a folder aside and let it appear whole, with a manifest of every file's hash.

    Args:
        target: The folder to make; an older artefact of ours under that name is replaced.
        write: Fills a new folder and returns facts for the manifest (such as `kind`).

    Raises:
        ResourceError: If the disk refuses to write.
        UserError: If `target` holds something that is no artefact of ours.
    """
    _refuse_foreign(target)
    temporary = target.with_name(f".{target.name}.writing-{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(target)
        temporary.mkdir()
        facts = write(temporary)
        files = {
            str(path.relative_to(temporary)): {
                "sha256": sha256_file(path),
                "bytes": path.stat().st_size,
            }
            for path in sorted(temporary.rglob("*"))
            if path.is_file()
        }
        for name in files:
            _sync(temporary / name)
        write_json(temporary / MANIFEST, {**facts, "files": files})
        _sync(temporary / MANIFEST)
        _sync(temporary)
        _swap(temporary, target)
        _sync(target.parent)
    except OSError as error:
        raise ResourceError("DISK", str(target), f"cannot be written ({error}).") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _refuse_foreign(target: Path) -> None:
    if not target.exists():
        return
    if not target.is_dir() or (any(target.iterdir()) and not (target / MANIFEST).is_file()):
        raise UserError(
            "OUT", str(target), "holds something else and is not replaced. Choose another folder."
        )


def _remove_leftovers(target: Path) -> None:
    prefix = f".{target.name}."
    for path in target.parent.iterdir():
        if not path.name.startswith(prefix):
            continue
        word, _, pid = path.name.removeprefix(prefix).partition("-")
        if word in {"writing", "old"} and pid.isdigit() and not _alive(int(pid)):
            shutil.rmtree(path, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _swap(temporary: Path, target: Path) -> None:
    if not target.exists():
        temporary.rename(target)
        return
    old = target.with_name(f".{target.name}.old-{os.getpid()}")
    target.rename(old)
    temporary.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def verify(folder: Path, kind: str) -> dict[str, Any]:
    """Check a folder against its manifest before anything in it is used.

    Args:
        folder: An artefact.
        kind: The kind of artefact expected.

    Returns:
        The manifest.

    Raises:
        ArtefactError: If the folder, its manifest or a file is missing, changed or of another kind.
    """
    if not folder.is_dir():
        raise ArtefactError("ARTEFACT-MISSING", str(folder), f"is no folder; expected a {kind}.")
    manifest = read_json(folder / MANIFEST)
    if not isinstance(manifest, dict) or manifest.get("kind") != kind:
        found = manifest.get("kind") if isinstance(manifest, dict) else None
        raise ArtefactError("ARTEFACT-KIND", str(folder), f"is a {found}, expected a {kind}.")
    files = manifest.get("files")
    if not isinstance(files, dict) or not all(isinstance(one, dict) for one in files.values()):
        raise ArtefactError("ARTEFACT-JSON", str(folder / MANIFEST), "lists no files.")
    for name, facts in files.items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != facts.get("bytes"):
            raise ArtefactError("ARTEFACT-FILE", str(path), "is missing or cut. Make it anew.")
        if sha256_file(path) != facts.get("sha256"):
            raise ArtefactError("ARTEFACT-HASH", str(path), "was changed. Make it anew.")
    return manifest


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Hold a folder for one writer; the system frees it when the process ends.

    Args:
        folder: An existing folder.

    Yields:
        Nothing; the lock is held inside the block.

    Raises:
        BusyError: If another process holds it; the message names that process and its host.
    """
    path = folder / ".lock"
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = path.read_text(encoding="utf-8").strip() or "another process"
            raise BusyError("BUSY", str(folder), f"{holder} is writing here.") from None
        os.ftruncate(handle, 0)
        os.write(handle, f"process {os.getpid()} on {socket.gethostname()}".encode())
        yield
    finally:
        os.close(handle)
