"""The Python interface of preparing: from files or tables in memory to a prepared data set."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from unclicked.data import prepare as preparation
from unclicked.data.dataset import PreparedDataset
from unclicked.settings import resolve
from unclicked.tables_in_memory import Table, as_files, named


def prepare(
    log: Table | Iterable[Table],
    *,
    out: str | Path,
    items: Table | None = None,
    users: Table | None = None,
    config: Mapping[str, Any] | None = None,
    on_bad_row: str = "fail",
    beside: PreparedDataset | None = None,
    overwrite: bool = False,
    memory: str | None = None,
) -> PreparedDataset:
    """Turn an impression log into a prepared data set.

    Args:
        log: Parquet or CSV file or folder, or a table in memory (pandas from 2.2 on, polars,
            pyarrow, DuckDB), or several.
        out: Folder to make.
        items: Table of items, if there is one, as a file or in memory.
        users: Table of users, if there is one, as a file or in memory.
        config: Settings of the `[data]` table, nested.
        on_bad_row: "fail" or "quarantine".
        beside: An earlier data set; `log` is its next days, and its rules are kept where `config`
            says nothing else.
        overwrite: Whether another data set in `out` may be replaced; the same one always may.
        memory: About how much memory to take, as "1GiB"; the data set is the same, byte for byte.

    Returns:
        The data set, opened.

    Raises:
        UserError: If the input cannot be used.
        ArtefactError: If a file is broken.
        ResourceError: If the disk refuses to write.
        BusyError: If another process prepares the same folder.
    """
    kept = {} if beside is None else beside.config.model_dump()
    data = resolve({"data": kept}, {"data": dict(config or {})}).data
    logs = named(log)
    given = {**logs, "items": items, "users": users}
    with as_files(given) as paths:
        return preparation.prepare(
            [path for name, path in paths.items() if name in logs and path is not None],
            Path(out),
            items=paths["items"],
            users=paths["users"],
            config=data,
            on_bad_row=on_bad_row,
            beside=beside,
            overwrite=overwrite,
            memory=memory,
            names={
                path: name
                for name, path in paths.items()
                if path is not None and not isinstance(given[name], str | os.PathLike)
            },
        )
