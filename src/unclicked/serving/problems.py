"""Answers that are no list: one shape, a code, the JSON path, a sentence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from unclicked.serving.sentences import safe

_LONGEST_PATH = 100
# What nginx writes of a client who has gone; nobody reads the answer, but it is counted.
GONE = 499


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
