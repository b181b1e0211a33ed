"""The Parquet file of everybody's lists: how it was made, and how blocks become one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from unclicked import disk

_RUN = b"unclicked.recommendations"
_SETTINGS = b"unclicked.recommendations.settings"


def is_lists_file(path: Path) -> bool:
    """Whether a file holds lists of ours.

    Args:
        path: A file; it may be missing or anything else.

    Returns:
        True if so.
    """
    return _RUN in _metadata(path)


def stamp(table: pa.Table, run: str, settings: Mapping[str, str]) -> pa.Table:
    """A block of lists with what a later call wants to know of it.

    Args:
        table: The lists.
        run: Name of the run they are of.
        settings: What was asked, as people spell it.

    Returns:
        The table with these facts.
    """
    text = json.dumps(dict(settings), ensure_ascii=False)
    return table.replace_schema_metadata({_RUN: run.encode(), _SETTINGS: text.encode()})


def made_otherwise(path: Path, run: str, settings: Mapping[str, str]) -> list[str]:
    """What differs between the lists in a file and those that will take their place.

    Args:
        path: The file; it may be missing.
        run: Name of the run now.
        settings: What is asked now, as people spell it.

    Returns:
        A text for each difference, such as `--top-k 10 there, 5 now`; of a file that does not tell
        its settings only the run's name is compared.
    """
    found = _metadata(path)
    if _RUN not in found:
        return []
    try:
        there = json.loads(found.get(_SETTINGS, b"{}"))
    except ValueError:
        there = {}
    old = {"run": found[_RUN].decode(errors="replace")}
    old |= there if isinstance(there, dict) else {}
    now = {"run": run, **settings}
    return [
        f"{name} {old[name]} there, {now[name]} now"
        for name in now
        if name in old and old[name] != now[name]
    ]


def _metadata(path: Path) -> dict[bytes, bytes]:
    try:
        return dict(pq.read_schema(path).metadata or {})
    except (OSError, pa.ArrowException):
        return {}


def join_blocks(parts: Path, out: Path, begins: Sequence[int]) -> tuple[int, int]:
    """Make one file from all blocks; it appears whole.

    Args:
        parts: Folder of the blocks.
        out: The file to make.
        begins: Number of the first user of each block, in order, which names it.

    Returns:
        How many rows the file has, and how many users in it have the fallback.
    """
    temporary, rows, fallbacks = parts / "whole.tmp", 0, 0
    paths = [parts / f"{begin:012d}.parquet" for begin in begins]
    with pq.ParquetWriter(temporary, pq.read_schema(paths[0]), compression="zstd") as writer:
        for path in paths:
            table = pq.read_table(path, page_checksum_verification=True)
            writer.write_table(table)
            rows += len(table)
            first = np.asarray(table["rank"]) == 1
            fallbacks += int(np.asarray(table["fallback"])[first].sum())
    disk.sync(temporary)
    temporary.replace(out)
    disk.sync(out.parent)
    return rows, fallbacks
