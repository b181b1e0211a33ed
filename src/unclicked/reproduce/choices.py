"""Choices of settings as a file: what validation chose once, for another study to take as it is."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unclicked import disk
from unclicked.errors import UserError
from unclicked.reproduce.methods import BASES, PRINTED_PRESETS
from unclicked.settings import parse_toml

KEYS = (
    "train.optimizer",
    "train.learning_rate",
    "model.metric_weight",
    "model.metric_grad_cap",
)
"""What validation chooses, and so what a file of choices may hold."""
_ADVICE = "A study that chooses leaves one in its folder, named after it."
_HEAD = "# Settings that validation chose. Another study takes them with: --choices"
_EXPECTED = "expected an encoder, or an encoder, a fusion and a metric loss with blanks between"


@dataclass(frozen=True)
class Choices:
    """Settings that need no choice any more.

    Attributes:
        source: Name of the file that they come from; empty without one.
        settings: Settings by dotted key, by what shares them: a base's encoder such as `sdm`, or
            encoder, fusion and metric loss such as `sdm confidence symmetric`.
    """

    source: str = ""
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def file_of(study: str) -> str:
    """Name of the file in which a study leaves what it chose.

    Args:
        study: Name of the study.

    Returns:
        The file's name.

    Example:
        >>> file_of("table2")
        'table2-choices.toml'
    """
    return f"{study}-choices.toml"


def write_choices(path: Path, chosen: Mapping[str, Mapping[str, Any]], how: str) -> None:
    """Write choices so that a person can read and change them.

    Args:
        path: The file; an earlier one is replaced.
        chosen: Settings by dotted key, by what shares them.
        how: One line that says how they were chosen.

    Raises:
        ResourceError: The disk refuses to write.
    """
    lines = [_HEAD, f"# {how}"]
    for name, settings in chosen.items():
        lines += ["", f"[{json.dumps(name)}]"]
        lines += [f"{json.dumps(key)} = {json.dumps(value)}" for key, value in settings.items()]
    with disk.told(path):
        disk.make_folder(path.parent)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_choices(path: Path) -> Choices:
    """Read choices that a study left, or that a person wrote.

    Args:
        path: A TOML file: a table for each base or method, with quoted dotted keys.

    Returns:
        The choices.

    Raises:
        UserError: The file cannot be read or is no TOML, or names something that is not chosen.
    """
    tables = parse_toml(path, _ADVICE)
    for name, settings in tables.items():
        _refuse_name(name, path)
        where = f"{path} [{json.dumps(name)}]"
        if not isinstance(settings, dict) or not settings:
            found = f"found {settings!r}, expected a table of settings such as"
            raise UserError("CHOICES-TABLE", where, f'{found} "{KEYS[1]}" = 0.05.')
        for key in settings:
            if key not in KEYS:
                found = f"found {key!r}, expected one of {', '.join(KEYS)}, in quotes."
                raise UserError("CHOICES-KEY", where, found)
    return Choices(path.name, tables)


def _refuse_name(name: str, path: Path) -> None:
    encoders = [base.encoder for base in BASES.values()]
    parts = name.split(" ")
    known = len(parts) == 1 or tuple(parts[1:3]) in PRINTED_PRESETS
    if known and parts[0] in encoders:
        return
    near = difflib.get_close_matches(parts[0], encoders, n=1, cutoff=0.0)[0]
    example = " ".join([near, *parts[1:]]) if known else f"{near} confidence symmetric"
    found = f"found the table {json.dumps(name)}, {_EXPECTED}, as in {json.dumps(example)}."
    raise UserError("CHOICES-NAME", str(path), found)
