"""KuaiRand-1K and -27K: releases too long to be held at once, written some lines at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from unclicked.errors import UserError
from unclicked.sources.imported_log import LogWriter
from unclicked.sources.kuairand_releases import Release, file_beside
from unclicked.sources.kuairand_tables import (
    ITEM_SCHEMA,
    USER_FIELDS,
    read_items,
    read_log,
    read_users,
)


def write_long(folder: Path, release: Release, logs: list[Path], label: str) -> dict[str, Any]:
    """Writes the tables of a release in the order of its files.

    Args:
        folder: Folder to write into.
        release: Which one it is.
        logs: Its logs in the order of time.
        label: Column that counts as a click.

    Returns:
        What was counted, and the names of the files that were read.

    Raises:
        UserError: A file or column is missing or broken, or the logs hold no line.
    """
    item_path, user_path = (file_beside(logs[0], name, release) for name in release.tables)
    with LogWriter(folder / "impressions.parquet", pa.int64()) as writer:
        for path in logs:
            for batch in read_log(path, label):
                writer.write({name: batch[name] for name in batch.column_names})
    if not writer.rows:
        raise UserError("IMPORT-EMPTY", str(logs[0]), "found no line. Fetch the files again.")
    missing = _write_items(folder / "items.parquet", item_path, writer.items())
    pq.write_table(read_users(user_path), folder / "users.parquet")
    counts = writer.counts()
    return {
        "rows": counts["rows"],
        "log_rows": counts["rows"],
        "history_rows": 0,
        "repeated_lines": counts["repeated_lines"],
        "exact_copies": counts["exact_copies"],
        "users": counts["users"],
        "items": counts["items"],
        "clicked_share": counts["clicked_share"],
        "items_without_fields": missing,
        "user_fields": list(USER_FIELDS),
        "files": [path.name for path in (*logs, item_path, user_path)],
    }


def _write_items(out: Path, source: Path, shown: pa.Array) -> int:
    """Writes the table of the videos; returns how many of those shown (ascending) it lacks."""
    ids = np.asarray(shown)
    found = np.zeros(len(ids), dtype=np.bool_)
    with pq.ParquetWriter(out, ITEM_SCHEMA) as writer:
        for batch in read_items(source):
            writer.write_table(batch)
            known = np.asarray(batch["item_id"])
            places = np.minimum(np.searchsorted(ids, known), len(ids) - 1)
            found[places[ids[places] == known]] = True
    return int(len(ids) - found.sum())
