"""The files of ContentWise Impressions: interactions, and the lists that they name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
from numpy.typing import NDArray

from unclicked.errors import UserError
from unclicked.sources.imported import SEARCH_DEPTH
from unclicked.sources.published_parquet import ParquetBatch, flatten, read_parquet

Ints = NDArray[np.int64]

ENDINGS: Final = (".parquet", ".csv", ".csv.gz")
EVENT_COLUMNS: Final = (
    "utc_ts_milliseconds",
    "user_id",
    "series_id",
    "series_length",
    "item_type",
    "recommendation_id",
    "interaction_type",
)
LIST_COLUMNS: Final = {
    "recommendation_id": "integer",
    "recommendation_list_length": "integer",
    "recommended_series_list": "list of integers",
}
KINDS: Final = 4  # of items, and of interactions: 0 to 3
BLOCK_BYTES: Final = 1 << 24


@dataclass(frozen=True)
class Interactions:
    """What users did, in order of time.

    Args:
        time_ms: int64 [n], milliseconds since 1970, UTC.
        user: int64 [n].
        series: int64 [n].
        series_length: int64 [n], episodes of the series.
        item_type: int64 [n], 0 to 3.
        recommendation: int64 [n], the list that led there; -1 where none did.
        kind: int64 [n], 0 viewed, 1 opened, 2 rated, 3 purchased.
    """

    time_ms: Ints
    user: Ints
    series: Ints
    series_length: Ints
    item_type: Ints
    recommendation: Ints
    kind: Ints


@dataclass(frozen=True)
class Lists:
    """Lists that were shown, sorted by their number.

    Args:
        recommendation: int64 [n], distinct.
        offsets: int64 [n + 1], where the series of each list begin.
        series: int64, series of all lists.
        span: A number above every series.
    """

    recommendation: Ints
    offsets: Ints
    series: Ints
    span: int

    def find(self, recommendation: Ints) -> Ints:
        """Places of lists by their number.

        Args:
            recommendation: int64 [m].

        Returns:
            int64 [m], -1 where there is no such list.
        """
        if not len(self.recommendation):
            return np.full(len(recommendation), -1, dtype=np.int64)
        at = np.searchsorted(self.recommendation, recommendation)
        at = np.minimum(at, len(self.recommendation) - 1)
        return np.where(self.recommendation[at] == recommendation, at, -1).astype(np.int64)


def read_interactions(source: Path) -> tuple[Interactions, list[str]]:
    """Reads all interactions.

    Args:
        source: Folder that holds `interactions`, at most three folders down.

    Returns:
        The interactions, and the files that were read.

    Raises:
        UserError: There are none, or several releases of them; a column is missing or of another
            type, or a value cannot stand.
    """
    paths = find_table(source, "interactions")
    kinds = dict.fromkeys(EVENT_COLUMNS, "integer")
    limits: dict[str, tuple[int, int | None]] = {
        "utc_ts_milliseconds": (1, None),
        "user_id": (0, None),
        "series_id": (0, None),
        "item_type": (0, KINDS - 1),
        "recommendation_id": (-1, None),
        "interaction_type": (0, KINDS - 1),
    }
    parts: list[list[Ints]] = []
    for path in paths:
        for batch in _read(path, kinds):
            parts.append([_integers(batch, name, limits.get(name)) for name in EVENT_COLUMNS])
    empty = [np.empty(0, dtype=np.int64)] * len(EVENT_COLUMNS)
    columns = [np.concatenate(pieces) for pieces in zip(*[*parts, empty], strict=True)]
    order = np.argsort(columns[0], kind="stable")
    return Interactions(*(column[order] for column in columns)), [path.name for path in paths]


def read_lists(source: Path) -> tuple[Lists, list[str]]:
    """Reads the lists that interactions name.

    Args:
        source: Folder that holds `impressions-direct-link`, at most three folders down.

    Returns:
        The lists, and the files that were read.

    Raises:
        UserError: There are none, or several releases of them; a column is missing or of another
            type, a list is there twice, or one does not hold as many series as it says.
    """
    paths = find_table(source, "impressions-direct-link")
    numbers, lengths, series = [], [], []
    for path in paths:
        for batch in _read(path, LIST_COLUMNS):
            batch.refuse_gaps(list(LIST_COLUMNS))
            numbers.append(_integers(batch, "recommendation_id", (0, None)))
            length = _integers(batch, "recommendation_list_length", None)
            row, values = flatten(batch.column("recommended_series_list"))
            held = np.bincount(row, minlength=len(length))
            if not np.array_equal(held, length):
                place = int(np.argmax(held != length))
                found = f"{held[place]} series"
                batch.refuse(place, "recommended_series_list", found, f"{length[place]}")
            lengths.append(length)
            series.append(np.asarray(values.cast(pa.int64())))
            if (series[-1] < 0).any():
                place = int(row[np.argmax(series[-1] < 0)])
                batch.refuse(place, "recommended_series_list", "a negative number", "series")
    empty = np.empty(0, dtype=np.int64)
    number, length, shown = (np.concatenate([*part, empty]) for part in (numbers, lengths, series))
    order = np.argsort(number, kind="stable")
    if (np.diff(number[order]) == 0).any():
        twice = int(number[order][:-1][np.diff(number[order]) == 0][0])
        message = f"found {twice} twice, expected each list once. Fetch the files again."
        raise UserError("IMPORT-VALUE", f"{paths[0].parent} column 'recommendation_id'", message)
    start = np.repeat((np.cumsum(length) - length)[order], length[order])
    offsets = np.append(0, np.cumsum(length[order])).astype(np.int64)
    inside = np.arange(len(start)) - np.repeat(offsets[:-1], length[order])
    span = int(shown.max(initial=0)) + 1
    return Lists(number[order], offsets, shown[start + inside], span), [p.name for p in paths]


def find_table(source: Path, name: str) -> list[Path]:
    """The files of one table: those in a folder of its name, or one file of its name.

    Args:
        source: Folder to look in, three folders deep.
        name: Name of the table.

    Returns:
        Its files in the order of their paths, all of one kind.

    Raises:
        UserError: There are none, or several tables of that name.
    """
    found = []
    for depth in range(SEARCH_DEPTH + 1):
        for path in sorted(source.glob("*/" * depth + name + "*")):
            if path.is_dir() and path.name == name:
                files = sorted(file for file in path.iterdir() if file.name.endswith(ENDINGS))
                found += [files] if files else []
            elif path.name in [name + ending for ending in ENDINGS]:
                found.append([path])
    if len(found) != 1:
        there = f"found {len(found)} of them" if found else "found none"
        message = f"{there} up to three folders down, expected one folder '{name}' of CSV or "
        message += "Parquet files. Name the folder that holds it."
        raise UserError("IMPORT-SOURCE", f"{source} {name}", message)
    return found[0]


def _read(path: Path, kinds: Mapping[str, str]) -> Iterator[ParquetBatch]:
    return read_parquet(path, kinds) if path.suffix == ".parquet" else _read_csv(path, kinds)


def _read_csv(path: Path, kinds: Mapping[str, str]) -> Iterator[ParquetBatch]:
    """The named columns of a CSV file; a long list may run over several lines."""
    types = {name: pa.int64() if kind == "integer" else pa.string() for name, kind in kinds.items()}
    try:
        with csv.open_csv(
            path,
            read_options=csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False),
            parse_options=csv.ParseOptions(newlines_in_values=True),
            convert_options=csv.ConvertOptions(column_types=types),
        ) as reader:
            missing = [name for name in kinds if name not in reader.schema.names]
            if missing:
                there = ", ".join(reader.schema.names)
                message = f"found no such column among {there}. Fetch the file again."
                raise UserError("IMPORT-COLUMN", f"{path} column '{missing[0]}'", message)
            row = 0
            for piece in reader:
                batch = ParquetBatch(path, row, pa.Table.from_batches([piece]).select(list(types)))
                for name, kind in kinds.items():
                    batch = batch if kind == "integer" else _with_lists(batch, name)
                yield batch
                row += piece.num_rows
    except (pa.ArrowException, OSError) as error:
        message = f"cannot be read as the published CSV ({error}). Fetch the file again."
        raise UserError("IMPORT-CSV", str(path), message) from error


def _with_lists(batch: ParquetBatch, name: str) -> ParquetBatch:
    """The same rows, with the text of a column read as lists of integers."""
    texts = pc.utf8_trim_whitespace(pc.fill_null(batch.column(name), ""))
    right = pc.match_substring_regex(texts, r"^\[[\s,]*([0-9]+[\s,]+)*[0-9]*[\s,]*\]$")
    if not pc.all(right).as_py():
        row = pc.index(right, False).as_py()
        batch.refuse(row, name, f"'{texts[row].as_py()[:60]}'", "series such as [1 2 3]")
    inner = pc.replace_substring(pc.utf8_slice_codeunits(texts, 1, -1), ",", " ")
    inner = pc.utf8_trim_whitespace(inner)
    rows, values = flatten(pc.ascii_split_whitespace(inner))
    full = np.asarray(pc.greater(pc.binary_length(values), 0))
    counts = np.bincount(rows[full], minlength=len(texts))
    offsets = np.append(0, np.cumsum(counts))
    numbers = values.filter(pa.array(full)).cast(pa.int64())
    lists = pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), numbers)
    place = batch.table.schema.get_field_index(name)
    return ParquetBatch(batch.path, batch.first_row, batch.table.set_column(place, name, lists))


def _integers(batch: ParquetBatch, name: str, limits: tuple[int, int | None] | None) -> Ints:
    """A column as int64, inside its limits where it has some."""
    batch.refuse_gaps([name])
    values = np.asarray(batch.column(name).cast(pa.int64()))
    if limits is not None:
        low, high = limits
        bad = values < low if high is None else (values < low) | (values > high)
        if bad.any():
            row = int(np.argmax(bad))
            span = f"{low} or more" if high is None else f"{low} to {high}"
            batch.refuse(row, name, str(values[row]), span)
    return values
