"""A cell is the same for equal settings and data, and another one for any difference."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from unclicked.data.dataset import PreparedDataset
from unclicked.errors import ArtefactError, UserError
from unclicked.reproduce.cell import DONE, make_cell, read_outcome, write_outcome

SETTINGS = {"model.fusion": "none", "model.metric": "none", "train.learning_rate": 0.05}


def test_equal_settings_are_one_cell_in_whatever_order(tiny_dataset: PreparedDataset) -> None:
    other = dict(reversed(SETTINGS.items()))
    keys = {make_cell(tiny_dataset, "recommended", s, 1).key for s in (SETTINGS, other)}
    assert len(keys) == 1


def test_a_preset_that_gives_the_same_settings_is_the_same_cell(
    tiny_dataset: PreparedDataset,
) -> None:
    written_out = {"model.fusion": "confidence", "model.metric": "none"}
    preset = "sru2b-without-metric"
    assert (
        make_cell(tiny_dataset, preset, written_out, 0).key
        == make_cell(tiny_dataset, preset, {}, 0).key
    )


@pytest.mark.parametrize(
    ("settings", "seed"),
    [
        (SETTINGS | {"train.learning_rate": 0.1}, 1),
        (SETTINGS | {"model.dim": 32}, 1),
        (SETTINGS, 2),
    ],
)
def test_another_setting_or_seed_is_another_cell(
    tiny_dataset: PreparedDataset, settings: dict[str, object], seed: int
) -> None:
    first = make_cell(tiny_dataset, "recommended", SETTINGS, 1)
    assert make_cell(tiny_dataset, "recommended", settings, seed).key != first.key


def test_an_unknown_setting_names_the_nearest(tiny_dataset: PreparedDataset) -> None:
    with pytest.raises(UserError, match=r"model\.dim"):
        make_cell(tiny_dataset, "recommended", {"model.dimm": 8}, 0)


def test_an_outcome_comes_back_and_a_changed_one_is_refused(
    tiny_dataset: PreparedDataset, tmp_path: Path
) -> None:
    cell = make_cell(tiny_dataset, "recommended", SETTINGS, 0)
    assert read_outcome(tmp_path, cell) is None
    write_outcome(tmp_path, {"validation": 0.5, "epochs": 2, "seconds": 1.5, "failed": ""})
    outcome = read_outcome(tmp_path, cell)
    assert outcome is not None
    assert (outcome.validation, outcome.epochs, outcome.seconds) == (0.5, 2, 1.5)
    assert outcome.run == tmp_path / "run"
    content = json.loads((tmp_path / DONE).read_text())
    (tmp_path / DONE).write_text(json.dumps(content | {"validation": 0.9}))
    with pytest.raises(ArtefactError, match="was changed"):
        read_outcome(tmp_path, cell)
