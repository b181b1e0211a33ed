"""Tables in memory where a file is expected: written as Parquet for as long as the work takes."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

import pyarrow as pa
from pyarrow import parquet

from unclicked import disk
from unclicked.errors import UnclickedError, UserError

PART_ROWS = 1 << 20
# What pandas calls an index that has no name.
_INDEX = re.compile(r"__index_level_\d+__")


@runtime_checkable
class InMemory(Protocol):
    """A table that says what it holds by Arrow: of pandas 2.2, polars, pyarrow, DuckDB."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Its rows."""


Table: TypeAlias = str | os.PathLike[str] | InMemory


@contextmanager
def as_files(given: Mapping[str, Table | None]) -> Iterator[dict[str, Path | None]]:
    """Paths of tables; what lies in memory is a Parquet file while the block runs.

    Args:
        given: A path, a table in memory or None, by the name that messages shall use.

    Yields:
        Paths by the same names; None stays.

    Raises:
        UserError: Something is neither a path nor such a table, or Parquet cannot hold a column.
        ResourceError: The disk refuses to write; files go where temporary ones go (TMPDIR).
        UnclickedError: Whatever the block raises; where it names a file of ours, by the name of
            the table.

    Example:
        >>> import pyarrow as pa
        >>> with as_files({"log": pa.table({"user_id": [1]}), "items": None}) as paths:
        ...     print(paths["log"].name, paths["items"])
        log.parquet None
    """
    paths = {name: _given_path(name, table) for name, table in given.items()}
    in_memory = {name: one for name, one in given.items() if isinstance(one, InMemory)}
    with ExitStack() as stack:
        if in_memory:
            with disk.told(Path(os.environ.get("TMPDIR", "/tmp"))):
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="unclicked-"))
            ours = {name: Path(folder) / f"{name}.parquet" for name in in_memory}
            for name, table in in_memory.items():
                _write(table, name, ours[name])
            paths |= ours
            stack.enter_context(_named(ours))
        yield paths


def _given_path(name: str, table: Table | None) -> Path | None:
    if table is None or isinstance(table, InMemory):
        return None
    if not isinstance(table, str | os.PathLike):
        raise UserError(
            "DATA-TABLE",
            name,
            f"found {type(table).__name__}, expected a path or a table in memory: of pandas from "
            "2.2 on, polars, pyarrow or DuckDB.",
        )
    return Path(table)


@contextmanager
def _named(ours: Mapping[str, Path]) -> Iterator[None]:
    """Errors name tables in place of our files."""
    try:
        yield
    except UnclickedError as error:
        where, message = error.where, error.message
        for name, path in ours.items():
            where, message = (text.replace(str(path), name) for text in (where, message))
        if (where, message) == (error.where, error.message):
            raise
        raise type(error)(error.name, where, message) from None


def _write(table: Any, name: str, path: Path) -> None:
    """Write a table in parts: not all of it needs to be there a second time."""
    try:
        reader = pa.RecordBatchReader.from_stream(table)
        wanted = [field.name for field in reader.schema if not _INDEX.fullmatch(field.name)]
        schema = pa.schema([_storable(reader.schema.field(one)) for one in wanted])
        _refuse_unstorable(schema, name)
        with disk.told(path):
            writer = parquet.ParquetWriter(path, schema)
        try:
            for rows in _in_parts(reader, wanted, schema):
                with disk.told(path):
                    writer.write_table(rows)
        finally:
            with disk.told(path):
                writer.close()
    except (pa.ArrowException, ValueError, TypeError, KeyError, OSError) as error:
        reason = " ".join(" ".join(map(str, error.args)).split()).rstrip(".")
        raise UserError("DATA-TABLE", name, f"cannot be read ({reason}).") from None


def _in_parts(reader: Any, wanted: Sequence[str], schema: pa.Schema) -> Iterator[pa.Table]:
    """Rows in parts of about a million, whatever the pieces are that a table consists of."""
    held: list[pa.Table] = []
    count = 0
    for batch in reader:
        columns = [_stored(batch.column(one)) for one in wanted]
        held.append(pa.Table.from_arrays(columns, schema=schema))
        count += len(batch)
        if count >= PART_ROWS:
            yield pa.concat_tables(held)
            held, count = [], 0
    if held:
        yield pa.concat_tables(held)


def _storable(field: pa.Field) -> pa.Field:
    """The field as it is stored: a dictionary of views, as polars has them, holds plain text."""
    kind = field.type
    if pa.types.is_dictionary(kind) and pa.types.is_string_view(kind.value_type):
        return field.with_type(pa.string())
    return field.remove_metadata()


def _stored(column: pa.Array) -> pa.Array:
    kind = column.type
    if pa.types.is_dictionary(kind) and pa.types.is_string_view(kind.value_type):
        return column.dictionary.cast(pa.string()).take(column.indices)
    return column


def _refuse_unstorable(schema: pa.Schema, name: str) -> None:
    """Parquet has no place for some types, and its own message says nothing of the column."""
    for field in schema:
        try:
            parquet.write_table(pa.schema([field]).empty_table(), pa.BufferOutputStream())
        except pa.ArrowException:
            raise UserError(
                "DATA-TABLE",
                f'{name} column "{field.name}"',
                f"found {field.type}, which Parquet cannot hold. Convert it or leave it out.",
            ) from None


def named(log: Any) -> dict[str, Table]:
    """One table or several, each with a name.

    Args:
        log: A path, a table in memory, or several of these.

    Returns:
        Tables by name: `log`, or `log-1`, `log-2` and so on.

    Raises:
        UserError: It is none of these.

    Example:
        >>> list(named(["a.parquet", "b.parquet"]))
        ['log-1', 'log-2']
    """
    if isinstance(log, str | os.PathLike | InMemory):
        return {"log": log}
    # A mapping, and a table that is too old for Arrow, would give its columns for files.
    if isinstance(log, Mapping) or hasattr(log, "columns") or not isinstance(log, Iterable):
        raise UserError(
            "DATA-TABLE",
            "log",
            f"found {type(log).__name__}, expected a path, a table in memory (of pandas from 2.2 "
            "on, polars, pyarrow or DuckDB), or a list of these.",
        )
    return {f"log-{number}": one for number, one in enumerate(log, start=1)}
