"""Whatever is wrong with a body is named by a JSON path that is whole."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.serving.recommending_asked import JSON, asked

from unclicked.run import Run
from unclicked.serving import schema

HOSTILE: list[tuple[bytes, int, str]] = [
    (b"", 400, ""),
    (b"{", 400, ""),
    (b'{"top_k": NaN}', 400, ""),
    (b'{"clicked": [], "clicked": []}', 400, ""),
    ('{"clicked": ["é"]}'.encode("utf-16"), 400, ""),
    (b"[" * 100_000, 413, ""),
    (b"[" * 60_000, 400, ""),
    (b'{"top_k": ' + b"9" * 5_000 + b"}", 400, ""),
    (b'{"top_k": 1e400}', 422, "top_k"),
    (b'{"top_k": 1.0}', 422, "top_k"),
    (b'{"top_k": -1}', 422, "top_k"),
    (b'{"top_k": true}', 422, "top_k"),
    (b'{"clicked": [true]}', 422, "clicked[0]"),
    (b'{"clicked": ["\\ud800"]}', 422, "clicked[0]"),
    (b'{"clicked": [""]}', 422, "clicked[0]"),
    (b'{"clicked": [9223372036854775808]}', 422, "clicked[0]"),
    (b'{"colour": 1}', 422, "colour"),
    (b'{"users": []}', 422, "users"),
    (b'{"users": [{"top_k": 0}]}', 422, "users[0].top_k"),
    (b"[]", 422, ""),
    (b"null", 422, ""),
    (b'{"now": "yesterday"}', 422, "now"),
    (b'{"now": "2026-11-28T12:00:00"}', 422, "now"),
    (b'{"now": 12}', 422, "now"),
    (b'{"events": [{"item_id": "a", "timestamp": 1, "clicked": 2}]}', 422, "events[0].clicked"),
    (b'{"events": [], "clicked": ["a"]}', 422, "clicked"),
    (b'{"profile": {"shoe": "43"}}', 422, "profile.shoe"),
    (b'{"profile": {"shoe": 43}}', 422, "profile.shoe"),
    (b'{"filter": {"colour": ["red"]}}', 422, "filter.colour"),
    (b'{"filter": {"strength": []}}', 422, "filter.strength"),
    (b'{"filter": {"int": [7]}}', 422, "filter.int[0]"),
    (b'{"filter": {"a b": ["red"]}}', 422, 'filter["a b"]'),
    ('{"filter": {"größe": ["red"]}}'.encode(), 422, 'filter["gr\\u00f6\\u00dfe"]'),
    (b'{"filter": {"FIELD": ["a", "\\ud800"]}}', 422, "filter.FIELD[1]"),
    (b'{"clicked": [{"int": 1}]}', 422, "clicked[0]"),
    (b'{"users": [{}, {"clicked": ["a", 7]}]}', 422, "users[1].clicked[1]"),
    (b'{"users": [{}, {"exclude": ["a", "b", 7]}]}', 422, "users[1].exclude[2]"),
    (b'{"users": [{}, {"filter": {"colour": ["red"]}}]}', 422, "users[1].filter.colour"),
    (b'{"users": [{}, {"filter": {"colour": [7]}}]}', 422, "users[1].filter.colour[0]"),
    (b'{"users": [{}, {"profile": {"shoe": "43"}}]}', 422, "users[1].profile.shoe"),
    (b'{"users": [{}, {"model": "other"}]}', 422, "users[1].model"),
    (b'{"users": [{}, {"now": "x"}]}', 422, "users[1].now"),
    (
        b'{"users": [{}, {"events": [{"item_id": "a", "timestamp": "x", "clicked": 0}]}]}',
        422,
        "users[1].events[0].timestamp",
    ),
    (
        b'{"users": [{}, {"events": [{"item_id": "a", "timestamp": 5, "clicked": 0,'
        b' "clicked_at": 6}], "time_unit": "s"}]}',
        422,
        "users[1].events[0].clicked_at",
    ),
    (
        b'{"users": [{}, {"events": [{"item_id": "a", "timestamp": 5, "clicked": 1,'
        b' "clicked_at": 4}], "time_unit": "s"}]}',
        422,
        "users[1].events[0].clicked_at",
    ),
    (
        b'{"users": [{}, {"events": [{"item_id": 7, "timestamp": 1, "clicked": 0}],'
        b' "time_unit": "s"}]}',
        422,
        "users[1].events[0].item_id",
    ),
    (b'{"users": [{}, {"events": [], "clicked": ["a"]}]}', 422, "users[1].clicked"),
    (
        b'{"users": [{}, {"events": [{"timestamp": 1, "clicked": 0}]}]}',
        422,
        "users[1].events[0].item_id",
    ),
    (b'{"users": [{}, {"colour": 1}]}', 422, "users[1].colour"),
    (b'{"users": [{}, []]}', 422, "users[1]"),
    (b'{"model": "other"}', 422, "model"),
    (b'{"clicked": ' + json.dumps(["a"] * 1001).encode() + b"}", 422, "clicked"),
]


@pytest.mark.parametrize(("body", "status", "path"), HOSTILE)
def test_what_is_wrong_is_named_by_its_path(
    client: TestClient, run: Run, body: bytes, status: int, path: str
) -> None:
    field = next(iter(run.catalogue.fields))
    body, path = body.replace(b"FIELD", field.encode()), path.replace("FIELD", field)
    answer = client.post("/recommend", content=body, headers=JSON)
    assert (answer.status_code, answer.json()["error"]["path"]) == (status, path), answer.text
    schema.ErrorAnswer.model_validate(answer.json())
    assert answer.json()["error"]["message"]


def test_which_of_several_users_is_wrong(client: TestClient, ids: list[Any]) -> None:
    users = [{"clicked": ids[:2]}, {"clicked": [ids[0], "nobody", 7]}]
    answer = asked(client, {"users": users}, 422)
    assert answer["error"] == {
        "code": "ID",
        "path": "users[1].clicked[2]",
        "message": "found 7, expected an id of type string.",
    }


def test_kept_events_do_not_move_the_place_of_an_error(client: TestClient, ids: list[Any]) -> None:
    kept = [{"item_id": ids[n], "timestamp": "2026-11-28T12:00:00Z", "clicked": 1} for n in (1, 2)]
    client.post("/events", json={"user_id": "cleo", "events": kept})
    wrong = {"item_id": 7, "timestamp": "2026-11-28T12:00:00Z", "clicked": 1}
    answer = asked(client, {"user_id": "cleo", "events": [*kept, wrong]}, 422)
    assert answer["error"]["path"] == "events[2].item_id"
    told = client.post("/events", json={"user_id": "cleo", "events": [*kept, wrong]}).json()
    assert told["error"]["path"] == "events[2].item_id"
    client.delete("/users/cleo")


@pytest.mark.parametrize(
    ("path", "where"),
    [
        ("/items?limit=3&page=2", "page"),
        ("/items?field=category", "field"),
        ("/items/{id}?top_k=3", "top_k"),
        ("/items/{id}/similar?limit=3", "limit"),
        ("/items/{id}/similar?top_k=3&a%20b%C3%BC=1", "a b?"),
    ],
)
def test_a_key_of_the_query_that_nothing_reads_is_refused(
    client: TestClient, ids: list[Any], path: str, where: str
) -> None:
    answer = client.get(path.replace("{id}", ids[0]))
    assert answer.status_code == 422
    assert answer.json()["error"]["path"] == where


def test_nobody_is_removed_under_an_empty_id(client: TestClient) -> None:
    answer = client.delete("/users/")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "USER")
