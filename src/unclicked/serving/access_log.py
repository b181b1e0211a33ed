"""One line of JSON for each answered request, where an operator asks for it; no user's id in it."""

from __future__ import annotations

import json
import logging
from typing import Any

from unclicked.serving.paths import USERS

# The server looks at a header only where its format names it; `_h0` is where it puts the first.
FORMAT = "%(header{x-request-id})s"
_REQUEST_ID = "_h0"


class JsonLine(logging.Formatter):
    """Makes a line of what the server tells of a request.

    Example:
        >>> told = {"time": "2026-01-02 03:04:05 +0000", "addr": "127.0.0.1", "method": "DELETE",
        ...         "path": "/users/anna", "status": 200, "dt_ms": 1.25, "_h0": "r-7"}
        >>> record = logging.makeLogRecord({"msg": FORMAT, "args": told})
        >>> line = json.loads(JsonLine().format(record))
        >>> line["path"], line["status"], line["milliseconds"], line["request_id"]
        ('/users/*', 200, 1.25, 'r-7')
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line; whatever a path or a header holds, it stays one line.

        Args:
            record: A record of the server, whose `args` are its table of facts.

        Returns:
            JSON.
        """
        told: Any = record.args
        line = {
            "time": told["time"],
            "client": told["addr"],
            "method": told["method"],
            "path": _without_id(str(told["path"])),
            "status": told["status"],
            "milliseconds": round(told["dt_ms"], 3),
            "request_id": told[_REQUEST_ID],
        }
        return json.dumps(line)


def _without_id(path: str) -> str:
    """A path without what follows `/users/`, also where it is misspelt or has something before."""
    before, found, _ = path.lower().partition(USERS)
    return f"{path[: len(before)]}{USERS}*" if found else path


def logging_with_lines() -> dict[str, Any]:
    """What makes the server write such lines; the rest of its log stays as it is.

    Returns:
        A table for `logging.config.dictConfig`, whose keys replace the server's own.
    """
    from granian.log import LOGGING_CONFIG

    own: Any = LOGGING_CONFIG["formatters"]
    return {"formatters": {**own, "access": {"()": JsonLine}}}
