"""Made-up users: what a bundle is tried on, since no real user's events may be in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unclicked.data.batching import in_order
from unclicked.recommendation import Answerer, Request
from unclicked.recommendation.inputs import Known
from unclicked.tensors import TensorBatch, to_tensors


def made_up_queries(
    answerer: Answerer, seed: int, count: int, nobody: int = 0
) -> list[dict[str, Any]]:
    """Queries drawn from the catalogue by a fixed rule, popular items more often.

    Args:
        answerer: Answers requests to the model.
        seed: Seed of the draws.
        count: Number of queries.
        nobody: How many of the first are users without a click.

    Returns:
        Mappings with "clicked", "unclicked" and "profile".
    """
    rng = np.random.default_rng(seed)
    ids = answerer.inputs.items.ids
    queries = []
    for number in range(count):
        clicked = _drawn(rng, len(ids), 0 if number < nobody else int(rng.integers(1, 12)))
        unclicked = _drawn(rng, len(ids), int(rng.integers(0, 30)))
        profile = {
            name: str(words.values[int(rng.integers(len(words)))].as_py())
            for name, words in answerer.source.profile_vocabularies.items()
            if len(words) and rng.random() < 0.5
        }
        queries.append(
            {
                "clicked": [ids[code] for code in clicked],
                "unclicked": [ids[code] for code in unclicked if code not in clicked],
                "profile": profile,
            }
        )
    return queries


def _drawn(rng: np.random.Generator, num_items: int, count: int) -> list[int]:
    """Places of items, small ones (popular items) more often."""
    drawn: list[int] = np.unique((num_items * rng.random(count) ** 2).astype(np.int64)).tolist()
    return drawn


@torch.no_grad()
def made_up_users(answerer: Answerer, seed: int, count: int) -> Tensor:
    """User vectors of made-up users, each with a click.

    Args:
        answerer: Answers requests to the model.
        seed: Seed of the draws.
        count: Number of users U.

    Returns:
        float [U, D], on the CPU.
    """
    queries = made_up_queries(answerer, seed, count)
    requests = [Request(one["clicked"], one["unclicked"], one["profile"]) for one in queries]
    known = answerer.inputs.known(requests)
    model = answerer.source.model
    return torch.cat([model.user_vectors(batch).cpu() for batch in batches(answerer, known)])


def batches(answerer: Answerer, known: list[Known]) -> Iterator[TensorBatch]:
    """Users as the model is given them.

    Args:
        answerer: Answers requests to the model.
        known: Users with at least one click each.

    Yields:
        Batches of the run's own size.
    """
    source = answerer.source
    device = next(source.model.parameters()).device
    builder = answerer.inputs.builder(known)
    for chosen in in_order(len(known), source.config.evaluate.batch_size):
        yield to_tensors(builder.build(chosen), device)
