"""What is wrong with a body is told in our own words, and short."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, field_validator

from unclicked.serving.problems import Problem
from unclicked.serving.schema import EventsBody, UserBody, UsersBody
from unclicked.serving.sentences import shown
from unclicked.serving.validation import validated

EVENT = {"item_id": "a", "timestamp": 1, "clicked": True}


def refused(model: type[BaseModel], content: Any) -> Problem:
    with pytest.raises(Problem) as caught:
        validated(model, content)
    return caught.value


TOLD: list[tuple[dict[str, Any], str, str]] = [
    ({"top_k": "5"}, "top_k", 'found "5", expected an integer.'),
    ({"top_k": 1.0}, "top_k", "found 1.0, expected an integer."),
    ({"top_k": None}, "top_k", "found null, expected an integer."),
    ({"top_k": 0}, "top_k", "found 0, expected an integer of at least 1."),
    ({"top_k": 1001}, "top_k", "found 1001, expected an integer of at most 1,000."),
    ({"clicked": "a"}, "clicked", 'found "a", expected a list.'),
    ({"clicked": [True]}, "clicked[0]", "found true, expected an integer or text."),
    ({"clicked": ["a", [1, 2]]}, "clicked[1]", "found a list of 2, expected an integer or text."),
    (
        {"clicked": [""]},
        "clicked[0]",
        'found "", expected an integer or text of at least 1 character.',
    ),
    (
        {"clicked": ["a"] * 1001},
        "clicked",
        "found a list of 1,001, expected at most 1,000 entries.",
    ),
    (
        {"id": 2**63},
        "id",
        "found 9223372036854775808, expected an integer below 9,223,372,036,854,775,808 or text.",
    ),
    ({"explain": 1}, "explain", "found 1, expected true or false."),
    ({"model": "other"}, "model", "found \"other\", expected 'main' or 'beside'."),
    ({"profile": []}, "profile", "found a list of 0, expected an object."),
    ({"filter": {"a": []}}, "filter.a", "found a list of 0, expected at least 1 entry."),
    ({"filter": {"a": "b"}}, "filter.a", 'found "b", expected a list.'),
    ({"filter": {"a": [1]}}, "filter.a[0]", "found 1, expected text."),
    (
        {"events": [EVENT | {"clicked": 2}]},
        "events[0].clicked",
        "found 2, expected true or false or an integer of at most 1.",
    ),
    ({"events": [7]}, "events[0]", "found 7, expected an object."),
    ({"events": [{"item_id": "a"}]}, "events[0].timestamp", "is missing, expected this key."),
    ({"topk": 5}, "topk", "is no key that is known here; did you mean top_k?"),
    (
        {"events": [EVENT | {"clickedat": 5}]},
        "events[0].clickedat",
        "is no key that is known here; did you mean clicked_at?",
    ),
    (
        {"events": [EVENT | {"zzz": 5}]},
        "events[0].zzz",
        "is no key that is known here, expected one of: item_id, timestamp, clicked, clicked_at, "
        "session_id.",
    ),
]


@pytest.mark.parametrize(("content", "path", "message"), TOLD)
def test_a_sentence_for_each_kind(content: dict[str, Any], path: str, message: str) -> None:
    # Through JSON, as a body comes.
    told = refused(UserBody, json.loads(json.dumps(content)))
    assert (told.status, told.code, told.path, told.message) == (422, "REQUEST", path, message)
    among = refused(UsersBody, {"users": [{}, content]})
    assert (among.path, among.message) == (f"users[1].{path}", message)


def test_a_body_that_is_no_object() -> None:
    assert refused(UserBody, [1]).message == "found a list of 1, expected an object."
    assert refused(EventsBody, {"user_id": "a", "events": []}).message == (
        "found a list of 0, expected at least 1 entry."
    )


LONG: list[Any] = ["x" * 9_000, "\u00fc" * 9_000, "\x1b" * 9_000, 10**4_000, ["x" * 9_000] * 9]


@pytest.mark.parametrize("value", LONG, ids=["text", "umlauts", "escapes", "number", "list"])
@pytest.mark.parametrize("key", ["top_k", "clicked", "model", "x" * 9_000, "now"])
def test_no_message_echoes_much(key: str, value: Any) -> None:
    for content in ({key: value}, {key: [value]}, {key: {"a": value}}, {"filter": {key: value}}):
        told = refused(UserBody, content).response()
        error = json.loads(bytes(told.body))["error"]
        assert len(error["path"]) <= 120
        assert sum(map(error["message"].count, "x\u00fc")) <= 60
        assert error["message"].count("0") <= 60
        assert error["message"].isascii()
        assert error["message"].isprintable()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a" * 60, '"' + "a" * 55 + '..." (60 characters)'),
        ("a" * 58, '"' + "a" * 58 + '"'),
        ({}, "an object of 0 keys"),
        (float("inf"), "Infinity"),
        ("\ud800", '"\\ud800"'),
    ],
)
def test_values_are_shown_short(value: Any, text: str) -> None:
    assert shown(value) == text


def test_a_kind_without_a_sentence_keeps_pydantic_s() -> None:
    class Odd(BaseModel):
        model_config = ConfigDict(extra="forbid")
        a: int

        @field_validator("a")
        @classmethod
        def even(cls, value: int) -> int:
            if value % 2:
                raise ValueError("is odd")
            return value

    assert refused(Odd, {"a": 3}).message == "Value error, is odd."
    parsing = refused(Odd, {"a": "x" * 9_000}).message
    assert parsing.startswith("Input should be a valid integer, unable to parse")
