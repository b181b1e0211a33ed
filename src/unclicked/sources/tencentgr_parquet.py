"""TencentGR as republished in Parquet: folders `seq`, `user_feat` and `item_feat`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from unclicked.errors import UserError
from unclicked.sources.published_parquet import flatten
from unclicked.sources.tencentgr_events import (
    EVENT_FIELDS,
    ID_RULE,
    Events,
    table_schema,
    wrong_value,
)

BATCH_ROWS: Final = 1 << 12


def read_sequences(paths: Sequence[Path], events: Events) -> None:
    """Reads the users' sequences: column user_id, and seq, a list of events.

    Args:
        paths: Files of the folder `seq`.
        events: Takes the events.

    Raises:
        UserError: A file is broken, a column is missing or of another type, or a value cannot
            stand.
    """
    for path in paths:
        row = 0
        for batch in _batches(path):
            _add(batch, row, path, events)
            row += batch.num_rows


def read_features(
    paths: Sequence[Path], key: str, wanted: tuple[str, ...], left: tuple[str, ...]
) -> pa.Table:
    """Reads the features of users or items.

    Args:
        paths: Files of the folder `user_feat` or `item_feat`.
        key: `user_id` or `item_id`.
        wanted: Features to be read, where a file has them.
        left: Features that may be there and are left.

    Returns:
        The column of the key and one for each wanted feature.

    Raises:
        UserError: A file is broken, or a column is missing, unknown or of another type.
    """
    schema = table_schema(key, wanted)
    parts = [schema.empty_table()]
    for path in paths:
        try:
            found = pq.read_schema(path)
            names = _check_features(path, found, key, wanted, left)
            table = pq.read_table(path, columns=[key, *names], partitioning=None)
            table = table.cast(pa.schema(dict.fromkeys(table.column_names, pa.int64())))
        except (pa.ArrowException, OSError) as error:
            raise _no_parquet(path, error) from error
        if table[key].null_count:
            row = table[key].is_null().index(pa.scalar(True)).as_py()
            message = "found nothing, expected an integer. Fetch the file again."
            raise UserError("IMPORT-VALUE", f"{path} row {row} column '{key}'", message)
        missing = pa.nulls(table.num_rows, pa.int64())
        columns = [table[key], *(table[name] if name in names else missing for name in wanted)]
        parts.append(pa.table(columns, schema=schema))
    return pa.concat_tables(parts)


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    """Users and their sequences, some at a time."""
    try:
        with pq.ParquetFile(path) as file:
            _check_sequence(path, file.schema_arrow)
            yield from file.iter_batches(BATCH_ROWS, columns=["user_id", "seq"])
    except (pa.ArrowException, OSError) as error:
        raise _no_parquet(path, error) from error


def _add(batch: pa.RecordBatch, first_row: int, path: Path, events: Events) -> None:
    """Hands over the events of some users."""
    users, sequences = batch["user_id"], batch["seq"]
    bad = pc.fill_null(pc.less(users, 0), True)
    row = pc.index(bad, True).as_py()
    if row >= 0:
        raise wrong_value(users[row].as_py(), ID_RULE, f"{path} row {first_row + row} user_id")
    row = pc.index(sequences.is_null(), True).as_py()
    if row >= 0:
        raise wrong_value(None, "a list of events", f"{path} row {first_row + row} column 'seq'")
    rows, flat = flatten(sequences)

    def place(number: int) -> str:
        event = number - int(np.searchsorted(rows, rows[number]))
        return f"{path} row {first_row + int(rows[number])} event {event}"

    number = pc.index(flat.is_null(), True).as_py()
    if number >= 0:
        raise wrong_value(None, "an event", f"{place(number)} of column 'seq'")
    columns = {name: pc.struct_field(flat, name) for name in EVENT_FIELDS}
    events.add_columns({"user_id": users.take(pa.array(rows)), **columns}, place)


def _check_sequence(path: Path, schema: pa.Schema) -> None:
    user, sequence = (_type_of(schema, name) for name in ("user_id", "seq"))
    if user is None or not pa.types.is_integer(user):
        raise _wrong_type(path, "user_id", user, "integers")
    inner = None
    if sequence is not None and (pa.types.is_list(sequence) or pa.types.is_large_list(sequence)):
        inner = sequence.value_type
    fields = {}
    if inner is not None and pa.types.is_struct(inner):
        fields = {field.name: field.type for field in inner}
    if not all(pa.types.is_integer(fields.get(name, pa.null())) for name in EVENT_FIELDS):
        expected = f"a list of integers {', '.join(EVENT_FIELDS)}"
        raise _wrong_type(path, "seq", sequence, expected)


def _check_features(
    path: Path, schema: pa.Schema, key: str, wanted: tuple[str, ...], left: tuple[str, ...]
) -> list[str]:
    """The wanted features that a file has."""
    for name in schema.names:
        if name not in (key, *wanted, *left):
            expected = f"{key} and some of {', '.join((*wanted, *left))}"
            raise _wrong_type(path, name, "the column", expected)
    names = [name for name in wanted if name in schema.names]
    for name in (key, *names):
        kind = _type_of(schema, name)
        if kind is None or not pa.types.is_integer(kind):
            raise _wrong_type(path, name, kind, "integers")
    return names


def _type_of(schema: pa.Schema, name: str) -> pa.DataType | None:
    place = schema.get_field_index(name)
    return schema.field(place).type if place >= 0 else None


def _wrong_type(path: Path, column: str, found: object, expected: str) -> UserError:
    there = "no such column" if found is None else found
    message = f"found {there}, expected {expected}. Fetch the file again."
    return UserError("IMPORT-COLUMN", f"{path} column '{column}'", message)


def _no_parquet(path: Path, error: Exception) -> UserError:
    message = f"cannot be read as Parquet ({error}). Fetch the file again."
    return UserError("IMPORT-PARQUET", str(path), message)
