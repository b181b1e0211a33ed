"""Match the columns of a file with ours, by name and type, before any row is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from unclicked.data.column_hints import list_columns, mapping_hint, nearest_name
from unclicked.data.schema import OPTIONAL_COLUMNS, REQUIRED_COLUMNS, ReadOptions, shorten
from unclicked.errors import UserError

EXPECTED = {
    "user_id": "text or integer",
    "item_id": "text or integer",
    "timestamp": "timestamp, integer or text",
    "clicked": "boolean, integer or text",
    "clicked_at": "timestamp, integer or text",
    "session_id": "text or integer",
}


@dataclass(frozen=True)
class ColumnPlan:
    """Which columns of one file are read.

    Args:
        path: The file.
        types: Name in the file -> Arrow type, of all its columns, in order.
        used: Our name -> name in the file.
    """

    path: Path
    types: Mapping[str, pa.DataType]
    used: Mapping[str, str]

    @property
    def unused(self) -> list[str]:
        """Columns that nothing reads."""
        return [name for name in self.types if name not in self.used.values()]


def plan_columns(path: Path, types: Mapping[str, pa.DataType], options: ReadOptions) -> ColumnPlan:
    """Find our columns among those of a file.

    Args:
        path: The file, for messages.
        types: Name in the file -> Arrow type.
        options: `columns` maps our names to those of the file.

    Returns:
        The columns to read.

    Raises:
        UserError: A column is missing or of a type that cannot be read, or a mapped name is none
            of ours.
    """
    mapped = _checked_mapping(options)
    used: dict[str, str] = {}
    missing: dict[str, str] = {}
    for column in (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS):
        name = mapped.get(column, column)
        if column in OPTIONAL_COLUMNS and column not in mapped and name in mapped.values():
            continue
        if name in types:
            used[column] = name
        elif column in REQUIRED_COLUMNS or column in mapped:
            missing[column] = name
    if missing:
        raise _missing(path, types, missing, used)
    for column, name in used.items():
        if not _readable(column, types[name]):
            raise _wrong_type(path, types, column, name)
    return ColumnPlan(path, types, used)


def is_text(kind: pa.DataType) -> bool:
    """Whether a type is text, plain, large, a view, or a dictionary of such."""
    if pa.types.is_dictionary(kind):
        return is_text(kind.value_type)
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def is_integer(kind: pa.DataType) -> bool:
    """Whether a type is an integer of any width, or a dictionary of such."""
    if pa.types.is_dictionary(kind):
        return is_integer(kind.value_type)
    return bool(pa.types.is_integer(kind))


def plain_type(kind: pa.DataType) -> pa.DataType:
    """The type that a column has once it was read.

    Args:
        kind: Type in the file.

    Returns:
        `string` for every kind of text, the type of the values for a dictionary, a list of plain
        values for a list; others stay.

    Example:
        >>> plain_type(pa.list_(pa.dictionary(pa.int8(), pa.large_string())))
        ListType(list<item: string>)
    """
    if is_text(kind):
        return pa.string()
    if pa.types.is_dictionary(kind):
        return plain_type(kind.value_type)
    if is_list(kind):
        return pa.list_(plain_type(kind.value_type))
    return kind


def is_list(kind: pa.DataType) -> bool:
    """Whether a type is a list, plain, large or of a fixed size."""
    return bool(
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )


def _readable(column: str, kind: pa.DataType) -> bool:
    if isinstance(kind, pa.BaseExtensionType):
        return False
    if is_text(kind) or is_integer(kind):
        return True
    if column == "clicked":
        return bool(pa.types.is_boolean(kind))
    if column in ("timestamp", "clicked_at") and pa.types.is_timestamp(kind):
        return True
    return column in OPTIONAL_COLUMNS and bool(pa.types.is_null(kind))


def _checked_mapping(options: ReadOptions) -> dict[str, str]:
    """Our columns whose name in the files is another."""
    known = (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS)
    mapped: dict[str, str] = {}
    for column, name in options.columns.items():
        where = f"data.columns.{column}"
        if column not in known:
            near = nearest_name(column, known)
            hint = f"There are: {', '.join(known)}."
            if near is not None:
                hint = f'Did you mean "{near}"?'
            raise UserError("CONFIG-KEY", where, f"is no column of ours. {hint}")
        if name != column:
            mapped[column] = name
    taken = {name: name for name in REQUIRED_COLUMNS if name not in mapped}
    for column, name in mapped.items():
        other = taken.setdefault(name, column)
        if other != column:
            raise UserError(
                "CONFIG-VALUE",
                f"data.columns.{column}",
                f'"{name}" already stands for {other}. Map {other} to another column.',
            )
    return mapped


def _listing(types: Mapping[str, pa.DataType]) -> str:
    expected = ", ".join(f"{name} ({EXPECTED[name]})" for name in REQUIRED_COLUMNS)
    optional = ", ".join(f"{name} ({EXPECTED[name]})" for name in OPTIONAL_COLUMNS)
    return f"Found: {list_columns(types)}; expected: {expected}; optional: {optional}."


def _missing(
    path: Path,
    types: Mapping[str, pa.DataType],
    missing: Mapping[str, str],
    used: Mapping[str, str],
) -> UserError:
    """The error for our columns `missing`, by the names that they should have in the file."""
    free = [other for other in types if other not in used.values()]
    targets: dict[str, str | None] = {}
    for column, name in missing.items():
        targets[column] = nearest_name(name, free)
        free = [other for other in free if other != targets[column]]
    near = [f'"{target}"' for target in targets.values() if target is not None]
    hint = mapping_hint("Map it" if len(missing) == 1 else "Map each", targets)
    if near:
        hint = f"Nearest {'is' if len(near) == 1 else 'are'} {', '.join(near)}. {hint}"
    if len(types) == 1 and any(mark in next(iter(types)) for mark in ";\t|"):
        hint = "The header has no comma: write the file with commas between the fields."
    names = ", ".join(f'"{name}"' for name in missing.values())
    return UserError("DATA-COLUMN", str(path), f"no column {names}. {_listing(types)} {hint}")


def _wrong_type(path: Path, types: Mapping[str, pa.DataType], column: str, name: str) -> UserError:
    found = shorten(types[name])
    if isinstance(types[name], pa.BaseExtensionType):
        found = f"{found}, an extension type"
    return UserError(
        "DATA-COLUMN",
        f'{path} column "{name}"',
        f"found {found}, expected {EXPECTED[column]}. {_listing(types)} Convert it. "
        + mapping_hint("Or map another", {column: None}),
    )
