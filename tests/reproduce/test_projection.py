"""The map keeps neighbours, is the same each time, and says what it lacks."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from unclicked.errors import NumericError, UserError
from unclicked.reproduce.projection import FEWEST, project


@pytest.fixture(scope="module")
def blobs() -> np.ndarray:
    rng = np.random.default_rng(1)
    return np.concatenate([rng.normal(size=(12, 6)), 20.0 + rng.normal(size=(12, 6))])


def test_neighbours_stay_neighbours(blobs: np.ndarray) -> None:
    points = project(blobs, seed=3)
    assert points.shape == (24, 2)
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    assert (apart.argmin(axis=1) // 12 == np.arange(24) // 12).all()
    assert (project(blobs, seed=3) == points).all()


def test_cosine_sees_directions_alone(blobs: np.ndarray) -> None:
    longer = blobs * 2.0 ** np.arange(24)[:, None]
    directions = np.array([[1.0, 0.1, 0.0], [0.0, 0.1, 1.0]]).repeat(12, axis=0)
    directions = directions + np.random.default_rng(2).normal(size=(24, 3)) / 50
    points = project(directions * 2.0 ** np.arange(24)[:, None], seed=0, measure="cosine")
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    assert (apart.argmin(axis=1) // 12 == np.arange(24) // 12).mean() > 0.9
    assert np.isfinite(project(longer, seed=0, measure="cosine")).all()


def test_too_few() -> None:
    with pytest.raises(UserError, match="7 vectors: are too few"):
        project(np.zeros((FEWEST - 1, 2)), seed=0)


def test_not_finite() -> None:
    with pytest.raises(NumericError, match="found NaN"):
        project(np.full((FEWEST, 2), np.nan), seed=0)


def test_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, blobs: np.ndarray) -> None:
    monkeypatch.setitem(sys.modules, "openTSNE", None)
    with pytest.raises(UserError, match=r"openTSNE: is not installed.*\.\[figures\]"):
        project(blobs, seed=0)
