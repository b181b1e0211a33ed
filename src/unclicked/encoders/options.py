"""Checks of the options that a user may give to an encoder."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from unclicked.errors import UserError

Option = bool | int | float | str | None
ConfigT = TypeVar("ConfigT")


def build_config(config: Callable[..., ConfigT], options: Mapping[str, Option]) -> ConfigT:
    """Return a config dataclass filled from options, refusing names it does not have.

    Args:
        config: The dataclass; it checks the values itself.
        options: Values by name.

    Returns:
        The config.

    Raises:
        UserError: An option is unknown; the nearest valid name is given.
    """
    valid = list(inspect.signature(config).parameters)
    for name in options:
        if name not in valid:
            raise unknown_name("ENCODER-OPTION", name, valid)
    return config(**options)


def unknown_name(kind: str, name: str, valid: Iterable[str]) -> UserError:
    """Return the error for a name that does not exist, with the nearest one that does.

    Args:
        kind: Name of the kind of error.
        name: What was found.
        valid: What exists.

    Returns:
        The error, to be raised.

    Example:
        >>> print(unknown_name("ENCODER", "smd", ["sdm"]))
        error[ENCODER] smd: no such name, did you mean 'sdm'? Valid: sdm.
    """
    known, name = list(valid), name[:80]
    if not known:
        return UserError(kind, name, "no such name, none is valid.")
    near = difflib.get_close_matches(name, known, n=1)
    hint = f", did you mean '{near[0]}'?" if near else "."
    return UserError(kind, name, f"no such name{hint} Valid: {', '.join(known)}.")


def check_choice(name: str, value: object, choices: Iterable[str]) -> None:
    """Raise `UserError` unless an option is one of the given words."""
    valid = list(choices)
    if value not in valid:
        raise UserError(
            "ENCODER-OPTION", name, f"found {value!r}, expected one of {', '.join(valid)}."
        )


def check_flag(name: str, value: object) -> None:
    """Raise `UserError` unless an option is true or false."""
    if not isinstance(value, bool):
        raise UserError("ENCODER-OPTION", name, f"found {value!r}, expected true or false.")


def check_count(name: str, value: object, *, low: int, high: int = 4096) -> None:
    """Raise `UserError` unless an option is a whole number from `low` to `high`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise UserError(
            "ENCODER-OPTION", name, f"found {value!r}, expected a whole number of at least {low}."
        )
    if value > high:
        found = f"found {str(value)[:20]}, expected at most {high}."
        raise UserError("ENCODER-OPTION", name, found)


def check_probability(name: str, value: object) -> None:
    """Raise `UserError` unless an option is a number in [0, 1)."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value < 1.0:
        raise UserError(
            "ENCODER-OPTION", name, f"found {value!r}, expected a number from 0 to below 1."
        )
