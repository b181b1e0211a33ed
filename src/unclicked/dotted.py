"""Nested tables of settings: one over another, and from dotted keys and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Settings = dict[str, Any]


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> Settings:
    """Lay one nested table over another; the second wins.

    Args:
        base: Nested settings.
        over: Nested settings that replace those of `base`, key by key.

    Returns:
        A new nested table.

    Example:
        >>> merge({"a": {"b": 1, "c": 2}}, {"a": {"c": 3}})
        {'a': {'b': 1, 'c': 3}}
    """
    result = dict(base)
    for key, value in over.items():
        old = result.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        result[key] = merge(old, value) if both and old is not None else value
    return result


def nest(flat: Mapping[str, Any]) -> Settings:
    """Turn dotted keys into a nested table.

    Args:
        flat: Values by dotted key.

    Returns:
        A nested table.

    Example:
        >>> nest({"model.dim": 64, "model.fusion": "none"})
        {'model': {'dim': 64, 'fusion': 'none'}}
    """
    result: Settings = {}
    for key, value in flat.items():
        for part in reversed(key.split(".")):
            value = {part: value}
        result = merge(result, value)
    return result


def flat(nested: Mapping[str, Any], prefix: str = "") -> Settings:
    """Turn a nested table into dotted keys.

    Args:
        nested: The table.
        prefix: Put before each key.

    Returns:
        Values by dotted key.

    Example:
        >>> flat({"model": {"dim": 64, "fusion": "none"}})
        {'model.dim': 64, 'model.fusion': 'none'}
    """
    result: Settings = {}
    for key, value in nested.items():
        inner = isinstance(value, Mapping)
        result |= flat(value, f"{prefix}{key}.") if inner else {f"{prefix}{key}": value}
    return result
