"""The files of MIND, behaviors.tsv and news.tsv: no header, tabs between fields, no quoting."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
from numpy.typing import NDArray

from unclicked.data.text_times import parse_iso
from unclicked.errors import UserError
from unclicked.sources.published_parquet import flatten

BEHAVIORS: Final = ("impression_id", "user", "time", "history", "impressions")
NEWS: Final = (
    "id",
    "category",
    "subcategory",
    "title",
    "abstract",
    "url",
    "title_entities",
    "abstract_entities",
)
# One line holds a whole history and list, some thousand characters at most.
BLOCK_BYTES: Final = 1 << 24
TIME: Final = (
    r"^(?P<month>[0-9]{1,2})/(?P<day>[0-9]{1,2})/(?P<year>[0-9]{4}) "
    r"(?P<hour>1[0-2]|0?[1-9])(?P<rest>:[0-9]{2}:[0-9]{2}) (?P<half>AM|PM)$"
)


@dataclass(frozen=True)
class Behaviors:
    """Some lines of behaviors.tsv, read.

    Args:
        user: text [lines].
        time_us: int64 [lines], microseconds since 1970 as the file's clock shows.
        history: text [lines], ids with blanks between them; may be empty.
        line: int64 [shown], for each item shown the place of its line in these lines.
        item: text [shown].
        clicked: bool [shown].
    """

    user: pa.Array
    time_us: NDArray[np.int64]
    history: pa.Array
    line: NDArray[np.int64]
    item: pa.Array
    clicked: pa.Array


def read_behaviors(path: Path) -> Iterator[Behaviors]:
    """Reads the impressions of one part of MIND.

    Args:
        path: `behaviors.tsv`.

    Yields:
        Its lines in order, some at a time.

    Raises:
        UserError: A line has too few or too many fields, a user is missing, a time is no time, or
            an item shown does not end with its label.
    """
    for first, table in _read_tsv(path, BEHAVIORS, BEHAVIORS):
        user, times, history, shown = (table[name].combine_chunks() for name in BEHAVIORS[1:])
        _refuse(path, first, np.asarray(pc.equal(user, "")), user, "user", "a user")
        time_us, valid = parse_times(times)
        _refuse(path, first, ~valid, times, "time", "a time such as 11/15/2019 8:55:22 AM")
        line, tokens = flatten(pc.ascii_split_whitespace(pc.utf8_trim_whitespace(shown)))
        clicked = pc.ends_with(tokens, "-1")
        right = pc.or_(clicked, pc.ends_with(tokens, "-0"))
        right = pc.and_(right, pc.greater(pc.utf8_length(tokens), 2))
        if not pc.all(right).as_py():
            place = pc.index(right, False).as_py()
            found = tokens[place].as_py()
            raise UserError(
                "IMPORT-VALUE",
                f"{path}:{first + int(line[place])} column 'impressions'",
                f"found '{found}', expected an id with its label, -0 or -1. The test set has no "
                "labels and cannot be imported; fetch other files again.",
            )
        item = pc.utf8_slice_codeunits(tokens, 0, -2)
        yield Behaviors(user, time_us, history, line, item, clicked)


def parse_times(texts: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Reads times as MIND writes them.

    Args:
        texts: Such as `11/15/2019 8:55:22 AM` [n].

    Returns:
        Microseconds since 1970 as the file's clock shows, 0 where the text is no time; and the
        mask of the times.

    Example:
        >>> us, valid = parse_times(pa.array(["1/1/1970 12:00:01 AM", "1/1/1970 13:00:00 PM"]))
        >>> us.tolist(), valid.tolist()
        ([1000000, 0], [True, False])
    """
    parts = pc.extract_regex(texts, pattern=TIME)
    field = {name: pc.struct_field(parts, name) for name in ("month", "day", "year", "hour")}
    hour = np.asarray(pc.fill_null(field["hour"], "0").cast(pa.int64())) % 12
    afternoon = np.asarray(pc.equal(pc.fill_null(pc.struct_field(parts, "half"), ""), "PM"))
    hours = pa.array(hour + 12 * afternoon).cast(pa.string())
    pad = [pc.utf8_lpad(text, 2, "0") for text in (field["month"], field["day"], hours)]
    date = pc.binary_join_element_wise(field["year"], pad[0], pad[1], "-")
    rest = pc.binary_join_element_wise(pad[2], pc.struct_field(parts, "rest"), "")
    read = parse_iso(pa.chunked_array([pc.binary_join_element_wise(date, rest, " ")]))
    return read.us, read.valid


def read_news(paths: Sequence[Path]) -> tuple[pa.Table, pa.Table, int]:
    """Reads the news of all parts; what stands in several of them is taken from the first.

    Args:
        paths: Files `news.tsv`.

    Returns:
        Columns item_id, category and subcategory; columns item_id and name; and the number of
        news whose category or subcategory another file gives differently.

    Raises:
        UserError: A line has too few or too many fields, or an id is missing.
    """
    parts = []
    for path in paths:
        for first, table in _read_tsv(path, NEWS, NEWS[:4]):
            ids = table["id"].combine_chunks()
            _refuse(path, first, np.asarray(pc.equal(ids, "")), ids, "id", "an id")
            parts.append(table)
    news = pa.concat_tables(parts)
    kinds = news.group_by(list(NEWS[:3])).aggregate([]).num_rows
    once = news.group_by("id", use_threads=False)
    once = once.aggregate([(name, "first") for name in NEWS[1:4]])
    items = pa.table(
        {
            "item_id": once["id"],
            "category": once["category_first"],
            "subcategory": once["subcategory_first"],
        }
    )
    names = pa.table({"item_id": once["id"], "name": once["title_first"]})
    return items, names, kinds - once.num_rows


def _read_tsv(
    path: Path, names: Sequence[str], wanted: Sequence[str]
) -> Iterator[tuple[int, pa.Table]]:
    """Lines of a file in pieces, each with the number of its first line, all fields as text."""
    try:
        with csv.open_csv(
            path,
            read_options=csv.ReadOptions(
                column_names=list(names), block_size=BLOCK_BYTES, use_threads=False
            ),
            # Titles hold quotes that close nowhere.
            parse_options=csv.ParseOptions(delimiter="\t", quote_char=False, double_quote=False),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), include_columns=list(wanted)
            ),
        ) as reader:
            line = 1
            for batch in reader:
                yield line, pa.Table.from_batches([batch])
                line += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        message = (
            f"cannot be read as lines of {len(names)} fields with tabs between them ({error}). "
            "Fetch the file again."
        )
        raise UserError("IMPORT-TSV", str(path), message) from error


def _refuse(
    path: Path, first: int, bad: NDArray[np.bool_], values: pa.Array, name: str, expected: str
) -> None:
    """Stops at the first line whose value cannot stand."""
    if bad.any():
        row = int(np.argmax(bad))
        where = f"{path}:{first + row} column '{name}'"
        message = f"found '{values[row].as_py()}', expected {expected}. Fetch the file again."
        raise UserError("IMPORT-VALUE", where, message)
