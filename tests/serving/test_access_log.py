"""The lines that an operator asks for: one for each request, whatever it holds, and nobody's id."""

from __future__ import annotations

import json
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
from tests.serving.server_running import running


def ask(url: str, method: str, body: Any = None, **headers: str) -> None:
    """Ask, whatever the answer."""
    content = None if body is None else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, content, named, method=method)
    with suppress(HTTPError), urllib.request.urlopen(request, timeout=20) as answer:
        answer.read()


def test_each_request_is_one_line_without_an_id(
    tiny_bundle: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    typed = {"content_type": "application/json"}
    with running(tiny_bundle, "--access-log") as url:
        ask(f"{url}/recommend", "POST", {"clicked": []}, x_request_id='r-7"', **typed)
        ask(f"{url}/recommend", "POST", {"clicked": 1}, **typed)
        ask(f"{url}/users/anna", "DELETE")
        ask(f"{url}/shop/Users/anna", "DELETE")
        ask(f"{url}/no%0A%7B%22forged%22", "GET")
    written = capfd.readouterr().out.splitlines()
    lines = [json.loads(line) for line in written if line.startswith("{")]
    found = [one for one in lines if one["path"] != "/ready"]
    keys = ("method", "path", "status", "request_id")
    assert [tuple(one[key] for key in keys) for one in found] == [
        ("POST", "/recommend", 200, 'r-7"'),
        ("POST", "/recommend", 422, "-"),
        ("DELETE", "/users/*", 200, "-"),
        ("DELETE", "/shop/users/*", 404, "-"),
        ("GET", '/no\n{"forged"', 404, "-"),
    ]
    assert all(one["client"] == "127.0.0.1" and 0 < one["milliseconds"] < 20_000 for one in found)
    assert "anna" not in "".join(written)
    assert not [line for line in written if line.startswith('{"forged')]


def test_nobody_is_written_down_unasked(
    tiny_bundle: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with running(tiny_bundle) as url:
        ask(f"{url}/health", "GET")
    assert "/health" not in capfd.readouterr().out
