"""Hostile HTTP: lines, headers, paths, lengths and codings that no well-behaved client sends."""

from __future__ import annotations

import gzip
from typing import Any

from torture.service_json_cases import Case
from torture.service_wire import head, recommend

CLIENT = frozenset(range(400, 500))
PATHS = [
    "/../etc/passwd",
    "/static/../app.py",
    "/static/..%2fapp.py",
    "/static/%2e%2e/%2e%2e/app.py",
    "/static/....//app.py",
    "/static/page.js%00.html",
    "/static/%00",
    "/static/",
    "/static//etc/passwd",
    "/static/%c0%ae%c0%ae/app.py",
    "/static/..%5c..%5capp.py",
    "/static/page.js/../../app.py",
    "//recommend",
    "/recommend/",
    "/Recommend",
    "/recommend;a=b",
    "/recommend%00",
    "/%72ecommend/x",
    "/items/%00",
    "/items/%ff%fe",
    "/items/%ed%a0%80",
    "/items/../model",
    "/items/..%2f..%2fmodel",
    "/items/" + "x" * 3000,
    "/items/%1b%5b31m",
    "/items/nobody/similar?top_k=1e3",
    "/users/",
    "/admin",
    "/debug",
    "/.git/config",
    "/.env",
    "/metrics/",
    "/openapi.json/",
    "/docs/x",
    "/items?limit=-1",
    "/items?limit=201",
    "/items?limit=1.0",
    "/items?limit=%00",
    "/items?limit=" + "9" * 3000,
    "/items?field=%1b%5b2J&value=x",
    "/items?field=" + "f" * 3000 + "&value=x",
    "/items?value=x&field=%ff",
]
HOSTS = [
    "",
    "a b",
    "evil.example",
    "127.0.0.1:99999",
    "a\x00b",
    "a/../b",
    "a@b",
    "[::1",
    "a,b",
    "\udcff\udcfe",
]
HEADERS: list[tuple[str, list[str]]] = [
    ("no host", []),
    ("two hosts", ["host: a", "host: b"]),
    ("1,000 headers", ["host: a", *(f"x-{n}: {n}" for n in range(1000))]),
    ("a header of 400 KB", ["host: a", "x: " + "y" * 400_000]),
    ("a header of 1 MB", ["host: a", "x: " + "y" * 1_000_000]),
    ("a name of 100 KB", ["host: a", "x" * 100_000 + ": y"]),
    ("a header without colon", ["host: a", "nothing"]),
    ("a folded header", ["host: a", "x: a", " b"]),
    ("a blank before the colon", ["host: a", "x : y"]),
    ("a header with NUL", ["host: a", "x: a\0b"]),
    ("a bare line break", ["host: a", "x: a\nhost: b"]),
    (
        "upgrade",
        [
            "host: a",
            "connection: upgrade",
            "upgrade: websocket",
            "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
            "sec-websocket-version: 13",
        ],
    ),
    (
        "h2c",
        [
            "host: a",
            "connection: upgrade, http2-settings",
            "upgrade: h2c",
            "http2-settings: AAMAAABkAAQAAP__",
        ],
    ),
    ("forwarded", ["host: a", "x-forwarded-for: ' OR 1=1", "x-original-url: /admin"]),
    ("if-none-match", ["host: a", "if-none-match: " + '"a",' * 2000]),
    ("a range", ["host: a", "range: bytes=0-18446744073709551615,0-1"]),
]


def http_cases(known: Any) -> list[Case]:
    """All of them.

    Args:
        known: Id of an item.

    Returns:
        The cases.
    """
    return [*_lines(), *_heads(), *_queries(known), *_bodies()]


def _lines() -> list[Case]:
    """First lines: methods, paths, versions."""
    host = ["host: a"]
    missing = frozenset({400, 404, 405, 422})
    found = [Case(f"GET {path[:50]}", head("GET", path, host), missing) for path in PATHS]
    for method in ("PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "GET", "FOO"):
        sent = head(method, "/recommend", [*host, "content-length: 0"])
        found.append(Case(f"{method} /recommend", sent, frozenset({400, 405, 501})))
    for version in ("HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/9.9", "HTTP", "GARBAGE/1.1"):
        well = frozenset({0, 200, 400, 505})
        found.append(Case(f"{version}", head("GET", "/health", host, version), well))
    absolute = frozenset({200, 400, 404})
    for url in (
        "http://127.0.0.1/health",
        "http://evil.example/health",
        "https://a:b@c/health",
        "http://[::1/health",
        "file:///etc/passwd",
        "http://169.254.169.254/latest",
    ):
        found.append(Case(f"the URL {url}", head("GET", url, host), absolute | {0}))
    found.append(Case("CONNECT", head("CONNECT", "a:443", host), CLIENT | {0}))
    found.append(Case("OPTIONS *", head("OPTIONS", "*", host), CLIENT | {0, 200}))
    return found


def _heads() -> list[Case]:
    """Header games; a wrong one may also end the connection."""
    open_ = frozenset({0, 200, 400, 404, 413, 414, 431})
    found = [
        Case(f"the host {value!a}", head("GET", "/health", [f"host: {value}"]), open_)
        for value in HOSTS
    ]
    found += [Case(name, head("GET", "/health", lines), open_) for name, lines in HEADERS]
    found.append(Case("a path of 100 KB", head("GET", "/" + "a" * 100_000, ["host: a"]), open_))
    found.append(Case("no HTTP", b"\x16\x03\x01\x02\x00\x01\x00" + b"\xff" * 300, open_))
    found.append(Case("HTTP/2 at once", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", open_ | {505}))
    one = recommend({"top_k": 2})
    found.append(Case("20 requests at once", one * 20, frozenset({200}), 20))
    mixed = one + recommend({"top_k": -1}) + head("GET", "/nothing", ["host: a"]) + one
    found.append(Case("good and bad ones at once", mixed, frozenset({200}), 4))
    return found


def _queries(known: Any) -> list[Case]:
    host = ["host: a"]
    fine = frozenset({200})
    paths = [
        "/items?query=" + "%20".join("x" * 3 for _ in range(300)),
        "/items?query=%00%1b%ff",
        "/items?query=%F0%9F%98%80",
        "/items?query=.*&query=(a%2B)%2B%24",
        f"/items/{known}",
        f"/items/{known}/similar?top_k=1000",
        "/items?limit=200",
        "/health?" + "a" * 5000,
        "/items?query=';DROP%20TABLE%20items--",
    ]
    found = [Case(f"fine: GET {path[:50]}", head("GET", path, host), fine) for path in paths]
    # A key that the route does not read is the caller's mistake.
    for path in ("/items?unknown=1", "/items?&&&==="):
        sent = head("GET", path, host)
        found.append(Case(f"another key: GET {path}", sent, frozenset({422})))
    for name in ("%00", "%ff", "..%2f..", "x" * 2000, "9" * 5000, "-", "%2D1", "%1b%5b31m"):
        sent = head("DELETE", f"/users/{name}", host)
        found.append(Case(f"DELETE /users/{name[:20]}", sent, frozenset({200, 404, 422})))
    found.append(Case("HEAD", head("GET", "/", ["host: a", "accept: text/plain;q=9"]), fine))
    return found


def _one(name: str, lines: list[str], body: bytes, allowed: frozenset[int]) -> Case:
    return Case(name, head("POST", "/recommend", lines) + body, allowed)


def _bodies() -> list[Case]:
    """Lengths, encodings and types of bodies."""
    kind = ["host: a", "content-type: application/json"]
    refused = frozenset({400, 408, 411, 413, 415})
    cut = refused | {0}
    chunks = b"c\r\n" + b'{"top_k": 3}' + b"\r\n0\r\n\r\n"
    coded = [*kind, "transfer-encoding: chunked"]

    return [
        _one("a body over 64 KiB", [*kind, "content-length: 70000"], b" " * 70_000, refused),
        _one("a length of 2^64", [*kind, f"content-length: {2**64}"], b"{}", cut),
        _one("a length of 2^40", [*kind, f"content-length: {2**40}"], b"{}", refused),
        _one("a negative length", [*kind, "content-length: -1"], b"{}", cut),
        _one("a length in words", [*kind, "content-length: ten"], b"{}", cut),
        _one("a length with plus", [*kind, "content-length: +2"], b"{}", cut),
        _one("two lengths", [*kind, "content-length: 2", "content-length: 3"], b"{} ", cut),
        _one("length and chunks", [*coded, "content-length: 2"], chunks, cut | {200}),
        _one("chunks", coded, chunks, frozenset({200})),
        _one("a bad chunk", coded, b"zz\r\n{}\r\n0\r\n\r\n", cut),
        _one("a chunk of 2^64", coded, b"fffffffffffffffff\r\n{}", cut),
        _one("chunks with an extension", coded, b'c;a="' + b"x" * 100_000 + b'"\r\n', cut),
        _one("another coding", [*kind, "transfer-encoding: gzip, chunked"], chunks, cut | {200}),
        *_types(kind),
    ]


def _types(kind: list[str]) -> list[Case]:
    """Encodings and types of bodies."""
    packed = gzip.compress(b'{"top_k": 3}')
    return [
        _one(
            "gzip",
            [*kind, "content-encoding: gzip", f"content-length: {len(packed)}"],
            packed,
            frozenset({415}),
        ),
        _one(
            "text",
            ["host: a", "content-type: text/plain", "content-length: 2"],
            b"{}",
            frozenset({415}),
        ),
        _one("no type", ["host: a", "content-length: 2"], b"{}", frozenset({415})),
        _one(
            "a form with files",
            ["host: a", "content-type: multipart/form-data; boundary=x", "content-length: 9"],
            b"--x\r\n\r\n--",
            frozenset({415}),
        ),
        _one(
            "a type with control characters",
            ["host: a", "content-type: \x1b[31m", "content-length: 2"],
            b"{}",
            frozenset({0, 400, 415}),
        ),
        _one(
            "type with a charset",
            ["host: a", "content-type: application/json; charset=utf-16", "content-length: 2"],
            b"{}",
            frozenset({200, 400, 415}),
        ),
        _one(
            "expect",
            [*kind, "expect: 100-continue", "content-length: 2"],
            b"{}",
            frozenset({100, 200, 417}),
        ),
        _one(
            "another expectation",
            [*kind, "expect: 200-maybe", "content-length: 2"],
            b"{}",
            frozenset({200, 400, 417}),
        ),
    ]
