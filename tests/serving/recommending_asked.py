"""How the tests ask POST /recommend of a service in this process."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
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


def ago(*, hours: float = 0.0, zone: int = 0, **more: float) -> str:
    """A moment of the recent past as ISO 8601: what is kept goes by the clock of the service.

    Args:
        hours: How many hours ago.
        zone: Offset from UTC in which it is written, in hours.
        **more: Minutes and seconds on top of that.

    Returns:
        A text with its offset.
    """
    moment = datetime.now(UTC) - timedelta(hours=hours, **more)
    return moment.astimezone(timezone(timedelta(hours=zone))).isoformat(timespec="seconds")
