"""The tables and the truth beside a simulated log, written piece by piece."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from unclicked.sources.simulate_catalogue import Catalogue, IntArray
from unclicked.sources.simulate_knobs import SimulationKnobs

PROFILE_VALUES: Final = 8
ROWS_AT_ONCE: Final = 1 << 17


def text_ids(prefix: str, numbers: IntArray, total: int) -> pa.Array:
    """Ids that cannot be mistaken for numbers and sort like them.

    Args:
        prefix: First letter.
        numbers: int64 [n], 0-based.
        total: How many there are in all; decides the digits, at least 5.

    Returns:
        Text [n].

    Example:
        >>> text_ids("u", np.array([12]), 2500).to_pylist()
        ['u00012']
    """
    return _text(prefix, numbers, max(5, len(str(total - 1))))


def write_items(path: Path, catalogue: Catalogue, knobs: SimulationKnobs) -> None:
    """Writes the items with the fields that a model may use.

    Args:
        path: Parquet file to write.
        catalogue: The items.
        knobs: Sizes.
    """

    def piece(first: int, last: int) -> dict[str, pa.Array]:
        leaf, brand = catalogue.leaf[first:last], catalogue.brand[first:last]
        shop = _text("", catalogue.shop[first:last], 1)
        return {
            "item_id": text_ids("i", np.arange(first, last), knobs.num_items),
            "leaf_category": _text("leaf", leaf, 2),
            "category": _text("category", leaf % knobs.num_categories, 1),
            "brand": _text("brand", brand, 2),
            "shop": pc.binary_join_element_wise(_text("shop", brand, 2), shop, "-"),
        }

    _write(path, knobs.num_items, piece)


def write_users(path: Path, knobs: SimulationKnobs, rng: np.random.Generator) -> None:
    """Writes the users with two profile fields that have nothing to do with what they click.

    Args:
        path: Parquet file to write.
        knobs: Sizes.
        rng: Source of randomness.
    """
    values = rng.integers(0, PROFILE_VALUES, (2, knobs.num_users))

    def piece(first: int, last: int) -> dict[str, pa.Array]:
        return {
            "user_id": text_ids("u", np.arange(first, last), knobs.num_users),
            "age_band": _text("age", values[0, first:last], 1),
            "region": _text("region", values[1, first:last], 1),
        }

    _write(path, knobs.num_users, piece)


def _write(path: Path, rows: int, piece: Callable[[int, int], dict[str, pa.Array]]) -> None:
    """A table in pieces of some rows, so that only one of them is held as text."""
    schema = pa.table(piece(0, 1)).schema
    with pq.ParquetWriter(path, schema) as writer:
        for first in range(0, rows, ROWS_AT_ONCE):
            writer.write_table(pa.table(piece(first, min(first + ROWS_AT_ONCE, rows))))


def _text(prefix: str, numbers: IntArray, digits: int) -> pa.Array:
    """Numbers as text with leading zeros, after a prefix."""
    padded = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), digits, "0")
    return pc.binary_join_element_wise(prefix, padded, "")


class TruthFile:
    """`truth.json`, written while the log is made: first the needs, user by user, then the rest.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8")
        self._file.write('{"needs":[')
        self._empty = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def add_needs(self, needs: IntArray) -> None:
        """Writes what some users need.

        Args:
            needs: Leaf numbers by user, day and need: leaf 7 is `leaf07` in the item table; int64
                [users, days, needs].
        """
        self._file.write("" if self._empty else ",")
        self._file.write(json.dumps(needs.tolist(), separators=(",", ":"))[1:-1])
        self._empty = False

    def finish(self, facts: dict[str, Any]) -> None:
        """Writes the rest of the object.

        Args:
            facts: Its other members, at least one.
        """
        self._file.write("]," + json.dumps(facts, separators=(",", ":"))[1:] + "\n")
