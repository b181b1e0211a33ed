"""Items and users with their fields, as numbers in the order that sampling needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from unclicked.data.schema import shorten
from unclicked.data.side_tables import SideTable
from unclicked.data.vocabulary import Vocabulary
from unclicked.errors import UserError

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class FieldCodes:
    """One categorical field of every row: a ragged list of value numbers.

    Attributes:
        vocabulary: Its values.
        offsets: int64 [n + 1], where each row's values begin.
        codes: int32, value numbers.
    """

    vocabulary: Vocabulary
    offsets: Ints
    codes: NDArray[np.int32]


@dataclass(frozen=True)
class Catalogue:
    """All items, numbered 1..V by descending clicks of the training period, then by id.

    Attributes:
        items: Item ids in that order.
        clicks: int64 [V], clicks of each in the training period.
        id_rank: int64 [V + 1], rank of each item's id in id order; 0 for padding. Breaks ties.
        fields: Name to the field's codes; row 0 is padding, row V + 1 the unknown item.
    """

    items: Vocabulary
    clicks: Ints
    id_rank: Ints
    fields: dict[str, FieldCodes]


def all_item_ids(log_ids: pa.Array, table: SideTable | None, missing: str) -> pa.Array:
    """Ids of the catalogue in id order.

    Args:
        log_ids: Distinct ids of the log.
        table: The item table, if there is one.
        missing: "fail" or "unknown": what an item of the log means that the table lacks.

    Returns:
        Distinct ids, ascending (text by bytes).

    Raises:
        UserError: If items lack and that is not allowed.
    """
    if table is None:
        return log_ids.take(pc.sort_indices(log_ids))
    lacking = log_ids.filter(pc.invert(pc.is_in(log_ids, value_set=table.ids)))
    if len(lacking) and missing == "fail":
        first = ", ".join(shorten(value) for value in lacking[:10].to_pylist())
        raise UserError(
            "DATA-ITEM",
            "item table",
            f"lacks {len(lacking)} items of the log ({first}). Add them, or set "
            'data.missing_item = "unknown" to give them no fields.',
        )
    joined = pa.concat_arrays([table.ids, lacking])
    return joined.take(pc.sort_indices(joined))


def build_catalogue(ids: pa.Array, clicks: Ints, table: SideTable | None) -> Catalogue:
    """Number the items and their field values.

    Args:
        ids: Distinct item ids in id order.
        clicks: int64 [V], clicks of each in the training period.
        table: The item table, if there is one.

    Returns:
        The catalogue.
    """
    order = np.argsort(-clicks, kind="stable")
    items = Vocabulary(ids.take(pa.array(order)))
    id_rank = np.zeros(len(ids) + 1, dtype=np.int64)
    id_rank[1:] = order
    fields = {}
    if table is not None:
        rows = _rows(table, items.values)
        fields = {name: _field_codes(table, name, rows) for name in sorted(table.fields)}
    return Catalogue(items, clicks[order], id_rank, fields)


def _rows(table: SideTable, ids: pa.Array) -> Ints:
    """Row of the side table for each id, -1 where it has none."""
    found = pc.index_in(ids, value_set=table.ids)
    return np.array(pc.fill_null(found.cast(pa.int64()), -1), dtype=np.int64)


def _field_codes(table: SideTable, name: str, rows: Ints) -> FieldCodes:
    """Codes of a field for padding, every item, and the unknown item."""
    field = table.fields[name]
    values = field.values
    distinct = values.unique().drop_null()
    vocabulary = Vocabulary(distinct.take(pc.sort_indices(distinct)))
    codes = vocabulary.encode(values)
    begin = np.where(rows >= 0, field.offsets[rows], 0)
    length = np.where(rows >= 0, field.offsets[rows + 1] - begin, 1)
    offsets = np.zeros(len(rows) + 3, dtype=np.int64)
    np.cumsum(np.concatenate(([0], length, [1])), out=offsets[1:])
    result = np.full(offsets[-1], vocabulary.unknown, dtype=np.int32)
    known = rows >= 0
    target = np.repeat(offsets[1:-2][known], length[known])
    source = np.repeat(begin[known], length[known])
    within = np.arange(len(target)) - np.repeat(
        np.cumsum(length[known]) - length[known], length[known]
    )
    result[target + within] = codes[source + within]
    return FieldCodes(vocabulary, offsets, result)


def build_profiles(
    users: pa.Array, table: SideTable | None
) -> tuple[dict[str, Vocabulary], NDArray[np.int32]]:
    """Profile fields of every user.

    Args:
        users: Distinct user ids.
        table: The user table, if there is one.

    Returns:
        Vocabulary of each field, and int32 [U, P] value numbers; 0 where a user has none.

    Raises:
        UserError: If a profile field holds several values for one user.
    """
    if table is None:
        return {}, np.zeros((len(users), 0), dtype=np.int32)
    rows = _rows(table, users)
    vocabularies, columns = {}, []
    for name in sorted(table.fields):
        field = table.fields[name]
        length = np.diff(field.offsets)
        if (length > 1).any():
            raise UserError("DATA-USER", f"user table column '{name}'", "holds several values.")
        distinct = field.values.unique().drop_null()
        vocabulary = Vocabulary(distinct.take(pc.sort_indices(distinct)))
        codes = np.append(vocabulary.encode(field.values), 0)
        has = (rows >= 0) & (length[rows] > 0)
        columns.append(np.where(has, codes[np.where(has, field.offsets[rows], -1)], 0))
        vocabularies[name] = vocabulary
    stacked = np.stack(columns, axis=1) if columns else np.zeros((len(users), 0))
    return vocabularies, stacked.astype(np.int32)
