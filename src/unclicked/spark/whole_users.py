"""From Arrow batches that cut users anywhere to tables that hold whole users."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc


def whole_users(batches: Iterable[pa.RecordBatch], num_rows: int) -> Iterator[pa.Table]:
    """Join batches until there are enough rows, and carry the last user's rows over to the next.

    Args:
        batches: Rows with a column `user_id`, all rows of one user in a row; nulls first.
        num_rows: Rows of a table, at least 1; more where one user has more, fewer at the end.

    Yields:
        Tables in which no user is cut. Rows without a user belong to nobody and may be parted.

    Example:
        >>> batch = pa.RecordBatch.from_pydict({"user_id": [1, 1, 2]})
        >>> more = pa.RecordBatch.from_pydict({"user_id": [2, 3]})
        >>> [one["user_id"].to_pylist() for one in whole_users([batch, more], 2)]
        [[1, 1], [2, 2], [3]]
    """
    held: list[pa.RecordBatch] = []
    rows, wanted = 0, num_rows
    for batch in batches:
        if not batch.num_rows:
            continue
        held.append(batch)
        rows += batch.num_rows
        if rows < wanted:
            continue
        table = pa.Table.from_batches(held)
        cut = _last_begin(table["user_id"])
        wanted = num_rows
        if cut:
            yield table.slice(0, cut)
            held, rows = table.slice(cut).to_batches(), rows - cut
        if rows >= num_rows:
            # One user fills it all; looking again at every batch would take the square of its rows.
            wanted = 2 * rows
    if held:
        yield pa.Table.from_batches(held)


def _last_begin(user: pa.ChunkedArray) -> int:
    """Where the rows of the last user begin."""
    last = user[-1]
    if not last.is_valid:
        return len(user)
    same = pc.sum(pc.fill_null(pc.equal(user, last), False).cast(pa.int64())).as_py()
    return len(user) - int(same)
