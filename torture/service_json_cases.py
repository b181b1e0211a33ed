"""Hostile JSON: bodies that are none, mean two things, or hold what no request may hold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torture.service_wire import post, recommend

BAD = frozenset({400, 422})
NO_JSON = [
    ("nothing", b""),
    ("half", b'{"clicked": ['),
    ("NaN", b'{"top_k": NaN}'),
    ("Infinity", b'{"top_k": Infinity}'),
    ("-Infinity in a list", b'{"clicked": [-Infinity]}'),
    ("a key twice", b'{"clicked": [], "clicked": []}'),
    ("a key twice, deep", b'{"users": [{"profile": {"a": "b", "a": "c"}}]}'),
    ("UTF-16", '{"clicked": ["\u00e9"]}'.encode("utf-16")),
    ("UTF-32", b"{\0\0\0}\0\0\0"),
    ("a byte order mark", b"\xef\xbb\xbf{}"),
    ("no UTF-8", b'{"clicked": ["\xff\xfe"]}'),
    ("overlong UTF-8", b'{"clicked": ["\xc0\xaf"]}'),
    ("a surrogate in UTF-8", b'{"clicked": ["\xed\xa0\x80"]}'),
    ("NUL bytes", b"\0" * 100),
    ("a raw control character", b'{"clicked": ["a\x1b[31m"]}'),
    ("single quotes", b"{'clicked': []}"),
    ("a comment", b'{"clicked": [] /* x */}'),
    ("a comma too many", b'{"clicked": ["a",]}'),
    ("two values", b"{} {}"),
    ("a name", b"undefined"),
    ("an octal number", b'{"top_k": 010}'),
    ("a hexadecimal number", b'{"top_k": 0x10}'),
    ("a form", b"clicked=a&top_k=3"),
    ("XML", b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>"),
]
WRONG: dict[str, Any] = {
    "10,001 ids": {"clicked": [1] * 10_001},
    "a field with control characters": {"a\u001b[31m\u0000": 1},
    "a field of 10,000 characters": {"\u202e" * 3_000: 1},
    "a prototype": {"__proto__": {"x": 1}, "constructor": {}},
    "65 users": {"users": [{}] * 65},
    "no user": {"users": []},
    "users in users": {"users": [{"users": [{}]}]},
    "users beside clicked": {"users": [{}], "clicked": []},
    "another model": {"model": "../main"},
    "explain as text": {"explain": "true"},
    "a profile of numbers": {"profile": {"gender": 1}},
    "101 profile fields": {"profile": {f"f{n}": "x" for n in range(101)}},
    "a filter without values": {"filter": {"category": []}},
    "a filter of numbers": {"filter": {"category": [1]}},
    "an id as a list": {"id": [1]},
    "a user as a float": {"user_id": 1.5},
    "a list": [],
    "a text": "clicked",
    "a number": 7,
    "null": None,
    "true": True,
}
RAW = [
    ("1e400", b'{"top_k": 1e400}'),
    ("1e400 as an id", b'{"clicked": [1e400]}'),
    ("-1e400 as a time", b'{"now": -1e400, "time_unit": "s"}'),
    ("an integer of 5,000 digits", b'{"clicked": [' + b"9" * 5_000 + b"]}"),
    ("an integer of 5,000 digits as top_k", b'{"top_k": ' + b"9" * 5_000 + b"}"),
    ("a float of 5,000 digits", b'{"clicked": [0.' + b"9" * 5_000 + b"]}"),
    ("a lone surrogate in a key", b'{"\\ud800": 1}'),
    ("a lone surrogate in the profile", b'{"profile": {"a": "\\udfff"}}'),
    ("a lone surrogate as id", b'{"id": "\\ud800", "top_k": 3}'),
    ("a lone surrogate in a filter", b'{"filter": {"\\ud800": ["\\udc00"]}}'),
]
TIMES = [
    -1,
    2**63,
    2**63 - 1,
    1.5,
    True,
    None,
    "",
    "yesterday",
    "2026-11-28",
    "2026-11-28T12:00:00",
    "10000-01-01T00:00:00Z",
    "0000-01-01T00:00:00Z",
    "1969-12-31T23:59:59Z",
    "2026-02-30T00:00:00Z",
    "2026-11-28T25:00:00Z",
    "2026-11-28T12:00:00+99:00",
    "9999-12-31T23:59:59-23:59",
    "0001-01-01T00:00:00+23:59",
    "\u0662\u0660\u0662\u0666",
    "x" * 41,
]


@dataclass(frozen=True)
class Case:
    """One connection's bytes.

    Attributes:
        name: What is wrong with them.
        sent: The bytes.
        allowed: Statuses that the last answer may have; 0 is a closed connection.
        answers: Number of answers.
    """

    name: str
    sent: bytes
    allowed: frozenset[int] = BAD
    answers: int = 1


def json_cases(ids: Sequence[Any]) -> list[Case]:
    """All of them.

    Args:
        ids: Ids of the catalogue.

    Returns:
        The cases.
    """
    return [*_no_json(), *_wrong_values(ids[0]), *_odd_but_fine(ids), *_events(ids[0])]


def _no_json() -> list[Case]:
    deep = [
        (f"nested {depth:,} times: {name}", opened * depth + closed * (depth if both else 0))
        for depth in (500, 5_000, 30_000)
        for name, opened, closed in (("[", b"[", b"]"), ("{", b'{"a":', b"}"))
        for both in (True, False)
        if depth * len(opened) < 65_536
    ]
    texts = [*NO_JSON, *deep]
    return [Case(f"body: {name}", post("/recommend", text)) for name, text in texts] + [
        Case(f"events: {name}", post("/events", text)) for name, text in texts
    ]


def _wrong_values(known: Any) -> list[Case]:
    big = 2**63
    contents: list[tuple[str, Any]] = [
        *(
            (f"top_k {value!r}", {"top_k": value})
            for value in (0, -1, 1001, 1.0, True, "7", None, [], {}, big, -big, 10**30)
        ),
        *(
            (f"an id {str(value)[:20]!r}", {"clicked": [value]})
            for value in (True, False, None, 1.5, "", [], {}, big, -big - 1, "\ud800", "x" * 1025)
        ),
        *(
            (f"a number as {kind}", {kind: 7})
            for kind in ("clicked", "unclicked", "events", "profile", "exclude", "filter", "users")
        ),
        *(
            (f"null as {kind}", {kind: None})
            for kind in (
                "clicked",
                "unclicked",
                "profile",
                "exclude",
                "filter",
                "users",
                "explain",
                "model",
            )
        ),
        *WRONG.items(),
        ("1,001 ids", {"exclude": [known] * 1001}),
        ("an unknown field", {"colour": 1}),
        ("an unknown profile field", {"profile": {"\u001b]0;x\u0007": "a"}}),
        ("an unknown filter field", {"filter": {"\u001b[2J'; DROP TABLE items": ["a"]}}),
        ("a user beside lists", {"user_id": "a", "clicked": [known]}),
    ]
    return [Case(name, recommend(content)) for name, content in contents] + [
        Case(name, post("/recommend", text)) for name, text in RAW
    ]


def _odd_but_fine(ids: Sequence[Any]) -> list[Case]:
    fine = frozenset({200})
    contents: list[tuple[str, Any]] = [
        ("nobody", {}),
        ("unknown items alone", {"clicked": ["nobody", "nothing"]}),
        ("one item again and again", {"clicked": [ids[0]] * 1000}),
        ("clicked and unclicked at once", {"clicked": list(ids[:9]), "unclicked": list(ids[:9])}),
        ("everything excluded", {"exclude": list(ids[:1000]), "top_k": 1000}),
        ("all items", {"clicked": list(ids[:3]), "top_k": 1000, "explain": True}),
        ("an odd id of a user", {"id": "\u0000\u001b\u202e\U0001f600"}),
        ("a filter that nothing has", {"filter": {"category": ["\u0000"]}}),
        ("a value of a profile that nobody has", {"profile": {"gender": "\u001b"}}),
        ("64 users", {"users": [{"clicked": [ids[n]], "explain": True} for n in range(64)]}),
        ("the smallest and the largest integers", {"id": -(2**63), "user_id": 2**63 - 1}),
        ("blanks around", {"clicked": [], "now": "2026-11-28T12:00:00Z"}),
    ]
    either = frozenset({200, 422})
    return [
        Case(name, recommend(content), either if "filter" in name or "profile" in name else fine)
        for name, content in contents
    ]


def _events(known: Any) -> list[Case]:
    base = {"item_id": known, "timestamp": "2026-11-28T12:00:00Z", "clicked": True}
    contents: list[tuple[str, Any]] = [
        *((f"time {str(value)[:30]!r}", base | {"timestamp": value}) for value in TIMES),
        *(
            (f"click time {value!r}", base | {"clicked_at": value})
            for value in (-1, 2**63, "x", 1.5)
        ),
        *(
            (f"clicked {value!r}", base | {"clicked": value})
            for value in (2, -1, "1", None, 0.0, [])
        ),
        ("an event without a time", {"item_id": known, "clicked": True}),
        ("an event with more", base | {"price": 1}),
        ("a session that is a number", base | {"session_id": 7}),
        ("a session of 1,025 characters", base | {"session_id": "s" * 1025}),
    ]
    unit = {"time_unit": "us"}
    found = []
    for name, event in contents:
        found.append(Case(f"recommend, {name}", recommend({"events": [event]} | unit)))
        sent = json.dumps({"user_id": "u", "events": [event]} | unit).encode()
        found.append(Case(f"events, {name}", post("/events", sent)))
    for content in (
        {"user_id": "u"},
        {"user_id": "u", "events": []},
        {"events": [base]},
        {"user_id": True, "events": [base]},
        {"user_id": "", "events": [base]},
        {"user_id": "u", "events": [base], "time_unit": "ns"},
        [],
        None,
        {"users": []},
        {"user_id": "\ud800", "events": [base]},
    ):
        name = f"events: {str(content)[:60]!a}"
        found.append(Case(name, post("/events", json.dumps(content).encode())))
    return found
