"""The estimate of memory against the formula by hand and against a training that was measured."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from unclicked.config import Config
from unclicked.data.dataset import PreparedDataset
from unclicked.dataset_settings import resolve_for
from unclicked.doctor.memory import training_memory
from unclicked.run import build_model

# Peak memory of a process in MiB before and after a few steps.
MEASURED = """
import sys, threading, time
from pathlib import Path
from unclicked.data.dataset import PreparedDataset
from unclicked.dataset_settings import resolve_for
from unclicked.start import train
from unclicked.settings import parse_set
from unclicked.bench.prepare_side import peak_bytes
data = PreparedDataset.open(sys.argv[1])
config = resolve_for(data.config, "recommended", parse_set(sys.argv[3:]))
before = peak_bytes()
train(data, Path(sys.argv[2]), config)
after = peak_bytes()
print(before >> 20, after >> 20)
"""


def config_of(data: PreparedDataset, **model: object) -> Config:
    """The recommended settings with some of the model's changed."""
    return resolve_for(data.config, "recommended", {"model": model})


def test_weights_are_counted_on_the_model(tiny_data: PreparedDataset) -> None:
    for optimiser, copies in (("adagrad", 2), ("adam", 3)):
        config = resolve_for(tiny_data.config, "recommended", {"train": {"optimizer": optimiser}})
        model = build_model(
            config, tiny_data.catalogue, tiny_data.profile_vocabularies, len(tiny_data.users)
        )
        every = sum(one.numel() for one in model.parameters())
        tables = sum(table.weight.numel() for table in model.tables().values())
        buffers = sum(one.numel() * one.element_size() for one in model.buffers())
        wanted = 4 * (copies * every + every - tables) + buffers
        assert training_memory(tiny_data, config).weights == wanted


def test_more_of_everything_takes_more(tiny_data: PreparedDataset) -> None:
    small = training_memory(tiny_data, config_of(tiny_data))
    wide = training_memory(tiny_data, config_of(tiny_data, dim=256))
    assert wide.weights > 3 * small.weights
    assert wide.batch > small.batch
    few = resolve_for(tiny_data.config, "recommended", {"train": {"batch_size": 8}})
    assert training_memory(tiny_data, few).batch < small.batch / 4
    against = resolve_for(tiny_data.config, "recommended", {"train": {"unclicked_negatives": 1.0}})
    assert training_memory(tiny_data, against).batch > small.batch
    assert small.total == small.process + small.weights + small.batch


def test_a_batch_by_hand(tiny_data: PreparedDataset) -> None:
    config = resolve_for(tiny_data.config, "recommended", {"train": {"batch_size": 2}})
    samples = tiny_data.splits["train"]
    lengths = np.sort(samples.end - samples.start)[-2:]
    rows, longest, long = int(lengths.sum()), int(lengths.max()), 50
    listed = tiny_data.card["mean_length"]["unclicked"]
    candidates = 120 + 5
    distinct = min(int(rows * 6 + 2 * long + rows * listed + candidates), 120)
    numbers = rows * candidates + 2 * distinct * 64 + 6 * 2 * longest * 64
    numbers += 2 * longest**2 * 64 / 8 + 1.5 * 2 * long * 64 + rows * listed
    wanted = 16 * numbers + 8 * int(rows * listed)
    assert training_memory(tiny_data, config).batch == pytest.approx(wanted, abs=2)


def test_the_squared_error_draws_nothing_and_compares_labels(tiny_data: PreparedDataset) -> None:
    given = {"batch_size": 2, "ranking_loss": "mse"}
    config = resolve_for(tiny_data.config, "recommended", {"train": given})
    samples = tiny_data.splits["train"]
    lengths = np.sort(samples.end - samples.start)[-2:]
    rows, longest, long = int(lengths.sum()), int(lengths.max()), 50
    listed = tiny_data.card["mean_length"]["unclicked"]
    distinct = min(int(rows * 6 + 2 * long + rows * listed + 5), 120)
    numbers = 3 * rows * 5 * 64 + 2 * distinct * 64 + 6 * 2 * longest * 64
    numbers += 2 * longest**2 * 64 / 8 + 1.5 * 2 * long * 64 + rows * listed
    wanted = 16 * numbers + 8 * int(rows * listed)
    assert training_memory(tiny_data, config).batch == pytest.approx(wanted, abs=2)
    few = given | {"num_negatives": 9}
    same = resolve_for(tiny_data.config, "recommended", {"train": few})
    assert training_memory(tiny_data, same) == training_memory(tiny_data, config)


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [["model.dim=1024"], ["model.dim=256", "train.batch_size=512", "train.optimizer=adam"]],
)
def test_within_a_factor_of_two_of_a_training(
    tiny_data: PreparedDataset, tmp_path_factory: pytest.TempPathFactory, settings: list[str]
) -> None:
    run = tmp_path_factory.mktemp("run") / "run"
    words = [*settings, "train.max_epochs=1", "train.num_buckets=1", "train.num_negatives=120"]
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(tiny_data.path), str(run), *words],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    before, after = map(int, done.stdout.split())
    nested: dict[str, dict[str, object]] = {"model": {}, "train": {}}
    for text in words:
        key, _, value = text.partition("=")
        table, _, name = key.partition(".")
        nested[table][name] = int(value) if value.isdecimal() else value
    need = training_memory(tiny_data, resolve_for(tiny_data.config, "recommended", nested))
    took, told = after - before, (need.weights + need.batch) / (1 << 20)
    print(f"{settings}: {took} MiB measured, {told:.0f} MiB told; process {before} MiB")
    assert told / 2 < took < told * 2
    assert need.process / 2 < before * (1 << 20) < need.process * 2
