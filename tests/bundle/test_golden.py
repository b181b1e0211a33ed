"""Golden queries: made-up, answered by the model, and compared up to rounding."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from unclicked.bundle import open_bundle
from unclicked.bundle.contents import Bundle
from unclicked.bundle.golden import COUNT, check_golden, golden_queries
from unclicked.errors import ArtefactError
from unclicked.recommendation import Answerer, Request, recommend


@pytest.fixture(scope="module")
def bundle(bundle_folder: Path) -> Bundle:
    return open_bundle(bundle_folder)


def test_they_are_what_the_model_answers(bundle: Bundle) -> None:
    assert golden_queries(Answerer(bundle)) == bundle.golden
    assert len(bundle.golden) == COUNT
    for query in bundle.golden:
        asked = Request(query["clicked"], query["unclicked"], query["profile"], top_k=20)
        items = recommend(bundle, [asked])[0]["items"]
        assert [one["item_id"] for one in items] == query["items"]
        assert [one["score"] for one in items] == pytest.approx(query["scores"], rel=1e-5, abs=1e-6)
        assert not set(query["clicked"]) & set(query["unclicked"])
    assert [bool(query["clicked"]) for query in bundle.golden] == [False] + [True] * (COUNT - 1)
    assert any(query["profile"] for query in bundle.golden)


def noticed(bundle: Bundle, golden: list[dict[str, Any]]) -> bool:
    try:
        check_golden(Answerer(bundle), golden, bundle.path)
    except ArtefactError:
        return True
    return False


def test_rounding_is_no_difference_and_more_is_one(bundle: Bundle) -> None:
    golden = copy.deepcopy(bundle.golden)
    assert not noticed(bundle, golden)
    golden[3]["scores"] = [score + 5e-5 for score in golden[3]["scores"]]
    assert not noticed(bundle, golden)
    golden[3]["scores"][2] += 1.0
    assert noticed(bundle, golden)


def test_another_list_is_a_difference(bundle: Bundle) -> None:
    for change in ("swapped", "shorter", "other"):
        golden = copy.deepcopy(bundle.golden)
        items, scores = golden[5]["items"], golden[5]["scores"]
        assert scores[0] - scores[-1] > 0.01
        if change == "swapped":
            items[0], items[-1] = items[-1], items[0]
        elif change == "shorter":
            items.pop()
            scores.pop()
        else:
            items[0] = "ghost"
        assert noticed(bundle, golden), change
