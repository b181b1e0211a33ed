"""From a preset, a TOML file and `--set` to one checked configuration, and back to text."""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from unclicked.config import Config, Table
from unclicked.dotted import merge, nest
from unclicked.errors import UserError
from unclicked.presets import PRESETS, Settings
from unclicked.setting_errors import refused

LARGEST_FILE = 1 << 18
DEEPEST_KEY = 50
# Beyond it no number with a fraction goes: it is left an integer, which the check refuses.
LARGEST_INTEGER = 10**300
KEY_PART = re.compile(r"""[ \t\w"'-]*""")


def parse_set(assignments: Sequence[str]) -> Settings:
    """Read `--set a.b=c` options into a nested table.

    Args:
        assignments: Texts `dotted.key=value`; a value is TOML, or plain text where it is no TOML.

    Returns:
        A nested table.

    Raises:
        UserError: If a text has no `=`.

    Example:
        >>> parse_set(["model.dim=64", "model.fusion=none"])
        {'model': {'dim': 64, 'fusion': 'none'}}
    """
    result: Settings = {}
    for text in assignments:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise UserError("CONFIG-SET", f"--set {text}", "expected KEY=VALUE, as model.dim=64.")
        try:
            parsed: Any = tomllib.loads(f"value = {value}")["value"]
        except (ValueError, RecursionError):
            parsed = value
        result = merge(result, nest({key.strip(): parsed}))
    return result


def read_toml(path: Path) -> Settings:
    """Read a configuration file.

    Args:
        path: A TOML file.

    Returns:
        Its nested table.

    Raises:
        UserError: If the file cannot be read, is no TOML, or holds an unknown key or a value that
            does not fit.
    """
    table = parse_toml(path, "`unclicked train --print-config` prints a valid one.")
    _checked(table, f"{path} ")
    return table


def parse_toml(path: Path, advice: str) -> Settings:
    """Read a TOML file, whatever its keys.

    Args:
        path: A TOML file.
        advice: A sentence that says where a valid one comes from.

    Returns:
        Its nested table.

    Raises:
        UserError: If the file cannot be read, or is no TOML.
    """
    if path.exists() and not path.is_file():
        raise UserError("CONFIG-FILE", str(path), "is no regular file, expected TOML.")
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            found = f"found {size:,} bytes, expected at most {LARGEST_FILE:,}."
            raise UserError("CONFIG-FILE", str(path), found)
        text = path.read_text(encoding="utf-8")
        _refuse_deep_keys(text, path)
        return tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        what = getattr(error, "strerror", None) or error
        raise UserError(
            "CONFIG-FILE", str(path), f"cannot be read ({what}). Check the path."
        ) from error
    except (ValueError, RecursionError) as error:
        raise UserError("CONFIG-TOML", str(path), f"is no valid TOML: {error}. {advice}") from error


def _refuse_deep_keys(text: str, path: Path) -> None:
    """No setting lies deeper than a few tables; thousands of dots would keep a reader busy."""
    depth = 0
    for part in text.split("."):
        depth = depth + 1 if KEY_PART.fullmatch(part) else 0
        if depth > DEEPEST_KEY:
            raise UserError(
                "CONFIG-TOML", str(path), f"has a key of more than {DEEPEST_KEY} parts."
            )


def preset_settings(name: str) -> Settings:
    """Settings of a named preset.

    Args:
        name: A key of `PRESETS`.

    Returns:
        Its nested table.

    Raises:
        UserError: If there is no such preset.
    """
    if name not in PRESETS:
        raise UserError(
            "CONFIG-PRESET",
            f"--preset {name}",
            f"no such preset.{_nearest(name, list(PRESETS))} A base recommender is no preset: "
            "--set model.encoder=NAME.",
        )
    return PRESETS[name]


def resolve(*layers: Mapping[str, Any]) -> Config:
    """Lay settings over each other and check the result.

    Args:
        *layers: Nested tables, later ones win.

    Returns:
        The checked configuration.

    Raises:
        UserError: If a key is unknown (the nearest valid one is named) or a value does not fit.

    Example:
        >>> resolve({"model": {"dim": 64}}).model.dim
        64
    """
    merged: Settings = {}
    for layer in layers:
        merged = merge(merged, layer)
    return _checked(merged, "")


def _checked(settings: Mapping[str, Any], file: str) -> Config:
    try:
        return Config.model_validate(_integers_to_floats(Config, settings))
    except ValidationError as error:
        raise refused(error, file) from None


def _integers_to_floats(table: type[BaseModel], values: Any) -> Any:
    """TOML writes `3` for 3.0; strict checking would refuse it for a number with a fraction."""
    if not isinstance(values, Mapping):
        return values
    result: Settings = {}
    for key, value in values.items():
        field = table.model_fields.get(key)
        kind = None if field is None else field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            result[key] = _integers_to_floats(kind, value)
        elif kind is float and type(value) is int and abs(value) < LARGEST_INTEGER:
            result[key] = float(value)
        elif kind == dict[str, list[float]] and isinstance(value, Mapping):
            result[key] = {
                name: [float(edge) if type(edge) is int else edge for edge in edges]
                if isinstance(edges, list)
                else edges
                for name, edges in value.items()
            }
        else:
            result[key] = value
    return result


def _nearest(name: str, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, names, 1)
    return f" Did you mean {near[0]}?" if near else f" There are: {', '.join(names)}."


def flatten(table: Table, prefix: str = "") -> dict[str, Any]:
    """All settings of a table under dotted keys.

    Args:
        table: A checked table.
        prefix: Put before each key.

    Returns:
        Dotted key to value, in the order of declaration.
    """
    result: dict[str, Any] = {}
    for name in type(table).model_fields:
        value = getattr(table, name)
        if isinstance(value, Table):
            result.update(flatten(value, f"{prefix}{name}."))
        else:
            result[prefix + name] = value
    return result


def print_config(config: Config, preset: str) -> str:
    """The configuration as TOML, each setting with its sentence, its default and a mark.

    Args:
        config: The resolved configuration.
        preset: Name of the preset it was built on; settings that it names are marked.

    Returns:
        TOML text that reads back to the same configuration.
    """
    lines = [f"# preset: {preset}", "# [preset] marks what the preset sets."]
    lines.extend(_toml_lines(config, Config(), preset_settings(preset), ()))
    return "\n".join(lines) + "\n"


def _toml_lines(
    table: Table, default: Table, preset: Mapping[str, Any], path: tuple[str, ...]
) -> Iterator[str]:
    nested = []
    for name, field in type(table).model_fields.items():
        value = getattr(table, name)
        if isinstance(value, Table):
            nested.append(name)
            continue
        mark = " [preset]" if name in preset and preset[name] == value else ""
        yield f"# {field.description} (default {_toml(getattr(default, name))}){mark}"
        yield f"# {name} =" if value is None else f"{name} = {_toml(value)}"
    for name in nested:
        yield ""
        yield f"[{'.'.join((*path, name))}]"
        below = preset.get(name, {})
        yield from _toml_lines(getattr(table, name), getattr(default, name), below, (*path, name))


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        inner = ", ".join(f"{json.dumps(key)} = {_toml(item)}" for key, item in value.items())
        return f"{{{inner}}}"
    if value is None:
        return "not set"
    # TOML has no surrogate pairs, and it wants DEL escaped, which JSON lets pass.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
