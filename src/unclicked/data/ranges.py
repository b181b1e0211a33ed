"""Check loaded arrays: types, lengths and ranges, so that no number points outside of another."""

from __future__ import annotations

from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unclicked.data.catalogue import Catalogue
from unclicked.data.samples import Samples
from unclicked.errors import ArtefactError

Array = NDArray[Any]
# Values looked at together: memory-mapped arrays are read once and never held as a whole.
BLOCK = 1 << 20
_UNREADABLE = (OSError, ValueError, OverflowError, TypeError, MemoryError, SyntaxError, TokenError)


def load_array(path: Path, dtype: type[np.generic], num_axes: int = 1) -> Array:
    """Open an array of ours, memory-mapped, without looking at its values.

    Args:
        path: File in NumPy's own format.
        dtype: Type that its numbers must have.
        num_axes: Number of its axes.

    Returns:
        The array, read-only.

    Raises:
        ArtefactError: If it is no such array; objects, which could run code, are none.
    """
    try:
        # Not numpy.load, which goes by the content and would open archives as well.
        with np.errstate(over="ignore"):
            array = np.lib.format.open_memmap(path, mode="r")
    except _UNREADABLE as error:
        reason = str(error)[:200]
        raise ArtefactError("DATASET-FILE", str(path), f"cannot be read ({reason}).") from None
    wanted = np.dtype(dtype)
    if array.dtype != wanted or array.ndim != num_axes:
        found = f"holds {array.dtype} with {array.ndim} axes"
        raise ArtefactError(
            "DATASET-ARRAY", str(path), f"{found}, expected {wanted} with {num_axes}."
        )
    if array.offset + array.nbytes != path.stat().st_size:
        raise ArtefactError("DATASET-ARRAY", str(path), "holds more than its array.")
    return array


def check_length(values: Array, length: int, path: Path) -> None:
    """Refuse an array of another length.

    Args:
        values: The array.
        length: Length that its first axis must have.
        path: Where it was read.

    Raises:
        ArtefactError: If it has another.
    """
    if len(values) != length:
        raise ArtefactError(
            "DATASET-ARRAY", str(path), f"holds {len(values)} entries, expected {length}."
        )


def check_range(values: Array, low: int | Array, high: int | Array, path: Path) -> None:
    """Refuse numbers below or above what they may be.

    Args:
        values: Integers [n] or [n, m].
        low: Smallest allowed, for all or for each [n].
        high: Largest allowed, for all or for each [n].
        path: Where they were read.

    Raises:
        ArtefactError: If one lies outside; the first is named.
    """
    for begin in range(0, len(values), BLOCK):
        part = slice(begin, begin + BLOCK)
        least = low if isinstance(low, int) else low[part]
        most = high if isinstance(high, int) else high[part]
        outside = (values[part] < least) | (values[part] > most)
        if outside.any():
            first = int(np.flatnonzero(outside.reshape(len(outside), -1).any(axis=1))[0]) + begin
            raise ArtefactError(
                "DATASET-RANGE",
                str(path),
                f"entry {first} is {values[first]}, outside of what it may be. Prepare it anew.",
            )


def check_offsets(offsets: Array, num_rows: int, total: int, path: Path) -> None:
    """Refuse offsets that do not cut an array into rows.

    Args:
        offsets: int64 [num_rows + 1].
        num_rows: Number of rows.
        total: Number of values in all rows.
        path: Where they were read.

    Raises:
        ArtefactError: If they do not begin at 0, fall, or end elsewhere than at `total`.
    """
    check_length(offsets, num_rows + 1, path)
    check_range(offsets[:1], 0, 0, path)
    check_range(offsets[1:], offsets[:-1], total, path)
    check_range(offsets[-1:], total, total, path)


def check_catalogue(catalogue: Catalogue, folder: Path) -> None:
    """Check the items' numbers.

    Args:
        catalogue: What was loaded.
        folder: Where from.

    Raises:
        ArtefactError: If an array does not fit the others.
    """
    count, path = len(catalogue.items), folder / "clicks.npy"
    check_length(catalogue.clicks, count, path)
    # The sampler of negatives takes an item's number for its rank by clicks.
    check_range(catalogue.clicks, 0, np.iinfo(np.int64).max, path)
    check_range(catalogue.clicks[1:], 0, catalogue.clicks[:-1], path)
    path = folder / "id_rank.npy"
    check_length(catalogue.id_rank, count + 1, path)
    check_range(catalogue.id_rank[:1], 0, 0, path)
    check_range(catalogue.id_rank[1:], 0, count - 1, path)
    if len(np.unique(catalogue.id_rank[1:])) != count:
        raise ArtefactError("DATASET-RANGE", str(path), "gives two items one rank.")
    for number, field in enumerate(catalogue.fields.values()):
        codes = folder / f"field{number}_codes.npy"
        check_range(field.codes, 0, field.vocabulary.unknown, codes)
        check_offsets(
            field.offsets, count + 2, len(field.codes), folder / f"field{number}_offsets.npy"
        )


def check_samples(samples: Samples, sizes: tuple[int, int, int], folder: Path) -> None:
    """Check the samples' numbers.

    Args:
        samples: What was loaded.
        sizes: Numbers of users, of clicks and of items.
        folder: Where from.

    Raises:
        ArtefactError: If an array does not fit the others.
    """
    num_users, num_clicks, num_items = sizes
    num_samples, num_rows = len(samples), len(samples.row_offsets) - 1

    def path(name: str) -> Path:
        return folder / f"{name}.npy"

    for name in ("start", "end", "long_start", "label_end", "row_start"):
        check_length(getattr(samples, name), num_samples, path(name))
    check_range(samples.user, 0, num_users - 1, path("user"))
    check_range(samples.end, 1, num_clicks, path("end"))
    check_range(samples.start, 0, samples.end - 1, path("start"))
    check_range(samples.long_start, 0, samples.start, path("long_start"))
    check_range(samples.label_end, samples.start, num_clicks, path("label_end"))
    check_offsets(
        samples.position_offsets, num_samples, len(samples.row_now), path("position_offsets")
    )
    length = samples.end - samples.start
    check_range(np.diff(samples.position_offsets), length, length, path("position_offsets"))
    check_range(samples.row_start, 0, num_rows - 1, path("row_start"))
    check_range(samples.row_now, 0, num_rows - 1, path("row_now"))
    check_offsets(samples.row_offsets, num_rows, len(samples.row_items), path("row_offsets"))
    check_range(samples.row_items, 1, num_items, path("row_items"))
    check_length(samples.row_counts, len(samples.row_items), path("row_counts"))
    check_range(samples.row_counts, 1, np.iinfo(np.int32).max, path("row_counts"))
    check_offsets(
        samples.truth_offsets, num_samples, len(samples.truth_items), path("truth_offsets")
    )
    check_range(samples.truth_items, 1, num_items, path("truth_items"))
