"""The routes: the library's answers over HTTP, and errors that name what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from starlette.testclient import TestClient
from tests.serving.conftest import Start
from tests.serving.recommending_asked import JSON, ago, asked, names

from unclicked.bundle import export_bundle
from unclicked.data.dataset import PreparedDataset
from unclicked.dataset_settings import resolve_for
from unclicked.recommendation import Event, Request, recommend
from unclicked.run import Run, open_run
from unclicked.serving import schema
from unclicked.serving.app import build
from unclicked.serving.settings import Settings
from unclicked.start import train

MINUTE = 60_000_000


def test_a_list_is_the_library_s(client: TestClient, run: Run, ids: list[Any]) -> None:
    body = {"clicked": ids[4:9], "unclicked": ids[30:40], "top_k": 20, "exclude": ids[:3]}
    answer = asked(client, body)
    expected = recommend(run, [Request(ids[4:9], ids[30:40], exclude=ids[:3], top_k=20)])[0]
    assert names(answer) == names(expected)
    scores = [[one["score"] for one in found["items"]] for found in (answer, expected)]
    assert scores[0] == pytest.approx(scores[1], rel=1e-5)
    assert answer["model"]["name"] == "main"
    assert len(answer["model"]["sha256"]) == 64
    assert "explain" not in answer


def test_several_users_are_answered_in_order(client: TestClient, ids: list[Any]) -> None:
    users = [{"clicked": [one], "id": n, "top_k": 1 + n % 3} for n, one in enumerate(ids[:64])]
    found = asked(client, {"users": users})["users"]
    assert [one["id"] for one in found] == list(range(64))
    alone = [asked(client, user) for user in users[:5]]
    assert [names(one) for one in found[:5]] == [names(one) for one in alone]


def test_raw_events_go_through_the_rules(client: TestClient, run: Run, ids: list[Any]) -> None:
    rows = [
        Event(ids[one], (1000 + when) * MINUTE, clicked)
        for when, one, clicked in [(0, 3, True), (1, 9, False), (2, 9, False), (3, 5, True)]
    ]
    body = {
        "events": [
            {"item_id": one.item_id, "timestamp": one.time_us // 1000, "clicked": one.clicked}
            for one in rows
        ],
        "time_unit": "ms",
        "now": 1010 * 60_000,
        "explain": True,
    }
    answer = asked(client, body)
    expected = recommend(run, [Request(events=rows, now_us=1010 * MINUTE)])[0]
    assert names(answer) == names(expected)
    told = answer["explain"]
    assert (told["clicked"], told["unclicked"]) == ([ids[3], ids[5]], [ids[9]])
    assert told["gate"]["min"] <= told["gate"]["mean"] <= told["gate"]["max"]


def test_earlier_clicks_are_long_term(client: TestClient, run: Run, ids: list[Any]) -> None:
    body = {"clicked": ids[4:6], "long_term": ids[9:12], "explain": True}
    answer = asked(client, body)
    expected = recommend(run, [Request(ids[4:6], long_term=ids[9:12])])[0]
    assert names(answer) == names(expected)
    told = answer["explain"]
    assert (told["clicked"], told["long_term"]) == (ids[4:6], ids[9:12])
    # Without a session the last click is one.
    alone = asked(client, {"long_term": ids[9:12], "explain": True})["explain"]
    assert (alone["clicked"], alone["long_term"]) == (ids[11:12], ids[9:11])


def test_kept_events_are_as_good_as_sent_ones(client: TestClient, ids: list[Any]) -> None:
    event = {"item_id": ids[3], "timestamp": ago(hours=1, seconds=30), "clicked": True}
    other = {"item_id": ids[8], "timestamp": ago(hours=1, zone=1), "clicked": 1}
    lost = {"item_id": "nobody", "timestamp": 5, "clicked": False}
    body = {"user_id": "anna", "events": [event, other, other, lost], "time_unit": "s"}
    kept = client.post("/events", json=body).json()
    assert kept == {
        "user_id": "anna",
        "stored": 2,
        "duplicates": 1,
        "too_old": 0,
        "ignored": {"events": ["nobody"]},
    }
    old = [event | {"timestamp": f"2020-01-0{day}T12:00:00Z"} for day in (1, 2)]
    again = client.post("/events", json={"user_id": "anna", "events": [event, *old]}).json()
    assert (again["stored"], again["duplicates"], again["too_old"]) == (0, 1, 2)
    ask = {"now": ago(minutes=58), "explain": True}
    by_id = asked(client, ask | {"user_id": "anna"})
    sent = asked(client, ask | {"events": [other, event]})
    assert by_id == sent
    assert by_id["explain"]["clicked"] == [ids[3], ids[8]]
    assert asked(client, ask | {"user_id": "bert"})["fallback"] is True
    assert client.delete("/users/anna").json() == {"user_id": "anna", "removed": 2}
    assert asked(client, ask | {"user_id": "anna"})["fallback"] is True


def test_only_the_user_named_is_removed(client: TestClient, ids: list[Any]) -> None:
    event = {"item_id": ids[3], "timestamp": ago(hours=1), "clicked": True}
    for user in (7, "007", "a/b", "\na\n\x85b\n"):
        client.post("/events", json={"user_id": user, "events": [event]})
    assert client.delete("/users/007").json()["removed"] == 1
    assert client.delete("/users/a/b").json()["removed"] == 1
    assert client.delete("/users/%0Aa%0A%C2%85b%0A").json()["removed"] == 1
    assert client.delete("/users/7").json()["removed"] == 1


def test_a_filter_and_the_second_model(client: TestClient, run: Run, ids: list[Any]) -> None:
    field = next(iter(run.catalogue.fields))
    value = client.get(f"/items/{ids[0]}").json()["fields"][field][0]
    answer = asked(
        client,
        {"clicked": ids[1:3], "filter": {field: [value]}, "model": "beside", "top_k": 1000},
    )
    assert answer["model"]["name"] == "beside"
    found = client.get("/items", params={"field": field, "value": value, "limit": 200}).json()
    assert set(names(answer)) == {one["item_id"] for one in found["items"]}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-type": "text/plain"}, 415),
        ({}, 415),
        (JSON | {"content-encoding": "gzip"}, 415),
        (JSON | {"content-length": "-1"}, 400),
        (JSON | {"content-length": "99999999999999999999"}, 413),
    ],
)
def test_other_bodies_are_refused(client: TestClient, headers: dict[str, str], status: int) -> None:
    assert client.post("/recommend", content=b"{}", headers=headers).status_code == status


def test_a_body_without_length_is_bounded_too(client: TestClient) -> None:
    parts = (b" " * 1000 for _ in range(100))
    assert client.post("/recommend", content=parts, headers=JSON).status_code == 413


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/recommend", 405),
        ("POST", "/health", 405),
        ("GET", "/nothing", 404),
        ("GET", "/recommend/", 404),
        ("GET", "/items/nobody", 404),
        ("GET", "/items/nobody/similar", 404),
        ("GET", "/static/../app.py", 404),
        ("GET", "/static/%2e%2e%2fapp.py", 404),
        ("GET", "/items?limit=0", 422),
        ("GET", "/items?limit=x", 422),
        ("GET", "/items?field=colour&value=red", 422),
        ("GET", "/items/nobody?model=other", 422),
    ],
)
def test_other_routes_are_refused_in_one_shape(
    client: TestClient, method: str, path: str, status: int
) -> None:
    answer = client.request(method, path)
    assert answer.status_code == status
    schema.ErrorAnswer.model_validate(answer.json())


def test_a_state_that_does_not_answer_is_told(start: Start, tiny_bundle: Path) -> None:
    # Nobody listens at port 1.
    client = start(tiny_bundle, state="redis://127.0.0.1:1/0", watch_seconds=0)
    answer = client.get("/ready")
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "no state",
        "problems": ["state: redis does not answer; kept events cannot be used"],
    }
    assert client.get("/health").status_code == 200
    assert asked(client, {"clicked": []})["fallback"] is True
    refused = asked(client, {"user_id": "anna"}, 503)["error"]
    assert refused["message"] == "kept events cannot be read now."


ANSWERS: list[tuple[str, type[BaseModel]]] = [
    ("/items", schema.ItemsFound),
    ("/examples", schema.Examples),
    ("/model", schema.Models),
    ("/health", schema.Status),
    ("/ready", schema.Status),
]


@pytest.mark.parametrize(("path", "model"), ANSWERS)
def test_answers_are_as_described(client: TestClient, path: str, model: type[BaseModel]) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    model.model_validate(answer.json())


def test_every_route_is_described(client: TestClient, tiny_bundle: Path) -> None:
    described = client.get("/openapi.json").json()
    found = {(path, method) for path, routes in described["paths"].items() for method in routes}
    app: Any = build(Settings(bundle=str(tiny_bundle), watch_seconds=0))
    routes = {
        (route.path.replace(":anything", ""), method.lower())
        for route in app.routes
        for method in route.methods - {"HEAD"}
    }
    pages = {"/", "/docs", "/openapi.json", "/static/{name}"}
    assert found == {(path, method) for path, method in routes if path not in pages}
    text = json.dumps(described)
    for name in described["components"]["schemas"]:
        assert f"#/components/schemas/{name}" in text


def test_pages_come_under_a_strict_policy(client: TestClient) -> None:
    for path in ("/", "/docs"):
        page = client.get(path)
        assert page.status_code == 200
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "script-src 'self'" in page.headers["content-security-policy"]
    tag = client.get("/").headers["etag"]
    assert client.get("/", headers={"if-none-match": tag}).status_code == 304


def test_what_happened_is_counted(client: TestClient) -> None:
    asked(client, {"clicked": ["nobody"]})
    text = client.get("/metrics").text
    assert 'unclicked_requests_total{route="/recommend",status="200"}' in text
    assert 'unclicked_ignored_ids_total{list="clicked"}' in text
    assert "unclicked_batch_size_count" in text
    # Whoever asks in another way is refused, and told nothing else.
    assert client.post("/metrics").json()["error"]["code"] == "METHOD"


def test_users_who_must_leave_memory_are_told(
    start: Start, tiny_bundle: Path, ids: list[Any], capfd: pytest.CaptureFixture[str]
) -> None:
    client = start(tiny_bundle, watch_seconds=0, max_users=2)
    for user in ("anna", "berta", "carla", "dora"):
        events = [{"item_id": ids[1], "timestamp": ago(minutes=1), "clicked": True}]
        body = json.dumps({"user_id": user, "events": events})
        assert client.post("/events", content=body, headers=JSON).json()["stored"] == 1
    lines = client.get("/metrics").text.splitlines()
    assert "unclicked_users_kept 2.0" in lines
    assert "unclicked_users_dropped_total 2.0" in lines
    told = [one for one in capfd.readouterr().err.splitlines() if "--max-users" in one]
    # One line for the first; the second came within seconds of it.
    assert len(told) == 1


@pytest.mark.parametrize(("fusion", "reads"), [("none", False), ("confidence", True)])
def test_a_model_says_whether_it_reads_skips(
    tiny_data: PreparedDataset, tmp_path: Path, start: Start, fusion: str, reads: bool
) -> None:
    # The page goes by it; a metric loss reads them in training alone.
    model = {"dim": 16, "fusion": fusion, "metric": "symmetric"}
    settings = {"model": model, "train": {"max_epochs": 1}}
    train(tiny_data, tmp_path / "run", resolve_for(tiny_data.config, "recommended", settings))
    bundle = export_bundle(open_run(tmp_path / "run"), tmp_path / "bundle").path
    found = start(bundle, watch_seconds=0).get("/model").json()["models"]["main"]
    assert (found["fusion"], found["reads_unclicked"]) == (fusion, reads)
