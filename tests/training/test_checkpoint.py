"""Checkpoints are whole, fit, and fall back to an older one that is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from tests.training.test_loop import training

from unclicked import artefact
from unclicked.artefact import sha256_file
from unclicked.errors import ArtefactError, NumericError, ResourceError
from unclicked.training import checkpoint as store


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Two epochs, of which the first was the better one: two checkpoints."""
    values = iter([0.5, 0.4])
    training(tmp_path / "run", lambda: next(values), max_epochs=2)[0].fit()
    return tmp_path / "run"


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)


def rewrite(folder: Path, name: str, tensors: dict[str, torch.Tensor]) -> None:
    """Replace a file of a checkpoint and make the manifest agree."""
    save_file(tensors, folder / name)
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    size = (folder / name).stat().st_size
    manifest["files"][name] = {"sha256": sha256_file(folder / name), "bytes": size}
    artefact.write_json(path, artefact.seal(manifest))


def test_a_checkpoint_gives_back_all_there_is(run: Path) -> None:
    made, _ = training(run)
    made.resume()
    assert made.progress.epoch == 2
    assert made.progress.best_value == 0.5
    assert made.optimiser.num_steps == made.progress.step
    newest = store.list_checkpoints(run)[0]
    weights = load_file(newest / "model.safetensors")
    assert set(weights) == {name for name, _ in made.model.named_parameters()}
    for name, weight in made.model.named_parameters():
        assert torch.equal(weight, weights[name])
    for name, tensor in load_file(newest / "optimizer.safetensors").items():
        assert torch.equal(made.optimiser.state[name], tensor)


def test_a_flipped_byte_falls_back_to_the_older_one_and_says_so(run: Path) -> None:
    newest, older = store.list_checkpoints(run)
    flip(newest / "model.safetensors")
    folder, refused = store.newest_valid(run)
    assert folder == older
    assert len(refused) == 1
    made, said = training(run)
    made.resume()
    assert made.progress.step == int(older.name)
    assert len(said) == 1
    assert newest.name in said[0]
    assert said[0] == (
        f"The checkpoint {newest} cannot be used: model.safetensors was changed. "
        "An older checkpoint is used instead."
    )
    # Going on replaces the broken one.
    made.fit()
    assert store.newest_valid(run)[1] == []


def test_no_whole_checkpoint_is_an_artefact_error(run: Path) -> None:
    for folder in store.list_checkpoints(run):
        (folder / "state.json").unlink()
    with pytest.raises(ArtefactError, match=r"no whole checkpoint\. .*: state\.json is") as caught:
        store.newest_valid(run)
    assert caught.value.exit_code == 3
    with pytest.raises(ArtefactError, match="no whole checkpoint"):
        store.newest_valid(run.parent)


def test_a_full_disk_leaves_the_older_checkpoints(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, _ = training(run)
    made.resume()
    before = [folder.name for folder in store.list_checkpoints(run)]

    def full(path: Path, tensors: dict[str, torch.Tensor]) -> None:
        path.write_bytes(b"half")
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(store, "save_tensors", full)
    made.progress.step += 1
    with pytest.raises(ResourceError, match="No space left") as caught:
        store.save_checkpoint(run, made.model, made.optimiser, made.progress)
    assert caught.value.exit_code == 4
    assert [path.name for path in sorted((run / "checkpoints").iterdir(), reverse=True)] == before


def test_weights_that_do_not_fit_are_refused(run: Path) -> None:
    made, _ = training(run)
    newest = store.list_checkpoints(run)[0]
    whole = load_file(newest / "model.safetensors")
    first = sorted(whole)[0]
    rewrite(newest, "model.safetensors", {k: v for k, v in whole.items() if k != first})
    with pytest.raises(ArtefactError, match=f"another configuration.*{first} is missing"):
        store.load_weights(newest, made.model)


def change_state(folder: Path, change: dict[str, object]) -> None:
    path = folder / "state.json"
    state = json.loads(path.read_text())
    path.write_text(json.dumps(state | {"progress": state["progress"] | change}))


@pytest.mark.parametrize(
    "change",
    [
        {"__class__": "os.system"},
        {"step": True},
        {"step": 1},
        {"epoch": -1},
        {"batch": "2"},
        {"best_step": 10**9},
        {"best_value": 1.5},
        {"finished": 1},
        {"history": [1]},
    ],
)
def test_counters_that_cannot_be_are_refused(run: Path, change: dict[str, object]) -> None:
    newest, older = store.list_checkpoints(run)
    store.read_progress(newest)
    change_state(newest, change)
    with pytest.raises(ArtefactError, match=r"CHECKPOINT-STATE\] .*state\.json") as caught:
        store.read_progress(newest)
    assert caught.value.exit_code == 3
    assert older.is_dir()


def test_only_the_files_that_will_be_used_need_be_whole(run: Path) -> None:
    newest, older = store.list_checkpoints(run)
    flip(newest / "optimizer.safetensors")
    assert store.newest_valid(run, ["state.json", "model.safetensors"]) == (newest, [])
    assert store.newest_valid(run)[0] == older


def test_an_optimiser_state_that_cannot_be_is_refused(run: Path) -> None:
    made, _ = training(run)
    newest = store.list_checkpoints(run)[0]
    whole = load_file(newest / "optimizer.safetensors")
    rewrite(newest, "optimizer.safetensors", {name: -one for name, one in whole.items()})
    with pytest.raises(ArtefactError, match="holds a number below 0"):
        store.load_optimiser(newest, made.optimiser)


def test_an_infinite_weight_is_not_saved_over_a_good_one(run: Path) -> None:
    made, _ = training(run)
    made.resume()
    before = [folder.name for folder in store.list_checkpoints(run)]
    name, weight = next(iter(made.model.named_parameters()))
    weight.data.view(-1)[0] = float("inf")
    made.progress.step += 1
    with pytest.raises(NumericError, match=f"NAN-WEIGHT.*{name}") as caught:
        store.save_checkpoint(run, made.model, made.optimiser, made.progress)
    assert caught.value.exit_code == 5
    assert [folder.name for folder in store.list_checkpoints(run)] == before
