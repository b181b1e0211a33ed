"""Which vectors lie near which, against loops over pairs."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from unclicked.errors import UserError
from unclicked.reproduce.neighbourhoods import (
    nearer_to_labels,
    own_label_ranks,
    silhouette,
    squared_distances,
    unit,
)


def distance(first: np.ndarray, second: np.ndarray) -> float:
    return sum((float(a) - float(b)) ** 2 for a, b in zip(first, second, strict=True))


@pytest.fixture
def three() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    h, n, c = rng.normal(size=(3, 17, 5))
    return h, n, c


def test_the_metric_loss_example() -> None:
    """The worked numbers of Eq. 5: 1.89, 8.88 and 2.65."""
    h, n, c = (np.array([one]) for one in ([0.5, -1.0, 2.0], [0.1, 0.4, -0.6], [0.3, -0.2, 0.9]))
    found = [squared_distances(*pair)[0] for pair in ((h, c), (h, n), (c, n))]
    assert found == pytest.approx([1.89, 8.88, 2.65])
    assert nearer_to_labels(h, n, c).tolist() == [1.0]
    assert nearer_to_labels(h, c, n).tolist() == [0.0]


def test_each_user_against_a_loop(three: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    h, n, c = three
    for user in range(len(h)):
        assert squared_distances(h, c)[user] == pytest.approx(distance(h[user], c[user]))
        near = distance(h[user], c[user]) < distance(h[user], n[user])
        assert nearer_to_labels(h, n, c)[user] == float(near)


def test_ranks_against_sorting(three: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    h, _, c = three
    for user, rank in enumerate(own_label_ranks(h, c)):
        order = sorted(range(len(c)), key=lambda other: distance(h[user], c[other]))
        assert order.index(user) + 1 == rank


def test_equal_distances_share_a_rank() -> None:
    same = np.zeros((5, 3))
    assert own_label_ranks(same, same).tolist() == [3.0] * 5


def test_unit_orders_as_cosines_do(three: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    h, _, c = three
    cosines = (h @ c.T) / np.linalg.norm(h, axis=1)[:, None] / np.linalg.norm(c, axis=1)
    for user, rank in enumerate(own_label_ranks(unit(h), unit(c))):
        assert rank == 1 + (cosines[user] > cosines[user, user]).sum()


def naive_silhouette(together: np.ndarray, apart: np.ndarray) -> float:
    groups = [list(together), list(apart)]
    values = []
    for own, other in ((0, 1), (1, 0)):
        for place, one in enumerate(groups[own]):
            rest = [x for k, x in enumerate(groups[own]) if k != place]
            inside = np.mean([distance(one, x) ** 0.5 for x in rest])
            outside = np.mean([distance(one, x) ** 0.5 for x in groups[other]])
            values.append((outside - inside) / max(inside, outside))
    return float(np.mean(values))


@pytest.mark.parametrize("gap", [0.0, 1.0, 50.0])
def test_silhouette_against_a_loop(
    three: tuple[np.ndarray, np.ndarray, np.ndarray], gap: float
) -> None:
    h, n, c = three
    together = np.concatenate([h, c])
    assert silhouette(together, n + gap) == pytest.approx(naive_silhouette(together, n + gap))


def test_silhouette_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.metrics", None)
    with pytest.raises(UserError, match=r"sklearn: is not installed.*\.\[figures\]"):
        silhouette(np.zeros((2, 1)), np.ones((2, 1)))
