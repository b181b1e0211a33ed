"""What an error says of the columns of a file: their names, the nearest one, how to map it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping

import pyarrow as pa

from unclicked.data.schema import shorten

MAX_LISTED = 40
MAX_COMPARED = 1000
MAX_NAME = 80
# Of 1; it parts `item_id` and `video_id` (0.67) from `user_id` and `item_id` (0.57).
LEAST_ALIKE = 0.6
PLACEHOLDER = "NAME_IN_THE_FILE"


def list_columns(types: Mapping[str, pa.DataType]) -> str:
    """Names and types of columns, the first 40.

    Args:
        types: Name -> type.

    Returns:
        A text on one line.

    Example:
        >>> list_columns({"who": pa.int64(), "what": pa.string()})
        'who (int64), what (string)'
    """
    first = list(types.items())[:MAX_LISTED]
    text = ", ".join(
        f"{shorten(name, MAX_NAME)} ({shorten(kind, MAX_NAME)})" for name, kind in first
    )
    return text + (f" and {len(types) - MAX_LISTED} more" if len(types) > MAX_LISTED else "")


def nearest_name(name: str, names: Iterable[str]) -> str | None:
    """The name that is spelled most alike, whatever its case, where one is alike enough.

    Args:
        name: Name that was not found.
        names: Names that are there; long ones and those beyond the first 1000 are left out,
            because comparing takes long.

    Returns:
        One of the names; None where even the nearest would be a silly guess.

    Example:
        >>> nearest_name("item_id", ["user", "ItemID"])
        'ItemID'
        >>> nearest_name("item_id", ["user_id", "time"]) is None
        True
    """
    short = [other for other in names if len(other) <= MAX_NAME][:MAX_COMPARED]
    lowered = {other.lower(): other for other in short}
    near = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=LEAST_ALIKE)
    return lowered[near[0]] if near else None


def mapping_hint(start: str, names: Mapping[str, str | None]) -> str:
    """How columns of other names are mapped, on the command line and in a file.

    Args:
        start: What to do, such as `Map it`.
        names: Our name -> name in the file, None where it is not known; at least one.

    Returns:
        A sentence.

    Example:
        >>> mapping_hint("Map it", {"user_id": "who"})
        'Map it with --set data.columns.user_id=who, or [data.columns] user_id = "who".'
        >>> mapping_hint("Map both", {"user_id": "a", "item_id": "b"}).split(", or ")[1]
        '[data] columns = { user_id = "a", item_id = "b" }.'
    """
    known = {ours: PLACEHOLDER if name is None else name for ours, name in names.items()}
    pairs = ", ".join(f'{ours} = "{name}"' for ours, name in known.items())
    toml = f"[data.columns] {pairs}" if len(known) == 1 else f"[data] columns = {{ {pairs} }}"
    if any(not name.isprintable() or set(name) & {"'", '"', "\\"} for name in known.values()):
        return f"{start} with {toml}."
    options = " ".join(f"--set {_option(ours, name)}" for ours, name in known.items())
    return f"{start} with {options}, or {toml}."


def _option(ours: str, name: str) -> str:
    # What TOML would read as a number, a date or a truth value needs its quotes.
    if not re.fullmatch(r"[A-Za-z_][\w-]*", name) or name in {"true", "false", "inf", "nan"}:
        return f"'data.columns.{ours}=\"{name}\"'"
    return f"data.columns.{ours}={name}"
