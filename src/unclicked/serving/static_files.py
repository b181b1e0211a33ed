"""The page and the reference: files of the package, read once, under a strict policy."""

from __future__ import annotations

import hashlib
from importlib import resources

from starlette.requests import Request
from starlette.responses import Response

from unclicked.serving.problems import Problem

KINDS = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)


class StaticFiles:
    """Serves the files of this package by name; a path never reaches the disk."""

    def __init__(self) -> None:
        folder = resources.files("unclicked.serving") / "static"
        self._files = {
            one.name: one.read_bytes()
            for one in folder.iterdir()
            if one.is_file() and f".{one.name.rpartition('.')[2]}" in KINDS
        }

    async def page(self, request: Request) -> Response:
        """The page."""
        return self._answer(request, "page.html")

    async def reference(self, request: Request) -> Response:
        """The reference of the API."""
        return self._answer(request, "docs.html")

    async def file(self, request: Request) -> Response:
        """A style, script or picture."""
        return self._answer(request, request.path_params["name"])

    def _answer(self, request: Request, name: str) -> Response:
        content = self._files.get(name)
        if content is None:
            raise Problem(404, "NOT-FOUND", "there is nothing here; see /docs.")
        tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        headers = {
            "content-type": KINDS[f".{name.rpartition('.')[2]}"],
            "content-security-policy": POLICY,
            "cache-control": "no-cache",
            "etag": tag,
        }
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(content, headers=headers)
