"""Read the tables that give items and users their fields."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from unclicked.data.column_hints import list_columns, mapping_hint, nearest_name
from unclicked.data.ids import read_ids
from unclicked.data.log_columns import ColumnPlan, is_integer, is_text
from unclicked.data.log_files import check_file
from unclicked.data.raw_file import IntArray, RawFile, RowFaults
from unclicked.data.reader import column_types, read_file
from unclicked.data.schema import BadRow, ReadOptions, shorten
from unclicked.data.side_fields import SideField, check_field_type, read_field
from unclicked.errors import UserError


@dataclass(frozen=True)
class SideTable:
    """Items or users with their categorical fields, sorted by id.

    Args:
        ids: int64 or string [n], distinct, of the kind that the log has.
        fields: Name -> values per row.
        duplicates: Rows removed because they repeated another row.
        names: Name of each row for people, if a column holds them; it is no field.
    """

    ids: pa.Array
    fields: dict[str, SideField]
    duplicates: int
    names: SideField | None = None


def read_side_table(
    path: Path,
    id_column: str,
    options: ReadOptions,
    id_type: pa.DataType,
    name_column: str | None = None,
) -> SideTable:
    """Read a Parquet or CSV table with one row per item or user.

    Text, integers and booleans are categories; a list gives several values; null and empty text
    give none. Numbers with a fraction are refused unless `options.bins` names their edges. Any
    bad row is an error.

    Args:
        path: The file.
        id_column: `"item_id"` or `"user_id"`.
        options: Name of the id column in the file, kind of ids, and bins.
        id_type: int64 or string, as the log has it.
        name_column: Column with names for people, which is no field.

    Returns:
        The table.

    Raises:
        UserError: The id column is missing or of another kind than in the log, a field cannot be
            read as categories, or an id is there twice with different fields.
        ArtefactError: The file is empty or cannot be decoded.
    """
    check_file(path)
    plan = _plan(path, id_column, options)
    _check_names(plan, name_column, options)
    raw = read_file(plan, options.limits)
    if raw.bad:
        raise _bad_row(raw.bad[0], "DATA-LINE")
    ids = _read_ids(raw, id_column, options, id_type)
    fields = {
        name: read_field(raw, name, options.bins.get(name), _bins_key(id_column, name))
        for name in plan.used
        if name != id_column
    }
    order = np.asarray(pc.sort_indices(ids).to_numpy()).astype(np.int64)
    order = order[np.lexsort((order, _dense(ids, order)))]
    keep = _distinct(raw, id_column, ids, order, fields)
    rows = order[keep]
    kept = {name: field.take(rows) for name, field in fields.items()}
    names = None if name_column is None else kept.pop(name_column)
    return SideTable(ids.take(pa.array(rows)), kept, len(order) - len(rows), names)


def _plan(path: Path, id_column: str, options: ReadOptions) -> ColumnPlan:
    types = column_types(path, options.limits)
    name = options.name_in_file(id_column)
    name = name if name in types else id_column
    if name not in types:
        near = nearest_name(name, types)
        raise UserError(
            "DATA-COLUMN",
            str(path),
            f'no column "{options.name_in_file(id_column)}". Found: {list_columns(types)}. '
            + mapping_hint("Where the log has the same name, map it", {id_column: near})
            + f' Otherwise rename the column of this file to "{id_column}".',
        )
    if not is_text(types[name]) and not pa.types.is_integer(types[name]):
        raise UserError(
            "DATA-COLUMN",
            f'{path} column "{name}"',
            f"found {types[name]}, expected text or integer. Convert it.",
        )
    used = {id_column: name}
    for field, kind in types.items():
        if field == name:
            continue
        if field == id_column:
            raise UserError(
                "DATA-COLUMN",
                f'{path} column "{field}"',
                f'found beside "{name}", which is mapped to {id_column}. Remove or rename one.',
            )
        check_field_type(path, field, kind, field in options.bins, _bins_key(id_column, field))
        used[field] = field
    for field in options.bins:
        if field not in used:
            names = ", ".join(used)
            raise UserError(
                "CONFIG-KEY", _bins_key(id_column, field), f"is no column of {path} ({names})."
            )
    return ColumnPlan(path, types, used)


def _check_names(plan: ColumnPlan, name: str | None, options: ReadOptions) -> None:
    """Names are a column of text or integers that is nothing else."""
    if name is None:
        return
    found = ", ".join(plan.used.values())
    kind = plan.types.get(name)
    if kind is None or name in (plan.used["item_id"], *options.bins):
        raise UserError(
            "CONFIG-KEY",
            "data.item_name",
            f'"{name}" is no column of {plan.path} that is free for names ({found}).',
        )
    if not is_text(kind) and not is_integer(kind):
        raise UserError(
            "DATA-COLUMN",
            f'{plan.path} column "{name}"',
            f"found {kind}, expected text as data.item_name. Convert it.",
        )


def _read_ids(raw: RawFile, column: str, options: ReadOptions, id_type: pa.DataType) -> pa.Array:
    found = raw.table.column(column).type
    typed = raw.row_groups is not None and options.id_type == "auto"
    if typed and is_text(found) != (id_type == pa.string()):
        raise UserError(
            "DATA-ID",
            f'{raw.plan.path} column "{raw.plan.used[column]}"',
            f'found {found}, but column "{column}" of the log has {id_type} ids. Write both '
            'alike, or set data.id_type = "text".',
        )
    forced = replace(options, id_type="text" if id_type == pa.string() else "integer")
    faults = RowFaults(raw)
    values = read_ids(raw, column, id_type, faults, forced)
    bad, _ = faults.describe(limit=1)
    if bad:
        raise _bad_row(bad[0], "DATA-ID")
    return pa.concat_arrays([*values.chunks, pa.array([], type=id_type)])


def _dense(ids: pa.Array, order: IntArray) -> IntArray:
    """For each place of a sorted order, which distinct id stands there."""
    if not len(order):
        return order
    placed = ids.take(pa.array(order))
    new = np.asarray(pc.not_equal(placed[1:], placed[:-1]).to_numpy(zero_copy_only=False))
    return np.concatenate([[0], np.cumsum(new)]).astype(np.int64)


def _distinct(
    raw: RawFile, id_column: str, ids: pa.Array, order: IntArray, fields: dict[str, SideField]
) -> IntArray:
    """Places of the order that keep the first row of each id; other rows must equal it."""
    group = _dense(ids, order)
    new = np.ones(len(order), dtype=np.bool_)
    new[1:] = group[1:] != group[:-1]
    keep = np.flatnonzero(new)
    for place in np.flatnonzero(~new).tolist():
        first, other = int(order[keep[group[place]]]), int(order[place])
        for name, field in fields.items():
            if field.row(first) != field.row(other):
                raise UserError(
                    "DATA-DUPLICATE",
                    raw.bad_row(other, name, "").where,
                    f'{id_column} "{shorten(ids[other].as_py())}" has {field.row(other)}, but '
                    f"{field.row(first)} in row {int(raw.rows[first])}; expected one row per id. "
                    "Remove one.",
                )
    return keep


def _bins_key(id_column: str, field: str) -> str:
    return f"data.{id_column.removesuffix('_id')}_bins.{field}"


def _bad_row(bad: BadRow, name: str) -> UserError:
    return UserError(name, bad.where, f"{bad.found} Correct the file.")
