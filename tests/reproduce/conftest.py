"""A tiny data set for the studies, prepared once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from unclicked.data.dataset import PreparedDataset
from unclicked.data.prepare import prepare
from unclicked.quickstart.children import Job, Trained
from unclicked.reproduce import worker, workplace
from unclicked.reproduce.workplace import Workplace
from unclicked.sources.simulate import simulate


@pytest.fixture(scope="session")
def tiny_dataset(tmp_path_factory: pytest.TempPathFactory) -> PreparedDataset:
    """120 users, 200 items."""
    folder = tmp_path_factory.mktemp("studies")
    simulate(folder / "log", preset="tiny", seed=3)
    return prepare(
        [folder / "log" / "impressions.parquet"],
        folder / "tiny",
        items=folder / "log" / "items.parquet",
        users=folder / "log" / "users.parquet",
    )


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Folder of the studies."""
    return tmp_path / "studies"


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let cells be worked on in this process, which is quicker; the keys that were, in order."""
    worked: list[str] = []

    def run_all(
        jobs: Sequence[Job], at_once: int, done: Callable[[Job, Trained], None]
    ) -> dict[str, Trained]:
        for job in jobs:
            worked.append(job.name)
            worker.work(Path(job.arguments[0]))
            done(job, Trained(0.0, ()))
        return {}

    monkeypatch.setattr(workplace, "run_all", run_all)
    return worked


@pytest.fixture
def place(out: Path, tiny_dataset: PreparedDataset, in_process: list[str]) -> Workplace:
    """A place with one seed and settings under which a training takes a moment."""
    small = {"model.dim": 8, "train.max_epochs": 1, "train.num_negatives": 20}
    return Workplace(out, [tiny_dataset], settings=small)


@pytest.fixture(scope="session")
def tiny_base(tiny_data: PreparedDataset) -> Path:
    """A run of one epoch on the tiny log that knows of no unclicked item; beside `tiny_run`."""
    from unclicked.recommender import resolve_for
    from unclicked.start import train

    out = tiny_data.path.parent / "base"
    settings = {
        "model": {"dim": 16, "fusion": "none", "metric": "none"},
        "train": {"max_epochs": 1, "num_buckets": 2},
    }
    train(tiny_data, out, resolve_for(tiny_data.config, "recommended", settings))
    return out
