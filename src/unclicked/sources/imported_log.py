"""Impressions written batch by batch, and what is counted about them."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from unclicked.errors import UserError

COLUMNS: Final = {
    "user_id": pa.int64(),
    "item_id": pa.int64(),
    "timestamp": pa.timestamp("us", "UTC"),
    "clicked": pa.bool_(),
}
KEY: Final = ["user_id", "item_id", "timestamp"]
# Repeated rows are counted for so many rows at a time, so that memory stays bounded.
ROWS_AT_ONCE: Final = 8_000_000
# Values that wait, beside those known to be distinct, until they are compared.
HELD: Final = 1 << 20


class Distinct:
    """Distinct values of a column that comes in pieces.

    Args:
        kind: Type of the values.
    """

    def __init__(self, kind: pa.DataType) -> None:
        self._parts: list[pa.Array] = [pa.array([], kind)]
        self._held = 0

    def add(self, values: pa.ChunkedArray) -> None:
        """Takes another piece.

        Args:
            values: Values without nulls.
        """
        self._parts.append(pc.unique(values))
        self._held += len(self._parts[-1])
        if self._held > 2 * len(self._parts[0]) + HELD:
            self.values()

    def values(self) -> pa.Array:
        """All that were seen.

        Returns:
            Distinct values, in the order in which they came.
        """
        self._parts = [pc.unique(pa.concat_arrays(self._parts))]
        self._held = len(self._parts[0])
        return self._parts[0]


class LogWriter:
    """Writes `impressions.parquet` and counts users, items and clicks on the way.

    Args:
        path: File to make.
        id_type: Type of both ids, int64 or text.
        more: Further columns with their types, after the four that every log has.
    """

    def __init__(
        self, path: Path, id_type: pa.DataType, more: dict[str, pa.DataType] | None = None
    ) -> None:
        kinds = COLUMNS | {"user_id": id_type, "item_id": id_type} | (more or {})
        self.schema = pa.schema(kinds)
        self.path = path
        self.rows = 0
        self.clicks = 0
        self._users, self._items = Distinct(id_type), Distinct(id_type)
        self._writer = pq.ParquetWriter(path, self.schema)

    def __enter__(self) -> LogWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.close()

    def write(self, columns: dict[str, Any]) -> None:
        """Appends rows.

        Args:
            columns: Values of every column of the schema, arrays of one length.
        """
        table = pa.table({name: columns[name] for name in self.schema.names}).cast(self.schema)
        if not table.num_rows:
            return
        self._writer.write_table(table)
        self.rows += table.num_rows
        self.clicks += pc.sum(table["clicked"].cast(pa.int64())).as_py()
        self._users.add(table["user_id"])
        self._items.add(table["item_id"])

    def users(self) -> pa.Array:
        """Distinct users, sorted."""
        values = self._users.values()
        return values.take(pc.sort_indices(values))

    def items(self) -> pa.Array:
        """Distinct items, sorted."""
        values = self._items.values()
        return values.take(pc.sort_indices(values))

    def counts(self) -> dict[str, Any]:
        """Closes the file and counts what is in it.

        Returns:
            `rows`, `users`, `items`, `clicked_share`, `repeated_lines` (user, item and time are
            those of another row) and `exact_copies` (the label too).

        Raises:
            UserError: There are no rows.
        """
        if not self.rows:
            message = "found no row that can be used, expected impressions. Fetch the files again."
            raise UserError("IMPORT-EMPTY", "the log", message)
        self._writer.close()
        users = self.users()
        repeated, exact = count_file_repeats(self.path, users)
        return {
            "rows": self.rows,
            "users": len(users),
            "items": len(self.items()),
            "clicked_share": self.clicks / self.rows,
            "repeated_lines": repeated,
            "exact_copies": exact,
        }


def count_file_repeats(
    path: Path, users: pa.Array, rows_at_once: int = ROWS_AT_ONCE
) -> tuple[int, int]:
    """Counts rows that repeat another one, one range of users after the other.

    Args:
        path: Impressions with user_id, item_id, timestamp and clicked.
        users: Distinct users, sorted.
        rows_at_once: Rows held at a time, about.

    Returns:
        Rows whose user, item and time another row holds already, and those of them that also
        agree in the label.
    """
    parts = max(1, min(len(users), -(-pq.read_metadata(path).num_rows // rows_at_once)))
    repeated = exact = 0
    for part in range(parts):
        begin, end = (len(users) * place // parts for place in (part, part + 1))
        share = _rows_between(path, users[begin], users[end - 1])
        repeated += share.num_rows - share.group_by(KEY).aggregate([]).num_rows
        exact += share.num_rows - share.group_by(list(COLUMNS)).aggregate([]).num_rows
    return repeated, exact


def _rows_between(path: Path, first: pa.Scalar, last: pa.Scalar) -> pa.Table:
    """Rows of the users of a range, both ends included."""
    names = list(COLUMNS)
    pieces = []
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(columns=names):
            user = batch["user_id"]
            inside = pc.and_(pc.greater_equal(user, first), pc.less_equal(user, last))
            pieces.append(pa.Table.from_batches([batch]).select(names).filter(inside))
    return pa.concat_tables(pieces)
