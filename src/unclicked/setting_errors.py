"""What an error says of settings: the key that was meant, the value that fits, what it is for."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from unclicked.config import Config, Table
from unclicked.errors import UserError


def refused(error: ValidationError, file: str) -> UserError:
    """The first thing that is wrong with settings, as an error that a person can act on.

    Args:
        error: What the check found.
        file: Put before the key: a file's name and a blank, or nothing.

    Returns:
        The error, to be raised.
    """
    first = error.errors(include_url=False)[0]
    path = [str(part) for part in first["loc"]]
    dotted = ".".join(path)[:200]
    if first["type"] == "extra_forbidden":
        advice = "`unclicked train --print-config` shows every setting."
        found = f"unknown setting.{_meant(path)} {advice}"
        return UserError("CONFIG-KEY", f"{file}{dotted}", found)
    found = (
        f"found {first['input']!r:.200}, expected {_wanted(first)}. Change it{_described(path)}."
    )
    return UserError("CONFIG-VALUE", f"{file}{dotted}", found)


def _wanted(first: Any) -> str:
    """What would fit, in the words of the check where these are words for people."""
    if first["type"] in ("model_type", "dict_type"):
        return "a table"
    if first["type"] == "too_short":
        return f"at least {first['ctx']['min_length']} of them"
    told = str(first["msg"])
    wanted = told.removeprefix("Input should be ")
    if wanted == told:
        return f"what passes this: {told}"
    return f"a number {wanted}" if wanted.startswith(("greater", "less")) else wanted


def _meant(path: Sequence[str]) -> str:
    """The setting or table that an unknown key may stand for."""
    known = _all_keys(Config())
    beside = [key for key in known if key.rpartition(".")[0] == ".".join(path[:-1])]
    name = path[-1]
    # The same name in another table is meant before one that is only spelled alike.
    for keys, alike in ((known, 1.0), (beside, 0.6), (known, 0.6)):
        last = {key.rpartition(".")[2]: key for key in reversed(keys)}
        if near := difflib.get_close_matches(name, last, 1, alike):
            return f" Did you mean {last[near[0]]}?"
    there = ", ".join(key.rpartition(".")[2] for key in beside)
    return f" There are: {there}."


def _all_keys(table: Table, prefix: str = "") -> list[str]:
    """Dotted names of all tables and settings, the outer ones of a table first."""
    names = list(type(table).model_fields)
    inner = [(name, getattr(table, name)) for name in names]
    below = [
        key
        for name, value in inner
        if isinstance(value, Table)
        for key in _all_keys(value, f"{prefix}{name}.")
    ]
    return [f"{prefix}{name}" for name in names] + below


def _described(path: Sequence[str]) -> str:
    """What the setting is for, where one has a sentence."""
    table: type[BaseModel] | None = Config
    told = ""
    for part in path:
        field = None if table is None else table.model_fields.get(part)
        if field is None:
            break
        told = field.description or ""
        kind = field.annotation
        table = kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
    return f" ({told})" if told and told != path[-1] else ""
