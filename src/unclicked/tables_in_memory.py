"""Tables in memory where a file is expected: written as Parquet for as long as the work takes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

from unclicked import disk
from unclicked.errors import UnclickedError, UserError

_STREAM = "__arrow_c_stream__"


@runtime_checkable
class InMemory(Protocol):
    """A table that says what it holds by Arrow: of pandas 2.2, polars, pyarrow, DuckDB."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Its rows."""


Table: TypeAlias = str | Path | InMemory


@contextmanager
def as_files(given: Mapping[str, Table | None]) -> Iterator[dict[str, Path | None]]:
    """Paths of tables; what lies in memory is a Parquet file while the block runs.

    Args:
        given: A path, a table in memory or None, by the name that messages shall use.

    Yields:
        Paths by the same names; None stays.

    Raises:
        UserError: Something is neither a path nor such a table, or Parquet cannot hold a column.
        ResourceError: The disk refuses to write.
        UnclickedError: Whatever the block raises; where it names a file of ours, by the name of
            the table.

    Example:
        >>> import pyarrow as pa
        >>> with as_files({"log": pa.table({"user_id": [1]}), "items": None}) as paths:
        ...     print(paths["log"].name, paths["items"])
        log.parquet None
    """
    with tempfile.TemporaryDirectory(prefix="unclicked-") as place:
        folder = Path(place)
        paths = {name: _path(folder, name, table) for name, table in given.items()}
        try:
            yield paths
        except UnclickedError as error:
            where, message = (
                _without(folder, paths, text) for text in (error.where, error.message)
            )
            if (where, message) == (error.where, error.message):
                raise
            raise type(error)(error.name, where, message) from None


def _path(folder: Path, name: str, table: Table | None) -> Path | None:
    if table is None or isinstance(table, str | Path):
        return None if table is None else Path(table)
    if not isinstance(table, InMemory):
        raise UserError(
            "DATA-TABLE",
            name,
            f"found {type(table).__name__}, expected a path or a table in memory: of pandas from "
            "2.2 on, polars, pyarrow or DuckDB.",
        )
    path = folder / f"{name}.parquet"
    _write(table, name, path)
    return path


def _write(table: InMemory, name: str, path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        # In parts: not all of it needs to be there a second time.
        reader = pa.RecordBatchReader.from_stream(table)
        with disk.told(path), parquet.ParquetWriter(path, reader.schema) as writer:
            for batch in reader:
                writer.write_batch(batch)
    except pa.ArrowException as error:
        raise UserError("DATA-TABLE", name, f"cannot be stored: {_reason(error)}.") from None


def _reason(error: Exception) -> str:
    """What Arrow said, in one line; it names the column."""
    return " ".join(str(part).strip().rstrip(".") for part in error.args).replace("\n", " ")


def _without(folder: Path, paths: Mapping[str, Path | None], text: str) -> str:
    """A text with the names of tables in place of the paths of our files."""
    for name, path in paths.items():
        if path is not None and path.parent == folder:
            text = text.replace(str(path), name)
    return text


def named(log: Any) -> dict[str, Table]:
    """One table or several, each with a name.

    Args:
        log: A path, a table in memory, or a sequence of these.

    Returns:
        Tables by name: `log`, or `log-1`, `log-2` and so on.

    Raises:
        UserError: It is none of these.

    Example:
        >>> list(named(["a.parquet", "b.parquet"]))
        ['log-1', 'log-2']
    """
    if isinstance(log, str | Path | InMemory):
        return {"log": log}
    # A mapping, and a table that is too old for Arrow, would give its columns for files.
    if isinstance(log, Mapping) or hasattr(log, "columns") or not isinstance(log, Iterable):
        raise UserError(
            "DATA-TABLE",
            "log",
            f"found {type(log).__name__}, expected a path, a table in memory, or a list of these.",
        )
    return {f"log-{number}": one for number, one in enumerate(log, start=1)}
