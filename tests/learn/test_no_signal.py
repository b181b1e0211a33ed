"""On a log of pure noise nothing can be learned: what still scored above chance would be a leak."""

from __future__ import annotations

from math import comb
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unclicked.data.dataset import PreparedDataset
from unclicked.data.prepare import prepare
from unclicked.evaluation import held_out_builder, rank
from unclicked.metrics import per_user
from unclicked.recommender import resolve_for
from unclicked.run import open_run
from unclicked.settings import resolve
from unclicked.start import train

USERS, ITEMS, DAYS, SHOWN, TOP_K = 300, 400, 6, 40, 50
Z = 4.0


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> PreparedDataset:
    """Items shown uniformly at random, a fifth of the showings clicked by a die."""
    folder = tmp_path_factory.mktemp("noise")
    rng = np.random.default_rng(17)
    shape = (USERS, DAYS, SHOWN)
    user, day, place = (one.ravel() for one in np.indices(shape))
    table = pa.table(
        {
            "user_id": user,
            "item_id": rng.integers(0, ITEMS, size=user.size),
            "timestamp": 1_700_000_000 // 86_400 * 86_400 + day * 86_400 + 40_000 + 60 * place,
            "clicked": rng.random(user.size) < 0.2,
        }
    )
    pq.write_table(table, folder / "log.parquet")
    rules = {"time_unit": "s", "unclicked": {"min_exposures": 1}}
    return prepare([folder / "log.parquet"], folder / "data", config=resolve({"data": rules}).data)


def deviations(data: PreparedDataset, ranked: np.ndarray) -> dict[str, float]:
    """How many standard errors hit rate and recall lie above chance."""
    samples = data.splits["test"]
    size = np.diff(samples.truth_offsets)
    total = comb(data.num_items, TOP_K)
    chance = {
        "HR": np.array([1 - comb(data.num_items - int(g), TOP_K) / total for g in size]),
        "R": np.full(len(size), TOP_K / data.num_items),
    }
    found = per_user(ranked, (samples.truth_offsets, samples.truth_items), TOP_K)
    result = {}
    for name, expected in chance.items():
        difference = found[f"{name}@{TOP_K}"] - expected
        result[name] = float(difference.mean() / (difference.std() / np.sqrt(len(size))))
    return result


@pytest.mark.parametrize("cut", ["now", "session_start"])
def test_a_model_trained_on_noise_is_at_chance(
    noise: PreparedDataset, tmp_path: Path, cut: str
) -> None:
    layer: dict[str, Any] = {
        "data": {"unclicked": {"cut": cut}},
        # The metric loss is the part that is told what was clicked next: it must not leak either.
        "model": {"dim": 16, "metric": "symmetric"},
        "train": {
            "optimizer": "adam",
            "learning_rate": 0.03,
            "batch_size": 64,
            "max_epochs": 3,
            "patience": 3,
            "num_buckets": 1,
        },
    }
    config = resolve_for(noise.config, "recommended", layer)
    train(noise, tmp_path / "run", config)
    run = open_run(tmp_path / "run")
    ranked = rank(run.model, held_out_builder(noise, run.config, "test"), TOP_K, 512)
    # The model did learn something: its lists are not the same for everybody.
    assert len(np.unique(ranked[:, 0])) > 20
    for name, z in deviations(noise, ranked).items():
        assert abs(z) < Z, f"{name}: {z:.1f} standard errors from chance"


def test_a_leak_to_one_user_in_eight_would_be_seen(noise: PreparedDataset) -> None:
    samples = noise.splits["test"]
    rng = np.random.default_rng(3)
    ranked = np.stack([rng.permutation(noise.num_items)[:TOP_K] + 1 for _ in samples.user])
    assert all(abs(z) < Z for z in deviations(noise, ranked).values())
    for number in range(0, len(ranked), 8):
        begin, end = samples.truth_offsets[number : number + 2]
        ranked[number, : end - begin] = samples.truth_items[begin:end][:TOP_K]
    assert deviations(noise, ranked)["R"] > Z
