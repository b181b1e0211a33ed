"""Both sides of the benchmark of a step do the same work."""

from __future__ import annotations

import shutil
from importlib.util import find_spec

import pytest
import torch

from unclicked.bench import BENCHMARKS
from unclicked.bench.paper_size import SMALL, Sizes, batch_of, catalogue_of, config_of, model_of
from unclicked.bench.step import OurStep, prepared_batches
from unclicked.bench.straight import StraightStep


@pytest.mark.parametrize("last", [False, True])
def test_twenty_steps_give_the_same_losses(last: bool) -> None:
    catalogue = catalogue_of(SMALL.num_items)
    config = config_of(SMALL)
    model = model_of(config, catalogue)
    straight, ours = StraightStep(model, config), OurStep(model, config)
    found, expected = [], []
    for batch, negatives in prepared_batches(SMALL, catalogue, last=last, count=20):
        expected.append(straight.step(batch, negatives))
        found.append(ours.step(batch, negatives))
    assert found == pytest.approx(expected, rel=1e-5)
    assert abs(found[-1] - found[0]) > 1e-3
    theirs, fresh = straight.output.weight.detach(), model_of(config, catalogue).output
    assert model.output is not None and fresh is not None
    assert float((model.output.weight - theirs).abs().max()) < 1e-6
    # The table has moved far more than both differ: the comparison above was of something.
    assert float((theirs - fresh.weight).abs().max()) > 1e-3


def test_sizes_of_a_batch_are_those_asked_for() -> None:
    catalogue = catalogue_of(5_000)
    sizes = Sizes(num_items=5_000, dim=16, batch_size=64, num_negatives=10)
    batch = batch_of(sizes, catalogue, 1)
    assert batch.clicked.shape == (64, 12) and batch.labels.shape == (768, 5)
    lists = batch.unclicked_offsets[1:] - batch.unclicked_offsets[:-1]
    assert len(lists) == 64 and 60 < lists.mean() < 82
    assert 15 < (batch.long_fields["item_id"] > 0).sum(axis=1).mean() < 27
    assert batch.items[0] == 0 and batch.items.max() <= 5_000
    assert (batch_of(sizes, catalogue, 1).labels == batch.labels).all()


# These start a process for every round of every side.
IN_CHILDREN = ("memory", "prepare", "scale", "serve")
# Needs the peers' own libraries; tests/bench/peers runs it with others in their place.
ELSEWHERE = ("peers",)
# What `serve` is measured against and with; neither comes with the tests.
RIVALS = all(map(find_spec, ("fastapi", "uvicorn"))) and shutil.which("wrk") is not None


@pytest.mark.parametrize("name", [one for one in BENCHMARKS if one not in ELSEWHERE])
def test_every_benchmark_runs_small(name: str) -> None:
    if name == "serve" and not RIVALS:
        pytest.skip("needs fastapi, uvicorn and wrk")
    before = torch.get_num_threads()
    rounds = 1 if name in IN_CHILDREN else 2
    rows = BENCHMARKS[name].run(rounds, True, lambda line: None)
    assert rows and all(row.runs == rounds and row.min <= row.ratio <= row.max for row in rows)
    assert all(row.ours > 0 and row.theirs > 0 for row in rows)
    assert torch.get_num_threads() == before
