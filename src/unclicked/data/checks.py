"""Check every row of one file and read its columns."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from unclicked.data.ids import read_ids
from unclicked.data.log_columns import is_text
from unclicked.data.raw_file import BoolArray, IntArray, RawFile, RowFaults, as_mask, as_numpy
from unclicked.data.schema import MAX_KEPT_BAD_ROWS, BadRow, ReadOptions
from unclicked.data.times import UnitWitness, read_times

TRUE_TEXTS = ("1", "true", "True", "TRUE")
FALSE_TEXTS = ("0", "false", "False", "FALSE")
CLICKED_RULE = "0, 1, true or false"


@dataclass(frozen=True)
class GoodRows:
    """The rows of one file that passed every check, still unsorted.

    Args:
        user_id: int64 or string [n].
        item_id: int64 or string [n].
        timestamp_us: int64 [n].
        clicked: bool [n].
        clicked_at_us: int64 [n], nullable; None where the file has no such column.
        session_id: string [n], nullable; None where the file has no such column.
    """

    user_id: pa.ChunkedArray
    item_id: pa.ChunkedArray
    timestamp_us: IntArray
    clicked: BoolArray
    clicked_at_us: pa.Array | None
    session_id: pa.ChunkedArray | None

    @property
    def names(self) -> tuple[str, ...]:
        """Columns that are not always there."""
        optional = {"clicked_at": self.clicked_at_us, "session_id": self.session_id}
        return tuple(name for name, column in optional.items() if column is not None)


def check_rows(
    raw: RawFile,
    kinds: dict[str, pa.DataType],
    options: ReadOptions,
    witness: UnitWitness,
    limit: int = MAX_KEPT_BAD_ROWS,
) -> tuple[GoodRows, list[BadRow], int]:
    """Read all columns of one file and part the good rows from the bad.

    Args:
        raw: The file, or some rows of it.
        kinds: Kind of `user_id` and `item_id` in all files.
        options: Units, zone and limits.
        witness: Takes the magnitudes of integer times.
        limit: Bad rows to describe at most.

    Returns:
        The good rows, the first bad ones in order, and the number of all bad ones.
    """
    faults = RowFaults(raw)
    user_id = read_ids(raw, "user_id", kinds["user_id"], faults, options)
    item_id = read_ids(raw, "item_id", kinds["item_id"], faults, options)
    timestamp_us, _ = read_times(raw, "timestamp", faults, options, witness)
    clicked = _read_clicked(raw, faults)
    clicked_at = None
    if "clicked_at" in raw.plan.used:
        us, null = read_times(raw, "clicked_at", faults, options, witness)
        faults.mark(~null & ~clicked, "clicked_at", "no click time where clicked is false")
        faults.mark(~null & (us < timestamp_us), "clicked_at", "a click no earlier than shown")
        clicked_at = pa.array(us, mask=null)
    session_id = _read_session(raw, faults, options) if "session_id" in raw.plan.used else None
    bad, num_bad = faults.describe(limit)
    good = faults.good
    if not good.all():
        keep = pa.array(good)
        user_id, item_id = user_id.filter(keep), item_id.filter(keep)
        timestamp_us, clicked = timestamp_us[good], clicked[good]
        clicked_at = None if clicked_at is None else clicked_at.filter(keep)
        session_id = None if session_id is None else session_id.filter(keep)
    return GoodRows(user_id, item_id, timestamp_us, clicked, clicked_at, session_id), bad, num_bad


def _read_clicked(raw: RawFile, faults: RowFaults) -> BoolArray:
    values = raw.table.column("clicked")
    faults.mark(as_mask(pc.is_null(values)), "clicked", f"{CLICKED_RULE}, not null")
    if pa.types.is_boolean(values.type):
        return as_mask(values)
    if is_text(values.type):
        true = as_mask(pc.is_in(values, value_set=pa.array(TRUE_TEXTS)))
        false = as_mask(pc.is_in(values, value_set=pa.array(FALSE_TEXTS)))
    else:
        numbers = as_numpy(values, 0)
        true, false = numbers == 1, numbers == 0
    faults.mark(~true & ~false, "clicked", CLICKED_RULE)
    return true


def _read_session(raw: RawFile, faults: RowFaults, options: ReadOptions) -> pa.ChunkedArray:
    """Sessions as text; an empty text is no session."""
    values = raw.table.column("session_id")
    if not is_text(values.type):
        return values.cast(pa.string())
    size = pc.binary_length(values)
    too_long = as_mask(pc.greater(size, options.max_id_bytes))
    faults.mark(too_long, "session_id", f"a session of at most {options.max_id_bytes} bytes")
    return pc.if_else(pc.equal(size, 0), pa.scalar(None, pa.string()), values)
