"""How the tests ask POST /recommend of a service in this process."""

from __future__ import annotations

import json
from typing import Any

from starlette.testclient import TestClient

JSON = {"content-type": "application/json"}


def asked(client: TestClient, body: Any, status: int = 200) -> Any:
    """The answer to a body of /recommend."""
    answer = client.post("/recommend", content=json.dumps(body), headers=JSON)
    assert answer.status_code == status, answer.text
    return answer.json()


def names(answer: dict[str, Any]) -> list[Any]:
    return [one["item_id"] for one in answer["items"]]
