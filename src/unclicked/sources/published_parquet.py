"""Parquet files as their authors publish them, read by batches with the types they must have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from unclicked.data.log_columns import is_text
from unclicked.errors import UserError

BATCH_ROWS: Final = 1 << 16


def _is_list_of(kind: pa.DataType, inner: Callable[[pa.DataType], bool]) -> bool:
    """Whether a type is a list, short or long, of values that pass a test."""
    some_list = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    return bool(some_list and inner(kind.value_type))


def _is_integer(kind: pa.DataType) -> bool:
    """Whether a type is an integer that int64 holds."""
    return bool(pa.types.is_integer(kind) and kind != pa.uint64())


KINDS: Final[dict[str, Callable[[pa.DataType], bool]]] = {
    "integer": _is_integer,
    "text": is_text,
    "boolean": lambda kind: bool(pa.types.is_boolean(kind)),
    "timestamp": lambda kind: bool(pa.types.is_timestamp(kind)),
    "list of integers": lambda kind: _is_list_of(kind, _is_integer),
    "list of texts": lambda kind: _is_list_of(kind, is_text),
    "list of timestamps": lambda kind: _is_list_of(kind, pa.types.is_timestamp),
}


@dataclass(frozen=True)
class ParquetBatch:
    """Some rows of a file.

    Args:
        path: The file, for messages.
        first_row: Row of the first one; the file's first row is 0.
        table: The columns asked for.
    """

    path: Path
    first_row: int
    table: pa.Table

    def column(self, name: str) -> pa.Array:
        """One column in one piece.

        Args:
            name: Its name.

        Returns:
            The values [rows].
        """
        column = self.table[name]
        return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()

    def refuse(self, row: int, name: str, found: str, expected: str) -> None:
        """Stops at a value that cannot stand.

        Args:
            row: Row in this batch; nothing happens where it is negative.
            name: Column that is at fault.
            found: What is there.
            expected: What must be there.

        Raises:
            UserError: The row is not negative.
        """
        if row >= 0:
            where = f"{self.path} row {self.first_row + row} column '{name}'"
            message = f"found {found}, expected {expected}. Fetch the file again."
            raise UserError("IMPORT-VALUE", where, message)

    def refuse_gaps(self, names: Sequence[str]) -> None:
        """Stops at the first row without a value, or with a list that has a gap.

        Args:
            names: Columns that must be full.

        Raises:
            UserError: There is such a row.
        """
        for name in names:
            column = self.column(name)
            if column.null_count:
                row = pc.index(column.is_null(), True).as_py()
                self.refuse(row, name, "nothing", "a value")
            if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
                parents, values = flatten(column)
                if values.null_count:
                    place = pc.index(values.is_null(), True).as_py()
                    self.refuse(int(parents[place]), name, "a list with a gap", "a full list")


def flatten(lists: pa.Array) -> tuple[NDArray[np.int64], pa.Array]:
    """Values of a column of lists, one after the other.

    Args:
        lists: List column without nulls [rows].

    Returns:
        The row of each value, and the values.

    Example:
        >>> rows, values = flatten(pa.array([[7, 8], [], [9]]))
        >>> rows.tolist(), values.to_pylist()
        ([0, 0, 2], [7, 8, 9])
    """
    lengths = np.asarray(pc.list_value_length(lists)).astype(np.int64)
    return np.repeat(np.arange(len(lists), dtype=np.int64), lengths), pc.list_flatten(lists)


def read_parquet(path: Path, kinds: Mapping[str, str]) -> Iterator[ParquetBatch]:
    """Reads the named columns of a Parquet file, some rows at a time.

    Args:
        path: The file.
        kinds: Column -> one of the `KINDS` that it must be of.

    Yields:
        The rows in order, each batch with the columns of `kinds`.

    Raises:
        UserError: The file is missing or broken, or a column is missing or of another type.
    """
    try:
        with pq.ParquetFile(path) as file:
            _check_columns(path, file.schema_arrow, kinds)
            row = 0
            for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=list(kinds)):
                yield ParquetBatch(path, row, pa.Table.from_batches([batch]).select(list(kinds)))
                row += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        message = f"cannot be read as Parquet ({error}). Fetch the file again."
        raise UserError("IMPORT-PARQUET", str(path), message) from error


def _check_columns(path: Path, schema: pa.Schema, kinds: Mapping[str, str]) -> None:
    for name, kind in kinds.items():
        place = schema.get_field_index(name)
        found = schema.field(place).type if place >= 0 else None
        if found is None or not KINDS[kind](found):
            there = found or f"no such column among {', '.join(schema.names)}"
            message = f"found {there}, expected {kind}. Fetch the file again."
            raise UserError("IMPORT-COLUMN", f"{path} column '{name}'", message)
