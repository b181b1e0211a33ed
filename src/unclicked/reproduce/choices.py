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
"""What validation chooses, and so what a file of choices may hold; a base has the first two."""
_BASES = KEYS[:2]
_OWN = "model.metric_labels=permuted"
_ADVICE = "A study that chooses leaves one in its folder, named after it."
_HEAD = "# Settings that validation chose. Another study takes them with: --choices"
_EXPECTED = "expected an encoder, or an encoder, a fusion and a metric loss with blanks between"
_NOT_CHOSEN = ("none", "none")


@dataclass(frozen=True)
class Choices:
    """Settings that need no choice any more.

    Attributes:
        source: Name of the file that they come from; empty without one.
        path: The file.
        settings: Settings by dotted key, by what shares them: a base's encoder such as `sdm`, or
            encoder, fusion and metric loss such as `sdm confidence symmetric`.
    """

    source: str = ""
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    path: Path | None = None


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
    # Names of folders are in it, and a person may have named one with a line break.
    lines = [_HEAD, f"# {json.dumps(how)}"]
    for name, settings in chosen.items():
        lines += ["", f"[{json.dumps(name)}]"]
        lines += [f"{json.dumps(key)} = {json.dumps(value)}" for key, value in settings.items()]
    with disk.told(path):
        disk.make_folder(path.parent)
        aside = path.with_name(f".{path.name}.writing")
        aside.write_text("\n".join(lines) + "\n", encoding="utf-8")
        disk.sync(aside)
        aside.replace(path)


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
    if not tables:
        found = f"has no table of choices, expected one such as [sdm]. {_ADVICE}"
        raise UserError("CHOICES-TABLE", str(path), found)
    for name, settings in tables.items():
        _refuse_name(name, path)
        where = f"{path} [{json.dumps(name)}]"
        if not isinstance(settings, dict) or not settings:
            found = f"found {settings!r}, expected a table of settings such as"
            raise UserError("CHOICES-TABLE", where, f'{found} "{KEYS[1]}" = 0.05.')
        keys = KEYS if " " in name else _BASES
        for key in settings:
            if key not in keys:
                found = f"found {key!r}, expected one of {', '.join(keys)}, in quotes."
                raise UserError("CHOICES-KEY", where, found)
    return Choices(path.name, tables, path)


def _refuse_name(name: str, path: Path) -> None:
    encoders = [base.encoder for base in BASES.values()]
    parts = name.split(" ")
    kind, own = tuple(parts[1:3]), parts[3:]
    known = len(parts) == 1 or (
        kind in PRINTED_PRESETS
        and kind != _NOT_CHOSEN
        and (not own or (own == [_OWN] and kind[1] != "none"))
    )
    if known and parts[0] in encoders:
        return
    near = difflib.get_close_matches(parts[0], encoders, n=1, cutoff=0.0)[0]
    example = " ".join([near, *parts[1:]]) if known else f"{near} confidence symmetric"
    found = f"found the table {json.dumps(name)}, {_EXPECTED}, as in {json.dumps(example)}."
    raise UserError("CHOICES-NAME", str(path), found)
