"""Vectors that are looked at are those that judging and training make."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from unclicked.data.dataset import PreparedDataset
from unclicked.errors import ArtefactError, UserError
from unclicked.evaluation import held_out_builder, user_vectors
from unclicked.reproduce import vectors
from unclicked.run import Run, open_run


@pytest.fixture(scope="module")
def full(tiny_run: Path) -> Run:
    return open_run(tiny_run)


@pytest.fixture(scope="module")
def base(tiny_base: Path) -> Run:
    return open_run(tiny_base)


def lists_of(data: PreparedDataset) -> list[list[int]]:
    """Every test user's list as of the moment of prediction, one user at a time."""
    samples, found = data.splits["test"], []
    for number in range(len(samples)):
        row = samples.row_now[samples.position_offsets[number + 1] - 1]
        found.append(samples.row_items[samples.row_offsets[row] : samples.row_offsets[row + 1]])
    return [one.tolist() for one in found]


def test_who_is_drawn(tiny_data: PreparedDataset, full: Run) -> None:
    able = [number for number, one in enumerate(lists_of(tiny_data)) if one]
    assert len(able) > 5
    everybody = vectors.choose_users(tiny_data, full.config, 10_000, 0)
    assert everybody.tolist() == able
    drawn = [vectors.choose_users(tiny_data, full.config, 5, seed).tolist() for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert drawn[0] == sorted(set(drawn[0])) and len(drawn[0]) == 5
    assert set(drawn[0]) < set(able)


def test_nobody_to_be_drawn(tiny_data: PreparedDataset, full: Run) -> None:
    samples = tiny_data.splits["test"]
    empty = replace(samples, row_offsets=np.zeros_like(samples.row_offsets))
    data = replace(tiny_data, splits={**tiny_data.splits, "test": empty})
    with pytest.raises(UserError, match="no test user has an unclicked item"):
        vectors.choose_users(data, full.config, 5, 0)


@pytest.mark.parametrize("which", ["full", "base"])
def test_user_vectors_are_those_that_are_judged(
    tiny_data: PreparedDataset, request: pytest.FixtureRequest, which: str
) -> None:
    run: Run = request.getfixturevalue(which)
    found = vectors.sampled_vectors(run, tiny_data, 9, 2)
    judged = user_vectors(run.model, held_out_builder(tiny_data, run.config, "test"), 64)
    assert found.user == pytest.approx(judged.numpy()[found.users], abs=1e-5)


def test_each_vector_against_a_loop(tiny_data: PreparedDataset, full: Run) -> None:
    model, samples = full.model, tiny_data.splits["test"]
    found = vectors.sampled_vectors(full, tiny_data, 7, 2)
    assert found.unclicked is not None and found.labels is not None
    layer, lists = model.plugin.unclicked_encoder.linear, lists_of(tiny_data)
    scored = model.all_item_vectors().detach().numpy()
    assert layer is not None

    def read(items: list[int]) -> np.ndarray:
        rows = [model.tower(torch.tensor([one]))[0] for one in items]
        return torch.tanh(layer(torch.stack(rows).mean(dim=0))).detach().numpy()

    for place, user in enumerate(found.users.tolist()):
        truth = samples.truth_items[samples.truth_offsets[user] : samples.truth_offsets[user + 1]]
        labels = truth.tolist()[: full.config.train.num_labels]
        assert found.unclicked[place] == pytest.approx(read(lists[user]), abs=1e-5)
        assert found.labels[place] == pytest.approx(read(labels), abs=1e-5)
        assert found.targets[place] == pytest.approx(scored[labels].mean(axis=0), abs=1e-5)
        gate = model.plugin.gate(
            *(
                torch.tensor(one[place : place + 1]).float()
                for one in (found.clicked, found.unclicked)
            )
        )
        fused = found.clicked[place] - gate.detach().numpy()[0] * found.unclicked[place]
        assert found.user[place] == pytest.approx(fused, abs=1e-5)


def test_a_base_has_no_more_than_it_has(tiny_data: PreparedDataset, base: Run) -> None:
    found = vectors.sampled_vectors(base, tiny_data, 6, 0)
    assert found.unclicked is None and found.labels is None
    assert (found.user == found.clicked).all()
    assert found.targets.shape == found.clicked.shape == (6, 16)
    assert np.abs(found.targets).sum() > 0


def test_truth_is_never_an_input(tiny_data: PreparedDataset, full: Run) -> None:
    samples = tiny_data.splits["test"]
    other = replace(samples, truth_items=np.ones_like(samples.truth_items))
    data = replace(tiny_data, splits={**tiny_data.splits, "test": other})
    before, after = (vectors.sampled_vectors(full, one, 9, 2) for one in (tiny_data, data))
    assert (before.user == after.user).all() and (before.clicked == after.clicked).all()
    assert (before.labels != after.labels).any()


def test_other_data_is_refused(tiny_data: PreparedDataset, full: Run) -> None:
    with pytest.raises(ArtefactError, match="was trained on another data set"):
        vectors.sampled_vectors(full, replace(tiny_data, sha256="0" * 64), 5, 0)


def test_first_items(tiny_data: PreparedDataset) -> None:
    samples = replace(
        tiny_data.splits["test"],
        truth_offsets=np.array([0, 1, 4, 6]),
        truth_items=np.array([7, 3, 9, 5, 8, 2], dtype=np.int32),
    )
    found = vectors.first_items(samples, np.array([2, 0, 1]), 2)
    assert found.tolist() == [[8, 2], [7, 0], [3, 9]]
