"""Read CSV so that no line is swallowed: one line is one row, and every line is accounted for."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.csv

from unclicked.data.log_columns import ColumnPlan
from unclicked.data.raw_file import Account
from unclicked.data.schema import MAX_KEPT_BAD_ROWS, BadRow, shorten
from unclicked.errors import UserError

BLOCK_BYTES = 8 << 20
MAX_LINE_BYTES = 1 << 20
UTF8_BOM = b"\xef\xbb\xbf"
UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")


@dataclass
class _Lines:
    """Lines of one block that could be split, with their numbers, and those that could not."""

    numbers: Sequence[int]
    fields: list[list[str]]
    bad: list[BadRow]


def csv_types(path: Path) -> dict[str, pa.DataType]:
    """Read the header of a CSV file.

    Args:
        path: A CSV file with a header line.

    Returns:
        Column name -> text type, in the order of the file.

    Raises:
        UserError: The header is no comma-separated UTF-8 text, or repeats a name.
    """
    with path.open("rb") as file:
        _skip_bom(path, file)
        line = file.readline(MAX_LINE_BYTES)
    if len(line) == MAX_LINE_BYTES:
        raise _long_line(path, 1, line)
    names = parse_line(_normal_ends(path, 1, line, last=True).rstrip(b"\n"), None)
    if isinstance(names, str):
        raise UserError("DATA-HEADER", f"{path}:1", f"{names}. Correct the header.")
    if not names:
        raise UserError("DATA-HEADER", f"{path}:1", "found no header, expected column names.")
    types: dict[str, pa.DataType] = {}
    for name in names:
        if name in types:
            raise UserError(
                "DATA-HEADER", f"{path}:1", f'found the column "{name}" twice. Rename one.'
            )
        types[name] = pa.string()
    return types


def read_csv(
    plan: ColumnPlan, account: Account, block_bytes: int = BLOCK_BYTES
) -> Iterator[pa.Table]:
    """Read the planned columns of a CSV file as text.

    Comma-separated UTF-8 with a header; lines end with LF or CR LF; a field may be quoted but
    may not span lines. Blank lines are no rows. An empty field stays an empty text.

    Args:
        plan: File and columns.
        account: Takes the lines that cannot be split.
        block_bytes: Bytes read at once, at least 1.

    Yields:
        The next rows: int64 numbers of their lines, then the columns under our names.

    Raises:
        UserError: A lone CR, a line of more than 1 MiB, or a header that cannot be read.
    """
    with plan.path.open("rb") as file:
        _skip_bom(plan.path, file)
        for first, block in _blocks(plan.path, file, block_bytes):
            table = _read_clean_block(block, plan)
            if table is not None:
                yield _numbered(table, range(first, first + table.num_rows), plan)
                continue
            lines = _read_lines(first, block, plan)
            account.num_bad += len(lines.bad)
            account.bad.extend(lines.bad[: MAX_KEPT_BAD_ROWS - len(account.bad)])
            yield _numbered(_table(lines.fields, plan), lines.numbers, plan)


def _numbered(table: pa.Table, numbers: Sequence[int], plan: ColumnPlan) -> pa.Table:
    """The lines' numbers and the columns that are used, under our names."""
    lines = pa.array(np.fromiter(numbers, np.int64, len(numbers)))
    columns = [table.column(name) for name in plan.used.values()]
    return pa.table([lines, *columns], names=["", *plan.used])


_FIELD = rb'(?:[^",]*|"[^"]*(?:""[^"]*)*")'
_WELL_QUOTED = re.compile(_FIELD + b"(?:," + _FIELD + b")*")


def parse_line(line: bytes, num_fields: int | None) -> list[str] | str:
    """Split one line, without its end, into fields.

    Args:
        line: Bytes of the line.
        num_fields: Fields that it must have; None for any number.

    Returns:
        The fields, none for a blank line; or, as one text, why it cannot be split.

    Example:
        >>> parse_line(b'a,"b,c"', 2)
        ['a', 'b,c']
        >>> parse_line(b'a,"b', 2)
        'a quote is opened and not closed on the line'
    """
    if b"\0" in line:
        return "the line holds a NUL byte"
    try:
        fields = next(csv.reader((line.decode("utf-8"),), strict=True), [])
    except UnicodeDecodeError as error:
        return f"byte {error.start + 1} of the line is not UTF-8"
    except csv.Error as error:
        if "unexpected end" in str(error):
            return "a quote is opened and not closed on the line"
        return f"the line cannot be split into fields ({error})"
    if b'"' in line and _WELL_QUOTED.fullmatch(line) is None:
        return "a quote stands inside a field that does not begin with one"
    if fields and num_fields is not None and len(fields) != num_fields:
        return f"the line has {len(fields)} fields, expected {num_fields}"
    return fields


def _skip_bom(path: Path, file: BinaryIO) -> None:
    start = file.read(3)
    if start.startswith(UTF16_BOMS):
        raise UserError("DATA-ENCODING", str(path), "found UTF-16, expected UTF-8. Convert it.")
    if start != UTF8_BOM:
        file.seek(0)


def _blocks(path: Path, file: BinaryIO, block_bytes: int) -> Iterator[tuple[int, bytes]]:
    """Whole lines after the header, ends made LF, with the number of the first."""
    first = 1
    rest = b""
    while True:
        chunk = file.read(block_bytes)
        data = rest + chunk
        if not chunk and data and not data.endswith(b"\n"):
            data += b"\n"
        cut = data.rfind(b"\n") + 1
        block = _normal_ends(path, first, data[:cut], last=True)
        rest = data[cut:]
        num_lines = block.count(b"\n")
        if len(rest) > MAX_LINE_BYTES:
            _normal_ends(path, first + num_lines, rest, last=False)
            raise _long_line(path, first + num_lines, rest)
        if first == 1 and block:
            block = block[block.index(b"\n") + 1 :]
            first, num_lines = 2, num_lines - 1
        if block:
            yield first, block
            first += num_lines
        if not chunk:
            return


def _normal_ends(path: Path, first: int, block: bytes, *, last: bool) -> bytes:
    if b"\r" not in block:
        return block
    block = block.replace(b"\r\n", b"\n")
    lone = block.find(b"\r", 0, len(block) if last else len(block) - 1)
    if lone >= 0:
        line = first + block.count(b"\n", 0, lone)
        raise UserError(
            "DATA-LINE-END",
            f"{path}:{line}",
            "found a CR without LF, expected lines that end with LF or CR LF. Convert them.",
        )
    return block


def _long_line(path: Path, line: int, start: bytes) -> UserError:
    shown = shorten(start[:200].decode("utf-8", errors="replace"), 40)
    message = f'found a line of more than {MAX_LINE_BYTES} bytes ("{shown}"). Split or remove it.'
    return UserError("DATA-LINE", f"{path}:{line}", message)


def _read_clean_block(block: bytes, plan: ColumnPlan) -> pa.Table | None:
    """The fast way, or None where a line needs the careful one."""
    # Arrow fills a blank line with empty fields, so those lines are left to the careful way.
    if b'"' in block or b"\0" in block or block.startswith(b"\n") or b"\n\n" in block:
        return None
    try:
        table = pa.csv.read_csv(
            pa.py_buffer(block),
            read_options=pa.csv.ReadOptions(
                column_names=list(plan.types), block_size=2 * MAX_LINE_BYTES
            ),
            parse_options=pa.csv.ParseOptions(quote_char=False, ignore_empty_lines=False),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(plan.types, pa.string()),
                include_columns=list(dict.fromkeys(plan.used.values())),
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid:
        return None
    return table if table.num_rows == block.count(b"\n") else None


def _read_lines(first: int, block: bytes, plan: ColumnPlan) -> _Lines:
    """The careful way, line by line where it must be."""
    lines = block[:-1].split(b"\n")
    together = _split_together(block, len(lines), len(plan.types))
    if together is not None:
        return _Lines(range(first, first + len(lines)), together, [])
    numbers: list[int] = []
    good: list[list[str]] = []
    bad: list[BadRow] = []
    for number, line in enumerate(lines, start=first):
        fields = parse_line(line, len(plan.types))
        if isinstance(fields, str):
            shown = shorten(line[:200].decode("utf-8", errors="replace"))
            bad.append(BadRow(str(plan.path), number, "", shown, fields))
        elif fields:
            numbers.append(number)
            good.append(fields)
    return _Lines(numbers, good, bad)


def _split_together(block: bytes, num_lines: int, num_fields: int) -> list[list[str]] | None:
    """Fields of all lines when each is good by itself, else None."""
    if b"\0" in block:
        return None
    try:
        rows = list(csv.reader(block[:-1].decode("utf-8").split("\n"), strict=True))
    except (UnicodeDecodeError, csv.Error):
        return None
    if b'"' in block:
        # What a line break cut off a quoted field would else pass for a line of its own.
        lines = block[:-1].split(b"\n")
        if not all(_WELL_QUOTED.fullmatch(line) for line in lines if b'"' in line):
            return None
    # A field over two lines would leave fewer rows than lines.
    whole = len(rows) == num_lines and all(len(row) == num_fields for row in rows)
    return rows if whole else None


def _table(lines: list[list[str]], plan: ColumnPlan) -> pa.Table:
    wanted = list(dict.fromkeys(plan.used.values()))
    places = {name: place for place, name in enumerate(plan.types)}
    columns = [
        pa.array([fields[places[name]] for fields in lines], type=pa.string()) for name in wanted
    ]
    return pa.table(columns, names=wanted)
