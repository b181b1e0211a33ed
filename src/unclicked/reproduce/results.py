"""What studies found, as rows of one Parquet file from which every table and picture is made."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from unclicked import disk
from unclicked.errors import ArtefactError

FILE = "results.parquet"
ADVICE = "Move it away and start each study again: no training is done anew."
# Rows whose values are kept together: a study is read without most of the other ones.
ROWS_AT_ONCE = 64
FINAL, SCREEN, CHOSEN, SETTINGS = "final", "screen", "chosen", "settings"

SCHEMA = pa.schema(
    [
        pa.field("study", pa.string(), nullable=False),
        pa.field("data", pa.string(), nullable=False),
        pa.field("method", pa.string(), nullable=False),
        pa.field("role", pa.string(), nullable=False),
        pa.field("seed", pa.int64(), nullable=False),
        pa.field("x", pa.float64()),
        pa.field("metric", pa.string(), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("values", pa.list_(pa.float64())),
        pa.field("text", pa.string(), nullable=False),
        pa.field("cell", pa.string(), nullable=False),
    ]
)

Floats = NDArray[np.float64]


def _nothing() -> Floats:
    return np.empty(0)


@dataclass(frozen=True, eq=False)
class Result:
    """One number that a study found, with what it is the mean of.

    Attributes:
        study: Name of the study.
        data: Name of the data set's folder.
        method: Name of the method as tables show it.
        metric: What was measured, such as `HR@50`; a fraction of one, never percent.
        value: The number; NaN where there is only text.
        values: One value for each user (in the order of the data set's test users) or each point.
        role: `final` (test), `screen` (validation, while settings were chosen), `chosen`, or
            `settings` (how the study was made, as text).
        seed: Seed of the run; -1 where there is none.
        x: The swept setting's value; NaN where nothing was swept.
        text: Words that belong to it, such as settings.
        cell: Key of the cell that it comes from.
    """

    study: str
    data: str
    method: str
    metric: str
    value: float = math.nan
    values: Floats = field(default_factory=_nothing)
    role: str = FINAL
    seed: int = -1
    x: float = math.nan
    text: str = ""
    cell: str = ""


@dataclass(frozen=True)
class Results:
    """Rows, and ways to pick some of them.

    Attributes:
        rows: All rows.
    """

    rows: Sequence[Result]

    def where(self, **wanted: str | int) -> Results:
        """Rows whose fields have the given values.

        Args:
            **wanted: Values by name of the field.

        Returns:
            The rows, in their order.
        """
        return Results(
            [row for row in self.rows if all(getattr(row, k) == v for k, v in wanted.items())]
        )

    def distinct(self, name: str) -> list[str]:
        """Distinct values of a text field, in the order of their first row.

        Args:
            name: Name of the field.

        Returns:
            The values.
        """
        return list(dict.fromkeys(str(getattr(row, name)) for row in self.rows))

    def xs(self) -> list[float]:
        """Swept values, ascending.

        Returns:
            Distinct values; without NaN.
        """
        return sorted({row.x for row in self.rows if not math.isnan(row.x)})

    def at(self, x: float) -> Results:
        """Rows of one swept value.

        Args:
            x: The value.

        Returns:
            The rows.
        """
        return Results([row for row in self.rows if row.x == x])

    def seed_values(self) -> Floats:
        """The rows' own numbers.

        Returns:
            float [rows].
        """
        return np.array([row.value for row in self.rows])

    def per_user(self) -> Floats:
        """Mean over seeds for each user, the data sets one after another.

        Returns:
            float [U]; empty where there is no row.

        Raises:
            ArtefactError: Rows of one data set differ in their number of users.
        """
        parts = []
        for data in self.distinct("data"):
            stacked = [row.values for row in self.rows if row.data == data]
            if len({len(one) for one in stacked}) != 1:
                raise ArtefactError("REPRODUCE-USERS", data, "its rows differ in their users.")
            parts.append(np.mean(stacked, axis=0))
        return np.concatenate(parts) if parts else _nothing()


def write_results(out: Path, study: str, rows: Iterable[Result]) -> None:
    """Put a study's rows in place of its earlier ones; other studies' rows stay.

    Args:
        out: Folder of the studies.
        study: Name of the study.
        rows: Its rows.

    Raises:
        ArtefactError: The file that is there is not ours.
        ResourceError: The disk refuses to write.
    """
    path = out / FILE
    table = _table(list(rows))
    if path.exists():
        # As columns, never as objects: other studies may have a value for each of many users.
        table = pa.concat_tables([_read(path, pc.field("study") != study), table])
    aside = path.with_name(f".{FILE}.writing")
    with disk.told(path):
        pq.write_table(table, aside, row_group_size=ROWS_AT_ONCE, write_page_checksum=True)
        disk.sync(aside)
        aside.replace(path)


def read_results(out: Path, study: str = "") -> Results:
    """Read the rows of a study.

    Args:
        out: Folder of the studies.
        study: Name of the study; all of them without.

    Returns:
        The rows.

    Raises:
        ArtefactError: The file is missing, broken or another one.
    """
    table = _read(out / FILE, pc.field("study") == study if study else None)
    rows = []
    lines = table.drop_columns(["values"]).to_pylist()
    for line, values in zip(lines, _slices(table.column("values")), strict=True):
        line["x"] = math.nan if line["x"] is None else line["x"]
        line["value"] = math.nan if line["value"] is None else line["value"]
        rows.append(Result(**line, values=values))
    return Results(rows)


def read_names(out: Path) -> set[str]:
    """Which studies have results.

    Args:
        out: Folder of the studies.

    Returns:
        Their names.

    Raises:
        ArtefactError: The file is missing, broken or another one.
    """
    return set(_read(out / FILE, None, ["study"]).column("study").unique().to_pylist())


def _slices(column: pa.ChunkedArray) -> Iterator[Floats]:
    """The values of each row, as parts of the column's own memory."""
    for lists in column.chunks:
        ends, flat = lists.offsets.to_numpy(), lists.values.to_numpy(zero_copy_only=False)
        for place in range(len(lists)):
            yield flat[ends[place] : ends[place + 1]]


def _table(rows: Sequence[Result]) -> pa.Table:
    columns = {name: [getattr(row, name) for row in rows] for name in SCHEMA.names}
    for name in ("x", "value"):
        columns[name] = [None if math.isnan(number) else number for number in columns[name]]
    # In parts, since a list's place within its part is a number of 32 bits.
    starts = range(0, len(rows), ROWS_AT_ONCE)
    parts = [_lists([row.values for row in rows[at : at + ROWS_AT_ONCE]]) for at in starts]
    columns["values"] = pa.chunked_array(parts, SCHEMA.field("values").type)
    return pa.table(columns, schema=SCHEMA)


def _lists(values: Sequence[Floats]) -> pa.ListArray:
    ends = np.cumsum([0, *map(len, values)]).astype(np.int32)
    flat = np.concatenate([np.empty(0), *values])
    return pa.ListArray.from_arrays(pa.array(ends), pa.array(flat))


def _read(
    path: Path, wanted: pc.Expression | None, columns: Sequence[str] | None = None
) -> pa.Table:
    try:
        names = pq.read_schema(path)
        if not names.equals(SCHEMA):
            found = f"has columns {names.names}, not ours. {ADVICE}"
            raise ArtefactError("REPRODUCE-RESULTS", str(path), found)
        return pq.read_table(path, columns=columns, filters=wanted, page_checksum_verification=True)
    except FileNotFoundError:
        raise ArtefactError("REPRODUCE-RESULTS", str(path), "is not there.") from None
    except (OSError, ValueError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0]
        found = f"cannot be read: {reason.rstrip('.')}. {ADVICE}"
        raise ArtefactError("REPRODUCE-RESULTS", str(path), found) from None
