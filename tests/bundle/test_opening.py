"""What is refused before a bundle is used: everything that is not as it was exported."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from unclicked import artefact
from unclicked.bundle import export_bundle, open_bundle, open_source
from unclicked.bundle.golden import check_golden
from unclicked.data.dataset import PreparedDataset
from unclicked.errors import ArtefactError, UnclickedError, UserError
from unclicked.recommendation import Answerer
from unclicked.run import Run

Changed = Callable[[Callable[[Path], None]], Path]


def test_every_file_is_watched(bundle_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(bundle_folder, tmp_path / "bundle"))
    rng = np.random.default_rng(8)
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    assert len(files) > 15
    for path in files:
        whole = path.read_bytes()
        for at in {0, len(whole) - 1, *rng.integers(0, len(whole), 4).tolist()}:
            flipped = bytearray(whole)
            flipped[at] ^= 1 << int(rng.integers(0, 8))
            for content in (bytes(flipped), whole[:at]):
                if path.name == "manifest.json" and same_json(content, whole):
                    # Spaces between its words are no part of what it says.
                    continue
                path.write_bytes(content)
                with pytest.raises(UnclickedError) as caught:
                    open_bundle(folder)
                assert caught.value.exit_code in (2, 3)
                assert str(folder) in str(caught.value)
        path.unlink()
        with pytest.raises(UnclickedError):
            open_bundle(folder)
        path.write_bytes(whole)
    open_bundle(folder)


def same_json(one: bytes, other: bytes) -> bool:
    try:
        return bool(json.loads(one) == json.loads(other))
    except (ValueError, UnicodeDecodeError):
        return False


def test_other_kinds_of_folders_are_named(
    judged_run: Run, tiny_data: PreparedDataset, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="is a run, not a bundle"):
        open_bundle(judged_run.path)
    with pytest.raises(UserError, match="is a data set, not a bundle"):
        open_bundle(tiny_data.path)
    with pytest.raises(UserError, match="expected the folder of a bundle"):
        open_bundle(tmp_path / "nothing")
    assert open_source(judged_run.path).model.num_items == 120


def test_a_run_and_a_bundle_are_opened_as_what_they_are(
    judged_run: Run, bundle_folder: Path
) -> None:
    assert isinstance(open_source(judged_run.path), Run)
    bundle = open_source(bundle_folder)
    assert not isinstance(bundle, Run)
    assert len(bundle.sha256) == 64


def test_a_bundle_whose_manifest_cannot_be_read_is_taken_for_no_run(
    judged_run: Run, tmp_path: Path
) -> None:
    bundle = export_bundle(judged_run, tmp_path / "bundle").path
    (bundle / artefact.MANIFEST).write_bytes(b"\x00 no JSON")
    with pytest.raises(ArtefactError, match=artefact.MANIFEST):
        open_source(bundle)


def weights(change: Callable[[dict[str, torch.Tensor]], None]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        found = load_file(folder / "model.safetensors")
        change(found)
        save_file(found, folder / "model.safetensors")

    return apply


def facts(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        found = json.loads((folder / "bundle.json").read_text())
        change(found)
        (folder / "bundle.json").write_text(json.dumps(found))

    return apply


def test_a_weight_that_is_no_number_is_refused(changed: Changed) -> None:
    def spoil(found: dict[str, torch.Tensor]) -> None:
        found["output.weight"][3, 1] = float("nan")

    with pytest.raises(ArtefactError, match=r"output\.weight: holds NaN"):
        open_bundle(changed(weights(spoil)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f["config"]["model"].update(dim=32), "is of another configuration"),
        (lambda f: f["config"]["model"].update(encoder="gru4rec"), "is of another configuration"),
        (lambda f: f["config"]["model"].update(encoder="../../x"), "ENCODER|BUNDLE-FACTS"),
        (lambda f: f["config"]["model"].update(_target_="os.system"), "config.model._target_"),
        (lambda f: f["config"].update(model=7), "config.model"),
        (lambda f: f.update(config=None), "config"),
        (lambda f: f.update(format=99), "has format 99, expected 1"),
        (lambda f: f.update(name=7), "holds no name"),
        (lambda f: f.pop("own_encoder"), "holds no name or encoder"),
    ],
)
def test_other_facts_are_refused(
    changed: Changed, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    with pytest.raises(ArtefactError, match=message):
        open_bundle(changed(facts(change)))


@pytest.mark.parametrize("content", ["[]", "7", "{}", '{"a": NaN}', "[" * 100_000, "", '[{"a":1}]'])
@pytest.mark.parametrize("name", ["bundle.json", "golden.json", "card.json", "profiles.json"])
def test_hostile_json_is_refused(changed: Changed, name: str, content: str) -> None:
    harmless = {("golden.json", "[]"), ("card.json", "{}")}
    folder = changed(lambda folder: (folder / name).write_text(content) and None)
    if (name, content) in harmless:
        open_bundle(folder)
        return
    with pytest.raises(ArtefactError):
        open_bundle(folder)


def test_a_file_that_the_manifest_does_not_list_is_refused(
    bundle_folder: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(bundle_folder, tmp_path / "bundle"))
    (folder / "catalogue" / "names.parquet").write_bytes(b"stray")
    with pytest.raises(ArtefactError, match="not listed in the manifest"):
        open_bundle(folder)


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "a\0b", "catalogue/../../outside"])
def test_names_that_lead_outside_are_refused(
    bundle_folder: Path, tmp_path: Path, name: str
) -> None:
    from unclicked import artefact

    folder = Path(shutil.copytree(bundle_folder, tmp_path / "bundle"))
    (tmp_path / "outside").write_text("x")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = {"sha256": "0" * 64, "bytes": 1}
    del manifest["sha256"]
    (folder / "manifest.json").write_text(json.dumps(artefact.seal(manifest)))
    with pytest.raises(ArtefactError, match="lies outside"):
        open_bundle(folder)


def test_an_index_without_its_facts_is_refused(changed: Changed) -> None:
    folder = changed(lambda folder: (folder / "index.faiss").write_bytes(b"IxFI") and None)
    with pytest.raises(ArtefactError, match=r"holds index\.faiss alone"):
        open_bundle(folder)


def test_golden_queries_notice_a_changed_weight(changed: Changed, bundle_folder: Path) -> None:
    bundle = open_bundle(bundle_folder)
    check_golden(Answerer(bundle), bundle.golden, bundle_folder)

    def nudge(found: dict[str, torch.Tensor]) -> None:
        found["plugin.fusion.linear.bias"] += 0.5

    other = open_bundle(changed(weights(nudge)))
    with pytest.raises(ArtefactError, match="query .* is answered with"):
        check_golden(Answerer(other), other.golden, other.path)
