"""Answers that are no list: one shape, a code, the JSON path, a sentence."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from starlette.responses import Response

from unclicked.errors import UnclickedError

LONGEST = 100


class Problem(Exception):
    """A request that is not answered with a list.

    Args:
        status: HTTP status.
        code: Short upper-case name.
        message: What was found, what was expected.
        path: JSON path of the part of the request.
        headers: Further headers.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        path: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.path = path
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """The same as an HTTP answer."""
        error = {"code": self.code, "path": safe(self.path), "message": self.message}
        return json_response({"error": error}, self.status, self.headers)


def json_response(
    content: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A JSON answer.

    Args:
        content: What JSON can hold; NaN is a defect and raises.
        status: HTTP status.
        headers: Further headers.

    Returns:
        The answer.
    """
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Response(text.encode(), status, headers, "application/json")


def busy(why: str) -> Problem:
    """The service cannot take more now; asking again in a second is welcome.

    Args:
        why: One sentence.

    Returns:
        A 503.
    """
    return Problem(503, "BUSY", why, headers={"Retry-After": "1"})


def of_user_error(error: UnclickedError, path: str = "") -> Problem:
    """An error of the library as an answer; it names a part of the request.

    Args:
        error: The error.
        path: JSON path of the user.

    Returns:
        A 422.
    """
    where = error.where.split(" ")[0]
    joined = ".".join(part for part in (path, safe(where)) if part)
    return Problem(422, error.name, safe(f"{error.where}: {error.message}", 300), joined)


def of_validation(error: ValidationError, prefix: str = "") -> Problem:
    """The first thing that a body has wrong; what was sent is not repeated.

    Args:
        error: What pydantic found.
        prefix: JSON path of what was validated.

    Returns:
        A 422.
    """
    details = error.errors(include_url=False, include_context=False, include_input=False)
    first = max(details, key=lambda one: len(one["loc"]))
    return Problem(422, "REQUEST", f"{first['msg']}.", json_path(first["loc"], prefix))


# Names that pydantic gives to the branches of a union; they are no keys of the body.
_BRANCHES = ("constrained-", "int", "str", "bool", "list[", "dict[", "literal[", "function-")


def json_path(loc: Sequence[int | str], prefix: str = "") -> str:
    """A location as people write it.

    Args:
        loc: Keys and places.
        prefix: What stands before it.

    Returns:
        A path.

    Example:
        >>> json_path(("users", 0, "events", 2, "item_id", "int"))
        'users[0].events[2].item_id'
    """
    path = prefix
    for number, part in enumerate(loc):
        if isinstance(part, int):
            path += f"[{part}]"
        elif number == 0 or not part.startswith(_BRANCHES):
            path += f".{part}" if path else part
    return path


def safe(text: str, longest: int = LONGEST) -> str:
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
