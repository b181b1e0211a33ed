"""What is counted, marked, kept and ordered behind the routes."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
import torch
from starlette.requests import Request
from starlette.testclient import TestClient

from unclicked.data.vocabulary import Vocabulary
from unclicked.recommendation.lookup import Lookup
from unclicked.serving.app import on_defect
from unclicked.serving.handlers import Handlers
from unclicked.serving.metrics import Answered
from unclicked.serving.served import load_served


def test_figures_name_the_bundles_and_hold_no_time_of_what_was_refused_unread(
    client: TestClient,
) -> None:
    sha = client.get("/model").json()["models"]["main"]["sha256"]
    lines = client.get("/metrics").text.splitlines()
    for name in ("main", "beside"):
        assert f'unclicked_model_info{{model="{name}",sha256="{sha}"}} 1.0' in lines
    answered = Answered()
    answered.request("/recommend", 200, 0.5)
    answered.request("/recommend", 503, None)
    lines = answered.text().decode().splitlines()
    assert 'unclicked_requests_total{route="/recommend",status="503"} 1.0' in lines
    assert 'unclicked_request_seconds_count{route="/recommend"} 1.0' in lines
    assert 'unclicked_request_seconds_sum{route="/recommend"} 0.5' in lines


def test_a_defect_is_told_by_a_mark_that_the_log_has_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer = asyncio.run(on_defect(Request({"type": "http"}), ZeroDivisionError("inside")))
    text = json.loads(bytes(answer.body))["error"]["message"]
    mark = text.removesuffix(".").rpartition(" ")[2]
    assert len(mark) == 8
    log = capsys.readouterr().err
    assert log.startswith(f"defect {mark}\n")
    assert "ZeroDivisionError: inside" in log
    assert "inside" not in text


def test_events_of_items_that_only_the_other_model_knows_are_kept() -> None:
    def model(*ids: str) -> Any:
        items = Lookup(Vocabulary(pa.array(ids)))
        return SimpleNamespace(answerer=SimpleNamespace(inputs=SimpleNamespace(items=items)))

    both = {"main": model("a", "b"), "beside": model("b", "c")}
    handlers = Handlers.__new__(Handlers)
    handlers.models = SimpleNamespace(all_current=lambda: both)  # type: ignore[assignment]
    assert handlers._known(["c", "a", "d", "b"]) == [True, True, False, True]


def test_similar_items_of_equal_score_come_in_the_order_of_their_ids(tiny_bundle: Path) -> None:
    served = load_served(tiny_bundle, 8)
    ids = served.answerer.inputs.items.ids
    # All items but the first point the same way, whatever their length.
    served.vectors[2:] = served.vectors[2] * torch.linspace(1, 2, len(ids) - 1)[:, None].round()
    served.lengths = torch.linalg.vector_norm(served.vectors, dim=1).clamp(min=1e-12)
    found = served.similar(len(ids), 7)
    expected = sorted(ids[1:-1], key=lambda one: served.tie_rank[ids.index(one) + 1])[:7]
    assert [one["item_id"] for one in found] == expected
    assert [one["rank"] for one in found] == list(range(1, 8))
    assert len({one["score"] for one in found}) == 1
