"""The benchmark of exact lists refuses wrong lists and works without faiss."""

from __future__ import annotations

import pytest
import torch

from unclicked.bench import evaluate
from unclicked.errors import NumericError


def test_straightforward_side_is_a_full_sort() -> None:
    items, users = evaluate.learned_like(evaluate.SMALL)
    found = evaluate.by_matmul(items, users, 10)[1]
    exact = users.double() @ items[1:].double().T
    assert torch.equal(found, exact.argsort(dim=1, descending=True)[:, :10] + 1)


def test_popular_items_are_longer() -> None:
    items, _ = evaluate.learned_like(evaluate.SMALL)
    lengths = items.norm(dim=1)
    assert 3 < lengths[1:20].mean() / lengths[-1000:].mean() < 7


def test_without_faiss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate, "has_faiss", lambda: False)
    said: list[str] = []
    rows = evaluate.run(2, True, said.append)
    assert {row.against for row in rows} == {evaluate.TORCH}
    assert any(".[faiss]" in line for line in said)


def test_wrong_lists_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    right = evaluate.by_matmul

    def wrong(items: torch.Tensor, users: torch.Tensor, top_k: int) -> evaluate.Found:
        scores, found = right(items, users, top_k + 1)
        # The last place holds the one after it.
        return scores[:, :top_k], found[:, [*range(top_k - 1), top_k]]

    monkeypatch.setattr(evaluate, "by_matmul", wrong)
    with pytest.raises(NumericError, match="matmul"):
        evaluate.run(1, True, lambda line: None)
