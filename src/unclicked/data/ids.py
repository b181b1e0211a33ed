"""Decide once, over all files, whether an id column is integer or text, and read it exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from unclicked.data.integers import Integers, parse_integers
from unclicked.data.log_columns import is_text
from unclicked.data.raw_file import BoolArray, RawFile, RowFaults, as_mask
from unclicked.data.schema import ReadOptions, shorten
from unclicked.errors import UserError

MALFORMED = (
    r"(?i)^\s*([+-]?[0-9][0-9_]*(\.[0-9]*)?(e[+-]?[0-9]+)?|[+-]?\.[0-9]+(e[+-]?[0-9]+)?"
    r"|[+-]?0x[0-9a-f]+|[+-]?nan|[+-]?inf|null|none|na|n/a)\s*$"
)
LARGEST_INT64 = 2**63 - 1
SURVEY_ROWS = 10_000


@dataclass(frozen=True)
class IdPlan:
    """How one id column is read in every file.

    Args:
        kind: int64 or string, in all files.
        parsed: One entry per file: the texts read as integers; None for a column that is read
            without.
    """

    kind: pa.DataType
    parsed: list[Integers | None]


def plan_ids(files: Sequence[RawFile], column: str, options: ReadOptions) -> IdPlan:
    """Decide whether a column holds integers or text.

    It is int64 when every file has integers: integer types, or CSV text that spells integers in
    their one canonical way. It is text when no file has an integer type and a file has a text
    type or a text that is nothing like a number. Everything else is an error: no id is guessed.

    Args:
        files: All files of the log.
        column: `"user_id"` or `"item_id"`.
        options: `id_type` forces one kind; longer ids than `max_id_bytes` decide nothing.

    Returns:
        The kind for all files.

    Raises:
        UserError: One file has integers and another text, a number is not spelled as an
            integer, or an integer does not fit into 64 bits.
    """
    as_text = IdPlan(pa.string(), [None] * len(files))
    if options.id_type == "text":
        return as_text
    typed_text = [f for f in files if f.row_groups is not None and _is_text_column(f, column)]
    integers = [file for file in files if not _is_text_column(file, column)]
    if options.id_type == "auto" and typed_text:
        if integers:
            raise _mixed(column, integers[0], typed_text[0], "text")
        return as_text
    parsed = [
        parse_integers(file.table.column(column)) if _is_text_column(file, column) else None
        for file in files
    ]
    if options.id_type == "auto":
        texts = [(f, p) for f, p in zip(files, parsed, strict=True) if p is not None]
        if _any_text(texts, column, integers, options):
            return as_text
        for file, integer_texts in zip(files, parsed, strict=True):
            _check_overflow(file, column, integer_texts)
    return IdPlan(pa.int64(), parsed)


def _any_text(
    texts: Sequence[tuple[RawFile, Integers]],
    column: str,
    integers: Sequence[RawFile],
    options: ReadOptions,
) -> bool:
    """Whether CSV columns hold text that is no number; numbers that are no integer are refused."""
    surveys = [(file, _survey(file, column, parsed, options)) for file, parsed in texts]
    for file, survey in surveys:
        if survey.text is not None and integers:
            value = shorten(file.table.column(column)[survey.text].as_py())
            raise _mixed(column, integers[0], file, f'the text "{value}"')
    if any(survey.text is not None for _, survey in surveys):
        return True
    for file, survey in surveys:
        if survey.odd is not None:
            raise _refused(file, column, survey.odd, "is no integer in its exact spelling")
    return False


@dataclass(frozen=True)
class _Survey:
    text: int | None
    odd: int | None


def read_ids(
    raw: RawFile,
    column: str,
    plan: IdPlan,
    place: int,
    faults: RowFaults,
    options: ReadOptions,
) -> pa.ChunkedArray:
    """Read one id column of one file and mark its bad rows.

    Args:
        raw: The file.
        column: `"user_id"` or `"item_id"`.
        plan: Kind of the column in all files.
        place: Position of the file among those of the plan.
        faults: Takes the rows whose id is null, empty, too long, or no integer.
        options: `max_id_bytes`.

    Returns:
        Ids [n] of the plan's kind; bad rows hold anything.
    """
    values = raw.table.column(column)
    faults.mark(as_mask(pc.is_null(values)), column, "an id, not null")
    if not _is_text_column(raw, column):
        if plan.kind == pa.string():
            return values.cast(pa.string())
        faults.mark(_above_int64(values), column, "an integer in 64 bits")
        return values.cast(pa.int64(), safe=False)
    size = pc.binary_length(values)
    faults.mark(as_mask(pc.equal(size, 0)), column, "an id, not empty")
    too_long = as_mask(pc.greater(size, options.max_id_bytes))
    faults.mark(too_long, column, f"an id of at most {options.max_id_bytes} bytes")
    parsed = plan.parsed[place]
    if parsed is None:
        return values
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


def _check_overflow(raw: RawFile, column: str, parsed: Integers | None) -> None:
    values = raw.table.column(column)
    large = _above_int64(values) if parsed is None else parsed.too_large
    if large.any():
        raise _refused(raw, column, int(np.flatnonzero(large)[0]), "does not fit into 64 bits")


def _refused(raw: RawFile, column: str, position: int, why: str) -> UserError:
    bad = raw.bad_row(position, column, why)
    return UserError(
        "DATA-ID",
        bad.where,
        f'found "{bad.value}", which {why}, in a column of integers. Set data.id_type = "text" '
        'to keep every id as it is written, or "integer" to treat such rows as bad.',
    )


def _mixed(column: str, integers: RawFile, texts: RawFile, found: str) -> UserError:
    return UserError(
        "DATA-ID",
        f'{texts.plan.path} column "{texts.plan.used[column]}"',
        f"found {found}, but {integers.plan.path} has {integers.table.column(column).type} ids; "
        'expected one kind in all files. Write both alike, or set data.id_type = "text".',
    )
