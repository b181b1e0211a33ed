"""What is counted, marked, kept and ordered behind the routes."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
import weakref
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
from unclicked.serving.metrics import Answered, Computed
from unclicked.serving.models import Models, Slot
from unclicked.serving.problems import Problem
from unclicked.serving.served import load_served
from unclicked.serving.settings import FIGURES


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
    def model(*ids: Any) -> Any:
        items = Lookup(Vocabulary(pa.array(ids)))
        return SimpleNamespace(answerer=SimpleNamespace(inputs=SimpleNamespace(items=items)))

    both = {"main": model("a", "b"), "beside": model("b", "c")}
    handlers = Handlers.__new__(Handlers)
    handlers.models = SimpleNamespace(all_current=lambda: both)
    assert handlers._known(["c", "a", "d", "b"]) == [True, True, False, True]
    # Ids of another type are unknown to the model beside, and an error of the main one.
    both["beside"] = model(7, 8)
    assert handlers._known(["c", "a"]) == [False, True]
    with pytest.raises(Problem, match="expected an id of type string"):
        handlers._known([7])


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


def told_of(figures: Computed) -> dict[str, str]:
    """Hashes that `unclicked_model_info` names, with their values."""
    lines = figures.text()[0].decode().splitlines()
    found = [one.split() for one in lines if one.startswith("unclicked_model_info{")]
    return {name.split('sha256="')[1].rstrip('"}'): value for name, value in found}


def test_after_a_swap_the_old_hash_is_gone() -> None:
    figures = Computed()
    figures.serves({"main": "aaa"})
    figures.serves({"main": "bbb"})
    assert told_of(figures) == {"bbb": "1.0"}


def test_after_a_swap_several_workers_say_0_of_the_old_hash(tmp_path: Path) -> None:
    # Whether figures lie in files is decided when the library is imported.
    code = """
import warnings
warnings.simplefilter("error")
from unclicked.serving.metrics import Computed
figures = Computed()
figures.serves({"main": "aaa"})
figures.serves({"main": "bbb"})
print(figures.text()[0].decode())
"""
    found = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, FIGURES: str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert 'unclicked_model_info{model="main",sha256="aaa"} 0.0' in found.stdout
    assert 'unclicked_model_info{model="main",sha256="bbb"} 1.0' in found.stdout


def test_of_a_swapped_model_nothing_stays_in_memory(tiny_bundle: Path) -> None:
    models = Models({"main": Slot(tiny_bundle)}, 8)
    models.load()
    handlers = Handlers(models, *[None] * 5)  # type: ignore[arg-type]
    handlers._catalogue("main")
    old = weakref.ref(models.slots["main"].served)
    models.slots["main"].served = load_served(tiny_bundle, 8)
    assert old() is not None
    handlers.follow()
    gc.collect()
    assert old() is None
    handlers.close()
