"""One field of a side table as categories: a ragged list of texts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from unclicked.data.log_columns import is_integer, is_list, is_text
from unclicked.data.raw_file import IntArray, RawFile, as_mask
from unclicked.errors import UserError

NUMBER = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$"
INTEGER_TEXT = r"^[+-]?[0-9]+$"


@dataclass(frozen=True)
class SideField:
    """Values of one field, row by row.

    Args:
        offsets: int64 [n + 1], where the values of each row begin.
        values: string, the values of all rows.
    """

    offsets: IntArray
    values: pa.StringArray

    def row(self, index: int) -> list[str]:
        """Values of one row."""
        begin, end = int(self.offsets[index]), int(self.offsets[index + 1])
        return [str(value) for value in self.values[begin:end].to_pylist()]

    def take(self, rows: IntArray) -> SideField:
        """The field of some rows, in their order.

        Args:
            rows: int64 [m], row numbers.

        Returns:
            The field with m rows.
        """
        begin = self.offsets[rows]
        length = self.offsets[rows + 1] - begin
        offsets = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
        source = np.arange(offsets[-1]) + np.repeat(begin - offsets[:-1], length)
        return SideField(offsets, self.values.take(pa.array(source)))


def bin_labels(edges: list[float]) -> list[str]:
    """Names of the bins that ascending edges make, open ends included.

    Args:
        edges: Finite ascending edges, at least one.

    Returns:
        One name more than there are edges.

    Example:
        >>> bin_labels([0, 2.5])
        ['[-inf,0)', '[0,2.5)', '[2.5,inf)']
    """
    names = ["-inf", *(str(edge).removesuffix(".0") for edge in edges), "inf"]
    return [f"[{low},{high})" for low, high in zip(names, names[1:], strict=False)]


def check_field_type(path: Path, name: str, kind: pa.DataType, binned: bool, key: str) -> None:
    """Make sure, before any row is read, that a field can be categories.

    Args:
        path: The file, for messages.
        name: Name of the field.
        kind: Its Arrow type.
        binned: Whether bins are set for it.
        key: Configuration key of its bins.

    Raises:
        UserError: It cannot.
    """
    inner = kind.value_type if is_list(kind) else kind
    where = f'{path} column "{name}"'
    if pa.types.is_floating(inner) and not binned:
        raise _unbinned(where, str(kind), key)
    readable = (
        is_text(inner)
        or is_integer(inner)
        or pa.types.is_boolean(inner)
        or pa.types.is_floating(inner)
        or pa.types.is_null(inner)
    )
    if isinstance(inner, pa.BaseExtensionType) or not readable:
        raise UserError(
            "DATA-COLUMN",
            where,
            f"found {kind}, expected text, integer, boolean or a list of such. "
            "Convert it to text or leave it out.",
        )


def read_field(raw: RawFile, name: str, edges: list[float] | None, key: str) -> SideField:
    """Read one column as categories.

    Args:
        raw: The file.
        name: Name of the column.
        edges: Ascending edges of bins, for numbers; None for categories.
        key: Configuration key of the bins, for messages.

    Returns:
        The values; null and empty text give none.

    Raises:
        UserError: Text of a CSV file is numbers with fractions and no bins are set, or a value to
            be binned is no finite number.
    """
    column = raw.table.column(name)
    num_rows = len(column)
    parents = np.arange(num_rows, dtype=np.int64)
    if is_list(column.type):
        column = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
        # A null list may stand over values, which flattening skips.
        lengths = pc.fill_null(pc.list_value_length(column), 0).cast(pa.int64())
        parents = np.repeat(parents, np.asarray(lengths.to_numpy()))
        column = pa.chunked_array([pc.list_flatten(column)])
    if edges is not None:
        column = _binned(raw, name, column, parents, edges)
    elif is_text(column.type):
        _refuse_fractions(raw, name, column, key)
    column = column.cast(pa.string())
    keep = as_mask(pc.greater(pc.binary_length(column), 0))
    counts = np.bincount(parents[keep], minlength=num_rows)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    chunks = column.filter(pa.array(keep)).chunks
    return SideField(offsets, pa.concat_arrays([*chunks, pa.array([], type=pa.string())]))


def _binned(
    raw: RawFile, name: str, column: pa.ChunkedArray, parents: IntArray, edges: list[float]
) -> pa.ChunkedArray:
    if is_text(column.type):
        column = column.cast(pa.string())
        present = as_mask(pc.greater(pc.binary_length(column), 0))
        bad = present & ~as_mask(pc.match_substring_regex(column, NUMBER))
        _refuse_first(raw, name, parents, bad)
        column = pc.if_else(pa.array(present), column, pa.scalar(None, pa.string()))
    numbers = column.cast(pa.float64(), safe=False)
    null = as_mask(pc.is_null(numbers))
    values = np.asarray(numbers.fill_null(0.0).to_numpy())
    _refuse_first(raw, name, parents, ~np.isfinite(values))
    labels = pa.array(bin_labels(edges))
    places = np.searchsorted(np.asarray(edges, dtype=np.float64), values, side="right")
    return pa.chunked_array([labels.take(pa.array(places, mask=null))])


def _refuse_first(
    raw: RawFile, name: str, parents: IntArray, bad: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> None:
    if bad.any():
        row = raw.bad_row(int(parents[np.argmax(bad)]), name, "")
        raise UserError(
            "DATA-FIELD", row.where, f'found "{row.value}", expected a finite number to bin.'
        )


def _refuse_fractions(raw: RawFile, name: str, column: pa.ChunkedArray, key: str) -> None:
    """CSV has no types: a column of numbers alone, some with a fraction, is numeric."""
    if raw.row_groups is not None:
        return
    texts = pc.unique(column.cast(pa.string()))
    texts = texts.filter(pc.greater(pc.binary_length(texts), 0))
    if not len(texts) or not pc.all(pc.match_substring_regex(texts, NUMBER)).as_py():
        return
    whole = pc.match_substring_regex(texts, INTEGER_TEXT)
    if not pc.all(whole).as_py():
        example = texts.filter(pc.invert(whole))[0].as_py()
        raise _unbinned(f'{raw.plan.path} column "{name}"', f'numbers such as "{example}"', key)


def _unbinned(where: str, found: str, key: str) -> UserError:
    return UserError(
        "DATA-FIELD",
        where,
        f"found {found}, expected categories. Name the edges that bin it, such as "
        f"{key} = [10.0, 100.0], or leave the column out.",
    )
