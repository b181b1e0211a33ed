"""A run's folder says what it is, and nothing broken is opened."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from unclicked import artefact
from unclicked.data.dataset import PreparedDataset
from unclicked.errors import ArtefactError
from unclicked.run import build_model, open_run, read_facts
from unclicked.training.checkpoint import list_checkpoints


@pytest.fixture
def run(tiny_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_run, tmp_path / "run"))


def test_a_run_needs_no_data_set(tiny_data: PreparedDataset, run: Path) -> None:
    opened = open_run(run)
    assert opened.facts.dataset_sha256 == tiny_data.sha256
    assert opened.facts.preset == "recommended"
    assert opened.config.model.dim == 16
    assert opened.catalogue.items.values.equals(tiny_data.catalogue.items.values)
    assert opened.users.values.equals(tiny_data.users.values)
    assert list(opened.profile_vocabularies) == list(tiny_data.profile_vocabularies)
    assert not opened.model.training


def test_opening_leaves_the_caller_s_random_numbers_alone(run: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    open_run(run)
    assert torch.equal(torch.rand(3), expected)


def test_weights_are_fixed_by_the_seed(tiny_data: PreparedDataset, run: Path) -> None:
    facts = read_facts(run)
    models = [
        build_model(
            facts.config.model_copy(
                update={"train": facts.config.train.model_copy(update={"seed": seed})}
            ),
            tiny_data.catalogue,
            tiny_data.profile_vocabularies,
            len(tiny_data.users),
        )
        for seed in (1, 1, 2)
    ]
    first, same, other = ([w.flatten()[:9] for w in m.parameters()] for m in models)
    assert all(torch.equal(a, b) for a, b in zip(first, same, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first, other, strict=True))


def test_the_best_checkpoint_is_opened(run: Path) -> None:
    opened = open_run(run)
    folders = {int(path.name): path for path in list_checkpoints(run)}
    best = folders[opened.progress.best_step]
    weights = load_file(best / "model.safetensors")
    assert all(torch.equal(w, weights[name]) for name, w in opened.model.named_parameters())


@pytest.mark.parametrize("name", ["vocabulary/users.parquet", "checkpoints/*/model.safetensors"])
def test_a_changed_file_is_found(run: Path, name: str) -> None:
    for path in run.glob(name):
        content = bytearray(path.read_bytes())
        content[-9] ^= 4
        path.write_bytes(content)
    with pytest.raises(ArtefactError, match="was changed"):
        open_run(run)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read"),
        ("[]", "has format None, expected 2"),
        ('{"format": 1}', "has format 1, expected 2"),
        ('{"format": 2}', "holds no hash of itself"),
    ],
)
def test_a_broken_run_json_is_an_artefact_error(run: Path, text: str, message: str) -> None:
    (run / "run.json").write_text(text)
    with pytest.raises(ArtefactError, match=message):
        read_facts(run)


def test_a_changed_run_json_is_found(run: Path) -> None:
    text = (run / "run.json").read_text()
    assert '"dim": 16' in text
    (run / "run.json").write_text(text.replace('"dim": 16', '"dim": 17'))
    with pytest.raises(ArtefactError, match=r"run\.json: was changed") as caught:
        read_facts(run)
    assert caught.value.exit_code == 3


def test_a_setting_of_another_version_is_an_artefact_error(run: Path) -> None:
    content = json.loads((run / "run.json").read_text())
    content["config"]["model"]["hyperdrive"] = True
    artefact.write_json(run / "run.json", artefact.seal(content))
    with pytest.raises(ArtefactError, match="RUN-FACTS") as caught:
        read_facts(run)
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match=r"holds no run\.json"):
        open_run(tmp_path)


def test_a_run_opens_though_the_optimiser_s_file_of_its_best_checkpoint_is_broken(
    run: Path,
) -> None:
    said: list[str] = []
    whole = open_run(run, warn=said.append)
    for folder in list_checkpoints(run):
        (folder / "optimizer.safetensors").write_bytes(b"broken")
    again = open_run(run, warn=said.append)
    weights = zip(whole.model.parameters(), again.model.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in weights)
    assert said == []


@pytest.mark.parametrize(
    ("key", "value"),
    [("preset", 7), ("machine", "fast"), ("origin", None), ("own_encoder", ["a"])],
)
def test_facts_of_another_type_are_an_artefact_error(run: Path, key: str, value: object) -> None:
    content = json.loads((run / "run.json").read_text())
    artefact.replace_json(run / "run.json", content | {key: value})
    with pytest.raises(ArtefactError, match=rf"run\.json: cannot be used \({key} is no"):
        read_facts(run)
