"""A small prepared data set, and a run trained on it, made once for an experiment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unclicked.config import Config
from unclicked.data.dataset import PreparedDataset
from unclicked.data.prepare import prepare
from unclicked.evaluation import evaluate
from unclicked.recommender import resolve_for
from unclicked.run import open_run
from unclicked.sources.simulate import simulate
from unclicked.start import train

SETTINGS: dict[str, Any] = {
    "model": {"dim": 16, "metric": "symmetric"},
    "train": {"max_epochs": 2, "num_buckets": 2, "batch_size": 32, "num_negatives": 40},
}


def small_dataset(folder: Path, num_users: int = 60, num_items: int = 120) -> PreparedDataset:
    """A simulated log, prepared.

    Args:
        folder: Where to; `folder/data` is the data set.
        num_users: Users in the log.
        num_items: Items in the catalogue.

    Returns:
        The data set.
    """
    log = folder / "log"
    simulate(log, preset="tiny", num_users=num_users, num_items=num_items)
    return prepare(
        [log / "impressions.parquet"],
        folder / "data",
        items=log / "items.parquet",
        users=log / "users.parquet",
    )


def small_config(dataset: PreparedDataset, **tables: Mapping[str, Any]) -> Config:
    """Settings of a training of some seconds.

    Args:
        dataset: What is trained on.
        **tables: Further settings by table.

    Returns:
        The configuration.
    """
    return resolve_for(dataset.config, "recommended", SETTINGS, tables)


def small_run(dataset: PreparedDataset, run: Path) -> Path:
    """A run of two epochs that keeps two checkpoints, judged on both splits.

    Args:
        dataset: What to train on.
        run: Folder of the run.

    Returns:
        The folder.
    """
    for seed in range(20):
        target = run.with_name(f"{run.name}-{seed}")
        # The last of some epochs that is not the best: then both are kept.
        train(dataset, target, small_config(dataset, train={"seed": seed, "max_epochs": 4}))
        if len(list((target / "checkpoints").iterdir())) == 2:
            break
    target.rename(run)
    opened = open_run(run)
    for split in ("validation", "test"):
        evaluate(opened, dataset, split=split, top_k=(5, 10))
    return run
