"""Decide once, over all files, whether an id column is integer or text, and read it exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from unclicked.data.integers import Integers, parse_integers
from unclicked.data.log_columns import ColumnPlan, is_text, plain_type
from unclicked.data.log_files import is_csv
from unclicked.data.raw_file import BoolArray, RawFile, RowFaults, as_mask
from unclicked.data.schema import ReadOptions, shorten
from unclicked.errors import UserError

MALFORMED = (
    r"(?i)^\s*([+-]?[0-9][0-9_]*(\.[0-9]*)?(e[+-]?[0-9]+)?|[+-]?\.[0-9]+(e[+-]?[0-9]+)?"
    r"|[+-]?0x[0-9a-f]+|[+-]?nan|[+-]?inf|null|none|na|n/a)\s*$"
)
LARGEST_INT64 = 2**63 - 1
SURVEY_ROWS = 10_000


class IdSurvey:
    """What is known of one id column before it is decided whether it holds integers or text.

    It is int64 when every file has integers: integer types, or CSV text that spells integers in
    their one canonical way. It is text when no file has an integer type and a file has a text
    type or a text that is nothing like a number. Everything else is an error: no id is guessed.

    Args:
        column: `"user_id"` or `"item_id"`.
        plans: The columns of all files of the log.
        options: `id_type` forces one kind; longer ids than `max_id_bytes` decide nothing.
    """

    def __init__(self, column: str, plans: Sequence[ColumnPlan], options: ReadOptions) -> None:
        self._column, self._options = column, options
        kinds = [(plan, plan.types[plan.used[column]]) for plan in plans]
        integers = [(plan, kind) for plan, kind in kinds if not is_text(kind)]
        self._integers = integers[0] if integers else None
        self._typed_text = next(
            (plan for plan, kind in kinds if is_text(kind) and not is_csv(plan.path)), None
        )
        large = any(pa.types.is_uint64(plain_type(kind)) for _, kind in integers)
        texts = len(integers) < len(kinds)
        self.needs_values = (
            options.id_type == "auto" and self._typed_text is None and (large or texts)
        )
        self._text: tuple[ColumnPlan, str] | None = None
        self._odd: UserError | None = None
        self._large: UserError | None = None

    def see(self, raw: RawFile) -> None:
        """Look at values, where `needs_values` says so.

        Args:
            raw: Rows of a file; all files have to come in order.
        """
        values = raw.table.column(self._column)
        large = _above_int64(values)
        if is_text(values.type) and self._text is None:
            parsed = parse_integers(values)
            large = parsed.too_large
            found = _survey(raw, self._column, parsed, self._options)
            if found.text is not None:
                self._text = raw.plan, f'the text "{shorten(values[found.text].as_py())}"'
            if found.odd is not None and self._odd is None:
                why = "is no integer in its exact spelling"
                self._odd = _refused(raw, self._column, found.odd, why)
        if self._large is None and large.any():
            position = int(np.flatnonzero(large)[0])
            self._large = _refused(raw, self._column, position, "does not fit into 64 bits")

    def decide(self) -> pa.DataType:
        """Whether the column holds integers or text.

        Returns:
            int64 or string, the kind of the column in all files.

        Raises:
            UserError: One file has integers and another text, a number is not spelled as an
                integer, or an integer does not fit into 64 bits.
        """
        if self._options.id_type != "auto":
            return pa.string() if self._options.id_type == "text" else pa.int64()
        text = (self._typed_text, "text") if self._typed_text is not None else self._text
        if text is not None:
            if self._integers is not None:
                raise _mixed(self._column, self._integers, *text)
            return pa.string()
        if self._odd is not None:
            raise self._odd
        if self._large is not None:
            raise self._large
        return pa.int64()


@dataclass(frozen=True)
class _Survey:
    text: int | None
    odd: int | None


def read_ids(
    raw: RawFile,
    column: str,
    kind: pa.DataType,
    faults: RowFaults,
    options: ReadOptions,
) -> pa.ChunkedArray:
    """Read one id column of one file and mark its bad rows.

    Args:
        raw: The file.
        column: `"user_id"` or `"item_id"`.
        kind: int64 or string, in all files.
        faults: Takes the rows whose id is null, empty, too long, or no integer.
        options: `max_id_bytes`.

    Returns:
        Ids [n] of that kind; bad rows hold anything.
    """
    values = raw.table.column(column)
    faults.mark(as_mask(pc.is_null(values)), column, "an id, not null")
    if not _is_text_column(raw, column):
        if kind == pa.string():
            return values.cast(pa.string())
        faults.mark(_above_int64(values), column, "an integer in 64 bits")
        return values.cast(pa.int64(), safe=False)
    size = pc.binary_length(values)
    faults.mark(as_mask(pc.equal(size, 0)), column, "an id, not empty")
    too_long = as_mask(pc.greater(size, options.max_id_bytes))
    faults.mark(too_long, column, f"an id of at most {options.max_id_bytes} bytes")
    if kind == pa.string():
        return values
    parsed = parse_integers(values)
    faults.mark(parsed.too_large, column, "an integer in 64 bits")
    faults.mark(~parsed.fits, column, "an integer in its exact spelling, such as 7")
    return pa.chunked_array([pa.array(parsed.values)])


def _is_text_column(raw: RawFile, column: str) -> bool:
    return is_text(raw.table.column(column).type)


def _survey(raw: RawFile, column: str, parsed: Integers, options: ReadOptions) -> _Survey:
    """Where a column first holds text that is no number, and a number that is no integer."""
    values = raw.table.column(column)
    size = pc.binary_length(values)
    counted = as_mask(pc.and_(pc.greater(size, 0), pc.less_equal(size, options.max_id_bytes)))
    rest = np.flatnonzero(counted & ~parsed.fits & ~parsed.too_large)
    first_odd: int | None = None
    for start in range(0, len(rest), SURVEY_ROWS):
        part = rest[start : start + SURVEY_ROWS]
        odd = as_mask(pc.match_substring_regex(values.take(pa.array(part)), MALFORMED))
        if first_odd is None and odd.any():
            first_odd = int(part[np.argmax(odd)])
        if not odd.all():
            return _Survey(int(part[np.argmin(odd)]), first_odd)
    return _Survey(None, first_odd)


def _above_int64(values: pa.ChunkedArray) -> BoolArray:
    if not pa.types.is_uint64(values.type):
        return np.zeros(len(values), dtype=np.bool_)
    return as_mask(pc.greater(values, pa.scalar(LARGEST_INT64, pa.uint64())))


def _refused(raw: RawFile, column: str, position: int, why: str) -> UserError:
    bad = raw.bad_row(position, column, why)
    return UserError(
        "DATA-ID",
        bad.where,
        f'found "{bad.value}", which {why}, in a column of integers. Set data.id_type = "text" '
        'to keep every id as it is written, or "integer" to treat such rows as bad.',
    )


def _mixed(
    column: str, integers: tuple[ColumnPlan, pa.DataType], texts: ColumnPlan, found: str
) -> UserError:
    plan, kind = integers
    return UserError(
        "DATA-ID",
        f'{texts.path} column "{texts.used[column]}"',
        f"found {found}, but {plan.path} has {plain_type(kind)} ids; "
        'expected one kind in all files. Write both alike, or set data.id_type = "text".',
    )
