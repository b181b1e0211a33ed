"""CSV files as their authors publish them, read batch by batch with the types they must have."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv

from unclicked.errors import UserError

# About 400,000 lines of the logs read here: what is held at a time, and a row group of the output.
BLOCK_BYTES: Final = 1 << 24
MAX_SECONDS: Final = 4_102_444_800  # 2100; milliseconds mistaken for seconds lie far beyond
_ROW: Final = re.compile(r"Row #(\d+)")


@dataclass(frozen=True)
class CsvBatch:
    """Some lines of a file.

    Args:
        path: The file, for messages.
        first_line: Line of the first row; the file's first line is 1.
        table: The columns asked for.
    """

    path: Path
    first_line: int
    table: pa.Table

    def refuse(self, bad: pa.ChunkedArray, column: str, expected: str) -> None:
        """Stops at the first row that is not as it must be.

        Args:
            bad: bool [rows], True where a value cannot stand.
            column: Column that is at fault.
            expected: What a value must be.

        Raises:
            UserError: There is such a row.
        """
        row = pc.index(bad, True).as_py()
        if row < 0:
            return
        value = self.table[column][row].as_py()
        found = "nothing" if value is None else str(value)
        where = f"{self.path}:{self.first_line + row} column '{column}'"
        message = f"found {found}, expected {expected}. Fetch the file again."
        raise UserError("IMPORT-VALUE", where, message)

    def refuse_gaps(self, columns: Sequence[str]) -> None:
        """Stops at the first row without a value.

        Args:
            columns: Integer columns that must be full.

        Raises:
            UserError: There is such a row.
        """
        for name in columns:
            if self.table[name].null_count:
                self.refuse(self.table[name].is_null(), name, "an integer")

    def refuse_labels(self, column: str) -> None:
        """Stops at the first value that is neither 0 nor 1.

        Args:
            column: Integer column that says yes or no.

        Raises:
            UserError: There is such a row.
        """
        wrong = pc.invert(pc.is_in(self.table[column], pa.array([0, 1])))
        self.refuse(wrong, column, "0 or 1")

    def seconds(self, column: str, *, zero_is_null: bool = False) -> pa.ChunkedArray:
        """A column of Unix seconds as times.

        Args:
            column: Integer column without gaps.
            zero_is_null: Whether 0 stands for no time instead of being refused.

        Returns:
            timestamp in seconds, UTC [rows], null where there is no time.

        Raises:
            UserError: A value lies before 1970 or after 2099.
        """
        values = self.table[column]
        if zero_is_null:
            values = pc.if_else(pc.equal(values, 0), pa.scalar(None, pa.int64()), values)
        wrong = pc.or_(pc.less(values, 1), pc.greater_equal(values, MAX_SECONDS)).fill_null(False)
        self.refuse(wrong, column, "seconds since 1970, up to the year 2099")
        return values.cast(pa.timestamp("s", "UTC"))


def read_published(
    path: Path, kinds: Mapping[str, pa.DataType], *, names: Sequence[str] | None = None
) -> Iterator[CsvBatch]:
    """Reads the named columns of a CSV file, some lines at a time.

    Args:
        path: The file.
        kinds: Column -> the type that it must have; blanks around a name in the header are
            overlooked. Empty fields and `NULL` are nulls, but empty text stays empty.
        names: Columns of a file without a header, all of them in order; None reads the header.

    Yields:
        The lines in order, each batch with the columns of `kinds`.

    Raises:
        UserError: The file or a column is missing, a line has too few or too many fields, or a
            value is not of its column's type.
    """
    try:
        header = {name: name for name in names} if names is not None else _header(path)
        missing = [name for name in kinds if name not in header]
        if missing:
            message = f"the column is missing, expected {', '.join(kinds)}. Fetch the file again."
            raise UserError("IMPORT-COLUMN", f"{path} column '{missing[0]}'", message)
        convert = csv.ConvertOptions(
            column_types={header[name]: kind for name, kind in kinds.items()},
            include_columns=[header[name] for name in kinds],
        )
        reading = csv.ReadOptions(block_size=BLOCK_BYTES, column_names=names)
        line = 1 if names is not None else 2
        with csv.open_csv(path, read_options=reading, convert_options=convert) as reader:
            for batch in reader:
                table = pa.Table.from_batches([batch]).rename_columns(list(kinds))
                yield CsvBatch(path, line, table)
                line += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        found = _ROW.search(str(error))
        where = f"{path}:{found[1]}" if found else str(path)
        message = f"cannot be read as the published CSV ({error}). Fetch the file again."
        raise UserError("IMPORT-CSV", where, message) from error


def _header(path: Path) -> dict[str, str]:
    """Name without blanks around it -> name as written."""
    with csv.open_csv(path, read_options=csv.ReadOptions(block_size=BLOCK_BYTES)) as reader:
        return {name.strip(): name for name in reader.schema.names}
