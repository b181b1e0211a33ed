"""Golden queries: made-up users with the answers that the model gave at export.

A bundle is served only where it gives these answers again, so that a broken weight, another
version of a library or a wrong processor is noticed before a user is.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from unclicked.bundle.made_up import made_up_queries
from unclicked.errors import ArtefactError
from unclicked.recommendation import Answerer, Request

SEED, COUNT, TOP_K = 14, 16, 20
# Scores may differ by rounding: other sizes of batches, other processors.
RELATIVE, ABSOLUTE = 1e-3, 1e-4


def golden_queries(answerer: Answerer) -> list[dict[str, Any]]:
    """Queries drawn from the catalogue by a fixed rule, and their answers.

    No real user's events are among them: the items are drawn, popular ones more often.

    Args:
        answerer: Answers requests to the model.

    Returns:
        Mappings with "clicked", "unclicked", "profile", "items" and "scores".
    """
    # The first is nobody: the answer is that of the fallback.
    queries = made_up_queries(answerer, SEED, COUNT, nobody=1)
    return [query | answer for query, answer in zip(queries, _ask(answerer, queries), strict=True)]


def _ask(answerer: Answerer, queries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    requests = [
        Request(one["clicked"], one["unclicked"], one["profile"], top_k=TOP_K) for one in queries
    ]
    return [
        {
            "items": [item["item_id"] for item in answer["items"]],
            "scores": [item["score"] for item in answer["items"]],
        }
        for answer in answerer.answer(requests)
    ]


def check_golden(answerer: Answerer, golden: Sequence[dict[str, Any]], where: Path) -> None:
    """Ask the golden queries again.

    Args:
        answerer: Answers requests to the model.
        golden: What `golden_queries` gave at export.
        where: Where they were read, for the error.

    Raises:
        ArtefactError: If an answer is another one, beyond rounding.
    """
    for number, (query, answer) in enumerate(zip(golden, _ask(answerer, golden), strict=True)):
        expected, found = np.asarray(query["scores"]), np.asarray(answer["scores"])
        same = expected.shape == found.shape and bool(
            (np.abs(expected - found) <= RELATIVE * np.abs(expected) + ABSOLUTE).all()
        )
        if not same or not _same_items(query, answer):
            raise ArtefactError(
                "BUNDLE-GOLDEN",
                f"{where} query {number}",
                f"is answered with {answer['items'][:3]}, expected {query['items'][:3]}. "
                "Export the bundle anew with the versions that serve it.",
            )


def _same_items(query: dict[str, Any], answer: dict[str, Any]) -> bool:
    """Equal lists but for neighbours whose scores are equal within rounding."""
    score = dict(zip(query["items"], query["scores"], strict=True))
    if not query["scores"]:
        return not answer["items"]
    last = query["scores"][-1]
    for wanted, item in zip(query["items"], answer["items"], strict=True):
        # An item that came in from below the list's end must lie at its end.
        near = abs(score.get(item, last) - score[wanted])
        if item != wanted and near > RELATIVE * abs(score[wanted]) + ABSOLUTE:
            return False
    return True
