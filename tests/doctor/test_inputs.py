"""Inputs exchanged among users: against users' own vectors, and with inputs silenced on purpose."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from unclicked.data.dataset import PreparedDataset
from unclicked.doctor import inputs
from unclicked.doctor.inputs import Reading, input_findings, readings
from unclicked.evaluation import held_out_builder
from unclicked.run import Run, open_run
from unclicked.tensors import to_tensors

ALL = ["session", "long-term clicks", "profile", "unclicked items"]


@pytest.fixture
def run(tiny_run: Path) -> Run:
    return open_run(tiny_run)


def test_with_all_inputs_of_another_user_one_is_that_user(
    run: Run, tiny_data: PreparedDataset
) -> None:
    builder = held_out_builder(tiny_data, run.config, "validation")
    model = run.model.eval()
    batch = to_tensors(builder.build(np.arange(len(builder.samples))), torch.device("cpu"))
    assert batch.row_sample.tolist() == list(range(len(builder.samples)))
    other = torch.arange(len(batch.mask)).roll(3)
    exchanged = batch
    for exchange in inputs._inputs(model, batch).values():
        exchanged = exchange(exchanged, other)
    with torch.no_grad():
        expected = model.user_vectors(batch)[other]
        torch.testing.assert_close(model.user_vectors(exchanged), expected)


def silent(run: Run, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take one input out of the model."""
    model = run.model
    assert model.profile is not None
    if name == "unclicked items":
        monkeypatch.setattr(model.plugin, "forward", lambda clicked, unclicked, mask: clicked)
        return
    encoder = model.encoder

    def forward(items: Tensor, mask: Tensor, context: object) -> Tensor:
        # A stand-in that reads the session alone, or the long-term clicks alone.
        if name == "long-term clicks":
            return torch.where(mask.unsqueeze(-1), items, 0.0).cumsum(dim=1)
        ids = context.long_fields["item_id"][0]  # type: ignore[attr-defined]
        return ids.sum(dim=1, keepdim=True)[..., :1].expand(items.shape)

    monkeypatch.setattr(encoder, "forward", forward)


@pytest.mark.parametrize(
    ("silenced", "kept"),
    [
        ("unclicked items", ["unclicked items"]),
        ("long-term clicks", ["long-term clicks", "profile"]),
        ("session", ["session", "profile"]),
    ],
)
def test_an_input_that_is_not_read_leaves_all_lists(
    silenced: str,
    kept: list[str],
    run: Run,
    tiny_data: PreparedDataset,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    silent(run, silenced, monkeypatch)
    found = readings(run, tiny_data)
    assert list(found) == ALL
    for name, one in found.items():
        if name in kept:
            assert (one.kept, one.change) == (one.length, 0.0), name
        else:
            assert one.kept < one.length, name


def test_what_a_model_is_not_given_is_not_exchanged(
    run: Run, tiny_data: PreparedDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = run.config.model.model_copy(update={"fusion": "none"})
    monkeypatch.setattr(run.model, "config", changed)
    assert list(readings(run, tiny_data)) == ALL[:3]
    monkeypatch.setattr(run.model.encoder, "long_input", "none", raising=False)
    monkeypatch.setattr(run.model.encoder, "forward", lambda items, mask, context: items)
    assert list(readings(run, tiny_data)) == ["session", "profile"]


@pytest.mark.parametrize(("kept", "level"), [(49.6, "warn"), (49.4, "ok"), (8.0, "ok")])
def test_an_input_that_is_hardly_read_is_a_warning(
    kept: float,
    level: str,
    run: Run,
    tiny_data: PreparedDataset,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: Callable[[Run, PreparedDataset], dict[str, Reading]] = lambda run, data: {  # noqa: E731
        "session": Reading(kept, 0.5, -0.031, 50)
    }
    monkeypatch.setattr(inputs, "readings", given)
    (found,) = input_findings(run, tiny_data)
    assert (found.name, found.level) == ("session", level)
    assert f"{kept} of 50 items" in found.found
    assert "HR@50 from 50.0% by -3.1 points" in found.found
    assert ("train.dense_rate" in found.advice) == (level == "warn")
