"""What a request held and its answer could not use is told."""

from __future__ import annotations

from typing import Any

from starlette.testclient import TestClient
from tests.serving.recommending_asked import ago, asked

from unclicked.run import Run
from unclicked.serving import schema


def test_what_was_ignored_is_told(client: TestClient, run: Run, ids: list[Any]) -> None:
    field = next(iter(run.catalogue.fields))
    rows = [
        {"item_id": one, "timestamp": when, "clicked": 1}
        for one, when in ((ids[3], 9), ("ghost", 8), (ids[4], 10), (ids[5], 11))
    ]
    body = {"events": rows, "now": 10, "time_unit": "s", "user_id": "nobody"}
    body |= {"filter": {field: ["nonsense"]}, "exclude": ["x"]}
    told = asked(client, {"users": [body, {"clicked": ids[:1], "filter": {}}]})["users"]
    assert told[0]["ignored"] == {
        "clicked": [],
        "unclicked": [],
        "events": ["ghost"],
        "exclude": ["x"],
        "after_now": 2,
        "filter": [f"{field}=nonsense"],
        "user_id": ["nobody"],
    }
    assert set(told[0]["ignored"]) <= set(schema.Ignored.model_fields)
    assert told[0]["items"] == []
    assert told[1]["ignored"] == {"clicked": [], "unclicked": []}
    for one in told:
        schema.Answer.model_validate(one)
    text = client.get("/metrics").text
    for name in ("after_now", "filter", "user_id"):
        assert f'unclicked_ignored_ids_total{{list="{name}"}} ' in text


def test_kept_events_after_now_are_counted_too(client: TestClient, ids: list[Any]) -> None:
    days = (ago(hours=hours) for hours in (72, 48, 24))
    events = [{"item_id": ids[n], "timestamp": one, "clicked": 1} for n, one in enumerate(days, 3)]
    client.post("/events", json={"user_id": 7, "events": events})
    answer = asked(client, {"user_id": 7, "now": ago(hours=60), "explain": True})
    assert answer["ignored"] == {"clicked": [], "unclicked": [], "after_now": 2}
    assert answer["explain"]["clicked"] == [ids[3]]
    # 7 and "7" are two users.
    assert asked(client, {"user_id": "7"})["ignored"]["user_id"] == ["7"]
    client.delete("/users/7")
    assert asked(client, {"user_id": 7})["ignored"]["user_id"] == [7]
