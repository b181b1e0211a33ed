"""Items by their ids, queries that are refused, and items like another."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.serving.recommending_asked import names

from unclicked.run import Run
from unclicked.serving import schema


def test_items_by_their_ids(client: TestClient, ids: list[Any]) -> None:
    wanted = [ids[7], "ghost", ids[2], ids[7], "", "a&b=ü"]
    found = client.get("/items", params={"id": wanted}).json()
    schema.ItemsFound.model_validate(found)
    assert found["items"] == [client.get(f"/items/{one}").json() for one in (ids[7], ids[2])]
    assert found["unknown"] == ["ghost", "", "a&b=ü"]
    most = client.get("/items", params={"id": [f"{n}" for n in range(200)]})
    assert (most.status_code, len(most.json()["unknown"])) == (200, 200)


@pytest.mark.parametrize(
    ("query", "path", "message"),
    [
        ("&".join(f"id={n}" for n in range(201)), "id", "found 201 ids, expected at most 200."),
        ("&".join(["id=a"] * 201), "id", "found 201 ids, expected at most 200."),
        ("id=a&query=b", "query", "does not go with id, which stands alone."),
        ("id=a&limit=3", "limit", "does not go with id, which stands alone."),
        ("limit=0", "limit", 'found "0", expected a whole number from 1 to 200.'),
        ("field=colour&value=red", "field", "is no item field; there are: "),
    ],
)
def test_queries_that_are_refused(client: TestClient, query: str, path: str, message: str) -> None:
    answer = client.get(f"/items?{query}")
    assert answer.status_code == 422
    assert answer.json()["error"]["path"] == path
    assert answer.json()["error"]["message"].startswith(message)


def test_similar_items_by_hand(client: TestClient, run: Run, ids: list[Any]) -> None:
    vectors = run.model.all_item_vectors().double()
    cosine = vectors @ vectors[5] / (vectors.norm(dim=1) * vectors[5].norm())
    order = [n for n in cosine[1:].argsort(descending=True).tolist() if n != 4][:7]
    found = client.get(f"/items/{ids[4]}/similar?top_k=7").json()
    assert names(found) == [ids[n] for n in order]
    assert [one["score"] for one in found["items"]] == pytest.approx(
        [float(cosine[n + 1]) for n in order], rel=1e-5
    )
