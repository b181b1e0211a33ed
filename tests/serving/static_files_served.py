"""A browser, and a service of two models for it to look at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.serving.server_running import running
from tests.serving.static_files_browser import browser

from unclicked.bundle import export_bundle
from unclicked.data.dataset import PreparedDataset
from unclicked.recommender import resolve_for
from unclicked.run import open_run
from unclicked.start import train


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as one:
        yield one


@pytest.fixture(scope="module")
def address(
    tiny_data: PreparedDataset, tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A service of the tiny bundle, and of one that reads clicks only beside it."""
    folder = tmp_path_factory.mktemp("base")
    settings = {
        "model": {"dim": 16, "fusion": "none", "metric": "none"},
        "train": {"max_epochs": 1, "num_buckets": 2},
    }
    train(tiny_data, folder / "run", resolve_for(tiny_data.config, "recommended", settings))
    export_bundle(open_run(folder / "run"), folder / "bundle")
    options = ("--beside", str(folder / "bundle"), "--examples", str(tiny_data.path))
    with running(tiny_bundle, *options, "--threads", "1") as url:
        yield url
