"""Answers that are no list: one shape, a code, the JSON path, a sentence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from starlette.responses import Response

from unclicked.errors import UnclickedError, UserError
from unclicked.recommendation.request import key_path
from unclicked.serving.sentences import safe, sentence

_LONGEST_PATH, _LONGEST_MESSAGE = 200, 300


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
        error = {"code": self.code, "path": safe(self.path, _LONGEST_PATH), "message": self.message}
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
    # What the user can correct is a part of the request, and is named by its path.
    where = error.where if isinstance(error, UserError) else ""
    joined = ".".join(part for part in (path, where) if part)
    return Problem(422, error.name, safe(error.message, _LONGEST_MESSAGE), joined)


def of_validation(
    error: ValidationError, model: type[BaseModel], content: Any, prefix: str = ""
) -> Problem:
    """The first thing that a body has wrong.

    Args:
        error: What pydantic found.
        model: What the content was validated by.
        content: What was validated.
        prefix: JSON path of the content.

    Returns:
        A 422.
    """
    details = error.errors(include_url=False)
    first = max(details, key=lambda one: len(one["loc"]))
    path = json_path(first, content, prefix)
    # A value that may be of several types has an error for each.
    alike = [
        one
        for one in details
        if one["loc"][:-1] == first["loc"][:-1] and json_path(one, content, prefix) == path
    ]
    return Problem(422, "REQUEST", safe(sentence(alike, model), _LONGEST_MESSAGE), path)


def json_path(detail: ErrorDetails, content: Any, prefix: str = "") -> str:
    """Where an error is, as people write it.

    Args:
        detail: One error; its location names branches of unions too, which are no keys.
        content: What was validated.
        prefix: What stands before it.

    Returns:
        A path.

    Example:
        >>> bad = {"loc": ("users", 0, "top_k", "int"), "type": "int_type", "input": "a"}
        >>> json_path(bad, {"users": [{"top_k": "a"}]})
        'users[0].top_k'
    """
    path, here = prefix, content
    absent = detail["loc"][-1:] if detail["type"] == "missing" else ()
    for part in detail["loc"]:
        if not absent and here is detail["input"] and isinstance(here, dict | list):
            break
        if isinstance(here, list) and isinstance(part, int):
            path, here = f"{path}[{part}]", here[part]
        elif isinstance(here, dict) and isinstance(part, str) and (part in here or part in absent):
            path, here = key_path(path, part), here.get(part)
    return path
