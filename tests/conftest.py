"""What all tests share: how hypothesis draws its examples, and a tiny log made ready once."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from unclicked.data.dataset import PreparedDataset

# A shell that starts the tests in the background has SIGINT ignored, and so would every child.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Two workers share two cores, so the clock says nothing about an example.
settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("here"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")


@pytest.fixture(scope="session")
def tiny_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated log of 60 users and 120 items, with item and user tables."""
    from unclicked.sources.simulate import simulate

    out = tmp_path_factory.mktemp("tiny") / "log"
    simulate(out, preset="tiny", num_users=60, num_items=120)
    return out


@pytest.fixture(scope="session")
def tiny_data(tiny_log: Path) -> PreparedDataset:
    """The tiny log, prepared with the default rules."""
    from unclicked.data.prepare import prepare

    return prepare(
        [tiny_log / "impressions.parquet"],
        tiny_log.parent / "data",
        items=tiny_log / "items.parquet",
        users=tiny_log / "users.parquet",
    )


@pytest.fixture(scope="session")
def tiny_run(tiny_data: PreparedDataset) -> Path:
    """A run of two epochs on the tiny log; tests that write into it copy it first."""
    from unclicked.recommender import resolve_for
    from unclicked.start import train

    out = tiny_data.path.parent / "run"
    # With a metric loss, so that everything that a run can hold is there.
    model = {"dim": 16, "metric": "symmetric"}
    settings = {"model": model, "train": {"max_epochs": 2, "num_buckets": 2}}
    train(tiny_data, out, resolve_for(tiny_data.config, "recommended", settings))
    return out
