"""JSON files of ours, and hashes by which a change of a file is found."""

from __future__ import annotations

import hashlib
import json
import shlex
import stat
from itertools import islice
from pathlib import Path
from typing import Any

from unclicked import disk
from unclicked.errors import ArtefactError, UserError

# What folders are called by people, and the command that makes one.
DATASET, RUN, BUNDLE = "data set", "run", "bundle"
DATASET_KIND, BUNDLE_KIND = "unclicked prepared data set", "unclicked bundle"
_MAKERS = {
    DATASET: "unclicked prepare LOG --out",
    RUN: "unclicked train DATASET --out",
    BUNDLE: "unclicked export RUN --out",
}
# What to do with one of them where another is needed.
_ADVICE = {
    (RUN, BUNDLE): "Export it first: unclicked export {folder} --out BUNDLE",
    (DATASET, BUNDLE): (
        "Train on it, then export the run: unclicked train {folder} --out RUN, "
        "unclicked export RUN --out BUNDLE"
    ),
    (DATASET, RUN): "Train on it first: unclicked train {folder} --out RUN",
    (BUNDLE, RUN): "Give the run that it was exported from.",
}
MANIFEST = "manifest.json"
_MOST_LOOKED_AT, _NAMED = 200, 3
SEAL = "sha256"
MOST_BYTES = 32 * 2**20


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
    path.write_text(_json(content) + "\n", encoding="utf-8")


def _json(content: Any) -> str:
    return json.dumps(content, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False)


def read_json(path: Path) -> Any:
    """Read a JSON file of ours.

    Args:
        path: The file.

    Returns:
        Its content.

    Raises:
        ArtefactError: If it is missing, no JSON, or far longer than any of ours.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > MOST_BYTES:
            found = f"is no file of at most {MOST_BYTES:,} bytes."
            raise ArtefactError("ARTEFACT-JSON", str(path), found)
        return json.loads(
            path.read_text(encoding="utf-8"), object_pairs_hook=_distinct, parse_constant=_refuse
        )
    except FileNotFoundError:
        raise ArtefactError("ARTEFACT-MISSING", str(path), "is not there.") from None
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        raise ArtefactError("ARTEFACT-JSON", str(path), f"cannot be read ({error}).") from None


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Readers differ in which of two equal keys they take, so there may be only one."""
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key stands there twice")
    return result


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no number")


def seal(content: dict[str, Any]) -> dict[str, Any]:
    """Content with its own hash, so that a change of it is found.

    Args:
        content: What `json` can hold, without the key `sha256`.

    Returns:
        The same with the hash.
    """
    return {**content, SEAL: _hash(content)}


def _hash(content: dict[str, Any]) -> str:
    # What a reader will see: JSON has text keys alone, and knows no tuples.
    seen = json.loads(_json({name: value for name, value in content.items() if name != SEAL}))
    return hashlib.sha256(_json(seen).encode()).hexdigest()


def check_seal(path: Path, content: dict[str, Any]) -> None:
    """Check content against the hash within.

    Args:
        path: Where it was read.
        content: What `seal` gave and a file held.

    Raises:
        ArtefactError: If it was changed.
    """
    try:
        expected = _hash(content)
    except (ValueError, RecursionError):
        expected = "none that could be written"
    if content.get(SEAL) != expected:
        found = "was changed" if SEAL in content else "holds no hash of itself"
        raise ArtefactError("ARTEFACT-HASH", str(path), f"{found}. Make it anew.")


def replace_json(path: Path, content: dict[str, Any]) -> None:
    """Write sealed JSON so that a reader finds the old file or the new one.

    Args:
        path: The file.
        content: What to write.

    Raises:
        ResourceError: If the disk refuses to write.
    """
    temporary = path.with_name(f"{path.name}.tmp")
    with disk.told(path):
        write_json(temporary, seal(content))
        disk.sync(temporary)
        temporary.replace(path)
        disk.sync(path.parent)


def refuse_mistaken(folder: Path, expected: str) -> None:
    """Refuse what is a slip of the hand, not a damage: a path without a folder, the other kind.

    Args:
        folder: What was given.
        expected: `DATASET`, `RUN` or `BUNDLE`.

    Raises:
        UserError: If there is no folder of that name, or it holds another of the three.
        ArtefactError: If it holds none of them, where a data set or a bundle is expected.
    """
    make = _MAKERS[expected]
    if not folder.is_dir():
        found = "is a file" if folder.exists() else "is not there"
        # A file's own name is no name for a folder.
        one = f"{make} {'FOLDER' if folder.exists() else shlex.quote(str(folder))}"
        raise UserError(
            "ARTEFACT-MISSING",
            str(folder),
            f"{found}, expected the folder of a {expected}. Make one: {one}",
        )
    for other in _MAKERS:
        if other != expected and holds(folder, other):
            usual = f"Give a {expected}, as `{make} FOLDER` makes."
            advice = _ADVICE.get((other, expected), usual)
            advice = advice.format(folder=shlex.quote(str(folder)))
            raise UserError(
                "ARTEFACT-KIND", str(folder), f"is a {other}, not a {expected}. {advice}"
            )
    # A run may still be in the making; its reader says what is missing.
    if expected != RUN and _is_missing(folder / MANIFEST):
        raise ArtefactError(
            "ARTEFACT-MISSING",
            str(folder / MANIFEST),
            f"is not there, so this is no whole {expected}{_within(folder, expected)} "
            f"Make one: {make} FOLDER",
        )


def _is_missing(path: Path) -> bool:
    """Whether nothing has that name; what cannot be looked at may be there."""
    try:
        path.lstat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


def _within(folder: Path, expected: str) -> str:
    """What else can be said of a folder without a manifest."""
    if not any(folder.iterdir()):
        return ", but an empty folder."
    below = (path for depth in ("*", "*/*") for path in folder.glob(f"{depth}/{MANIFEST}"))
    found = [path.parent for path in islice(below, _MOST_LOOKED_AT) if holds(path.parent, expected)]
    few = " or ".join(map(str, sorted(found)[:_NAMED]))
    return f". Did you mean {few}?" if found else "."


def holds(folder: Path, kind: str) -> bool:
    """Whether a folder looks like a data set, a run or a bundle, whole or not.

    Args:
        folder: A folder; it may be missing.
        kind: `DATASET`, `RUN` or `BUNDLE`.

    Returns:
        True where it does.
    """
    if kind == RUN:
        return (folder / "run.json").is_file()
    try:
        manifest = read_json(folder / MANIFEST)
    except ArtefactError:
        return False
    return isinstance(manifest, dict) and manifest.get("kind") == (
        DATASET_KIND if kind == DATASET else BUNDLE_KIND
    )
