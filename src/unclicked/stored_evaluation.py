"""What a judged run keeps of its users: published together, and read back whole or not at all."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from unclicked import artefact
from unclicked.errors import ArtefactError

KIND = "unclicked evaluation"
FOLDER = "evaluation"
# Another split may be published by another process at the same moment.
_WAIT_SECONDS = 60.0
_TRIES = 3


def store(
    run: Path,
    split: str,
    summary: dict[str, Any],
    table: pa.Table,
    warn: Callable[[str], None] = lambda text: None,
) -> None:
    """Keep an evaluation as `evaluation/SPLIT.json` and `evaluation/SPLIT.parquet`.

    Args:
        run: Folder of the run.
        split: `validation` or `test`.
        summary: The means and facts.
        table: One row for each user.
        warn: Called with a sentence where the other split's evaluation is broken and left out.

    Raises:
        ResourceError: If the disk refuses to write; what was there stays.
    """
    target = run / FOLDER

    def write(folder: Path) -> dict[str, Any]:
        for name in _others(target, split, warn):
            shutil.copyfile(target / name, folder / name)
        pq.write_table(table, folder / f"{split}.parquet", write_page_checksum=True)
        artefact.write_json(folder / f"{split}.json", summary)
        return {"kind": KIND}

    artefact.publish(target, write, num_bytes=table.nbytes, wait_seconds=_WAIT_SECONDS)


def _others(target: Path, split: str, warn: Callable[[str], None]) -> list[str]:
    """Files of the other split, which go along so that the folder appears at once."""
    if not (target / artefact.MANIFEST).exists():
        return []
    try:
        files = artefact.verify(target, KIND)["files"]
    except ArtefactError as error:
        warn(f"{error} The earlier evaluations of this run are left out.")
        return []
    return [name for name in files if Path(name).stem != split]


def is_stored(run: Path, split: str) -> bool:
    """Whether a run was judged on a split.

    Args:
        run: Folder of the run.
        split: `validation` or `test`.

    Returns:
        True if there are files.
    """
    artefact.recover(run / FOLDER)
    return all((run / FOLDER / f"{split}{end}").is_file() for end in (".json", ".parquet"))


def stored_lengths(run: Path, split: str) -> tuple[int, ...]:
    """List lengths of an evaluation that is there.

    Args:
        run: Folder of the run.
        split: `validation` or `test`.

    Returns:
        The lengths; empty where there is no evaluation of that split that can be read.
    """
    name = f"{split}.json"
    try:
        artefact.verify(run / FOLDER, KIND, [name])
        summary = artefact.read_json(run / FOLDER / name)
    except ArtefactError:
        return ()
    found = summary.get("top_k") if isinstance(summary, dict) else None
    return tuple(k for k in found or () if type(k) is int and k > 0)


def load(run: Path, split: str) -> tuple[dict[str, Any], pa.Table]:
    """Read an evaluation.

    Args:
        run: Folder of the run.
        split: `validation` or `test`.

    Returns:
        The means and facts, and one row for each user.

    Raises:
        ArtefactError: If a file is missing, broken, changed or of another evaluation.
    """
    folder = run / FOLDER
    for _ in range(_TRIES):
        files = artefact.verify(folder, KIND)["files"]
        found = {}
        for name in (f"{split}.json", f"{split}.parquet"):
            content = (folder / name).read_bytes() if (folder / name).is_file() else b""
            if hashlib.sha256(content).hexdigest() == files.get(name, {}).get("sha256"):
                found[name] = content
        if len(found) == 2:
            return _parsed(folder / f"{split}.json", *found.values())
        # Between two looks at the folder another evaluation appeared.
    raise ArtefactError("ARTEFACT-FILE", str(folder / f"{split}.parquet"), "is not there.")


def _parsed(where: Path, text: bytes, rows: bytes) -> tuple[dict[str, Any], pa.Table]:
    try:
        summary = json.loads(text)
        table = pq.read_table(BytesIO(rows), page_checksum_verification=True)
    except (OSError, ValueError, RecursionError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0]
        raise ArtefactError("EVALUATION", str(where), f"could not be read ({reason}).") from None
    if not isinstance(summary, dict):
        raise ArtefactError("EVALUATION", str(where), "is no JSON object.")
    return summary, table
