"""Read text as 64-bit integers, exactly or not at all."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from unclicked.data.raw_file import BoolArray, IntArray, as_mask, as_numpy

INTEGER = r"^(0|-?[1-9][0-9]*)$"
SAFE_CHARS = 18
LARGEST = "9223372036854775807"
SMALLEST = "-9223372036854775808"


@dataclass(frozen=True)
class Integers:
    """Texts read as integers.

    Args:
        values: int64 [n], 0 where a text is no integer that fits.
        fits: bool [n], True where the text is an integer in 64 bits.
        too_large: bool [n], True where it is an integer beyond 64 bits.
    """

    values: IntArray
    fits: BoolArray
    too_large: BoolArray


def parse_integers(texts: pa.ChunkedArray) -> Integers:
    """Read texts as integers in one spelling only: `7`, `-7`, `0`, but not `007`, `+7`, `-0`.

    Args:
        texts: Text column [n]; null is no integer.

    Returns:
        Values and masks.

    Example:
        >>> parse_integers(pa.chunked_array([["7", "007", "9223372036854775808"]])).fits.tolist()
        [True, False, False]
    """
    looks = pc.match_substring_regex(texts, INTEGER)
    size = pc.binary_length(texts)
    fits = pc.and_(looks, pc.less_equal(size, SAFE_CHARS))
    if pc.any(pc.and_(looks, pc.greater(size, SAFE_CHARS))).as_py():
        fits = pc.or_(fits, pc.and_(looks, _long_but_fits(texts, size)))
    values = pc.cast(pc.if_else(pc.fill_null(fits, False), texts, "0"), pa.int64())
    return Integers(
        as_numpy(values, 0).astype("int64", copy=False),
        as_mask(fits),
        as_mask(pc.and_not(looks, fits)),
    )


def _long_but_fits(texts: pa.ChunkedArray, size: pa.ChunkedArray) -> pa.ChunkedArray:
    """Texts of one length compare like the numbers that they spell."""
    negative = pc.starts_with(texts, "-")
    below = pc.and_(pc.equal(size, len(LARGEST)), pc.or_(negative, pc.less_equal(texts, LARGEST)))
    above = pc.and_(
        pc.and_(negative, pc.equal(size, len(SMALLEST))), pc.less_equal(texts, SMALLEST)
    )
    return pc.or_(below, above)
