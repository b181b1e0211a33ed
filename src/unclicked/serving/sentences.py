"""What is wrong with a value of a request, in a sentence: what was found, what was expected."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

MOST_SHOWN = 60
Context = Mapping[str, Any]


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number of things.

    Args:
        number: How many.
        noun: What one of them is called.
        plural: What several are called, where that is not the noun with an s.

    Returns:
        A text.

    Example:
        >>> counted(1, "key"), counted(1000, "key")
        ('1 key', '1,000 keys')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


# What pydantic calls an error, and what we say was expected.
EXPECTED: dict[str, Callable[[Context], str]] = {
    "int_type": lambda ctx: "an integer",
    "string_type": lambda ctx: "text",
    "string_unicode": lambda ctx: "text in Unicode",
    "bool_type": lambda ctx: "true or false",
    "list_type": lambda ctx: "a list",
    "dict_type": lambda ctx: "an object",
    "model_type": lambda ctx: "an object",
    "model_attributes_type": lambda ctx: "an object",
    "literal_error": lambda ctx: str(ctx["expected"]),
    "greater_than_equal": lambda ctx: f"an integer of at least {ctx['ge']:,}",
    "greater_than": lambda ctx: f"an integer above {ctx['gt']:,}",
    "less_than_equal": lambda ctx: f"an integer of at most {ctx['le']:,}",
    "less_than": lambda ctx: f"an integer below {ctx['lt']:,}",
    "string_too_short": lambda ctx: f"text of at least {counted(ctx['min_length'], 'character')}",
    "string_too_long": lambda ctx: f"text of at most {counted(ctx['max_length'], 'character')}",
    "too_short": lambda ctx: f"at least {counted(ctx['min_length'], 'entry', 'entries')}",
    "too_long": lambda ctx: f"at most {counted(ctx['max_length'], 'entry', 'entries')}",
}


def sentence(details: Sequence[ErrorDetails], model: type[BaseModel]) -> str:
    """What was found at one place of a body, and what was expected there.

    Args:
        details: The errors at this place, one for each type that it may have.
        model: What the body was validated by.

    Returns:
        A sentence; pydantic's own where we have none.

    Example:
        >>> one = {"type": "int_type", "loc": ("top_k",), "msg": "...", "input": [1, 2]}
        >>> sentence([one], BaseModel)
        'found a list of 2, expected an integer.'
    """
    first = details[0]
    if first["type"] == "missing":
        return "is missing, expected this key."
    if first["type"] == "extra_forbidden":
        return _unknown_key(first["loc"], model)
    told = [one for one in details if one["type"] in EXPECTED]
    if not told:
        return f"{first['msg']}."
    expected = dict.fromkeys(EXPECTED[one["type"]](one.get("ctx", {})) for one in told)
    return f"found {shown(first['input'])}, expected {' or '.join(expected)}."


def _unknown_key(loc: Sequence[int | str], model: type[BaseModel]) -> str:
    keys: list[str] = []
    at: type[BaseModel] | None = model
    for part in loc[:-1]:
        if isinstance(part, str) and at is not None:
            field = at.model_fields.get(part)
            at = None if field is None else _model_of(field.annotation)
    if at is not None:
        keys = list(at.model_fields)
    near = get_close_matches(str(loc[-1])[:MOST_SHOWN], keys, 1)
    if near:
        return f"is no key that is known here; did you mean {near[0]}?"
    return f"is no key that is known here, expected one of: {', '.join(keys) or 'none'}."


def _model_of(annotation: Any) -> type[BaseModel] | None:
    """The model that a list, a choice or an annotated type is about."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_of, get_args(annotation))), None)


def shown(value: Any) -> str:
    """A value of a request as a message may show it.

    Args:
        value: What JSON can hold.

    Returns:
        At most 60 characters of it, in ASCII; of a list or an object only its size.

    Example:
        >>> shown(True), shown("a\u00fc"), shown({"a": 1})
        ('true', '"a\\\\u00fc"', 'an object of 1 key')
    """
    if isinstance(value, dict):
        return f"an object of {counted(len(value), 'key')}"
    if isinstance(value, list):
        return f"a list of {len(value):,}"
    if not isinstance(value, str):
        return safe(json.dumps(value), MOST_SHOWN)
    text = json.dumps(value[:MOST_SHOWN])
    if len(value) <= MOST_SHOWN and len(text) <= MOST_SHOWN:
        return safe(text, MOST_SHOWN)
    return f'{safe(text[:-1], MOST_SHOWN - 1)}" ({counted(len(value), "character")})'


def safe(text: str, longest: int = 100) -> str:
    """Text from outside, short and without what could confuse a terminal or a log.

    Args:
        text: Any text.
        longest: Characters kept.

    Returns:
        Printable text.

    Example:
        >>> safe("a\\x1b[31m\\ud800")
        'a?[31m?'
    """
    cut = text if len(text) <= longest else text[: longest - 3] + "..."
    return "".join(one if one.isprintable() and one.isascii() else "?" for one in cut)
