"""A data set is opened whole or not at all."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from unclicked import artefact
from unclicked.data.dataset import PreparedDataset, save_array
from unclicked.errors import ArtefactError, UserError


@pytest.fixture
def copy(tiny_data: PreparedDataset, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_data.path, tmp_path / "copy"))


def test_a_copy_is_the_same_data_set(tiny_data: PreparedDataset, copy: Path) -> None:
    other = PreparedDataset.open(copy)
    assert other.sha256 == tiny_data.sha256
    assert other.config == tiny_data.config
    assert isinstance(other.splits["train"].row_items, np.memmap)
    for name in ("user", "row_items", "truth_items"):
        ours, theirs = (getattr(d.splits["test"], name) for d in (tiny_data, other))
        assert np.array_equal(ours, theirs)


@pytest.mark.parametrize(
    "name", ["train/row_items.npy", "users.parquet", "card.json", "catalogue/id_rank.npy"]
)
def test_a_flipped_byte_is_found(copy: Path, name: str) -> None:
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(ArtefactError, match=rf"{name}: was changed") as caught:
        PreparedDataset.open(copy)
    assert caught.value.exit_code == 3


def test_a_missing_or_cut_file_is_found(copy: Path) -> None:
    path = copy / "click_item.npy"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ArtefactError, match=r"click_item\.npy: is missing or cut"):
        PreparedDataset.open(copy)
    path.unlink()
    with pytest.raises(ArtefactError, match=r"click_item\.npy: is missing or cut"):
        PreparedDataset.open(copy)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "a cat"}, "is a a cat, expected a unclicked prepared data set"),
        ({"schema_version": 99}, "has version 99, expected 1"),
        ({"files": None}, "lists no files"),
    ],
)
def test_a_foreign_manifest_is_refused(copy: Path, change: dict[str, object], message: str) -> None:
    manifest = json.loads((copy / "manifest.json").read_text())
    artefact.write_json(copy / "manifest.json", artefact.seal(manifest | change))
    with pytest.raises(ArtefactError, match=message):
        PreparedDataset.open(copy)


def test_a_changed_rule_is_found(copy: Path) -> None:
    path = copy / "manifest.json"
    text = path.read_text()
    assert '"max_long": 50' in text
    path.write_text(text.replace('"max_long": 50', '"max_long": 51'))
    with pytest.raises(ArtefactError, match=r"manifest\.json: was changed"):
        PreparedDataset.open(copy)


@pytest.mark.parametrize("shape", [(0,), (7,), (3, 4), (0, 2)])
def test_arrays_are_written_as_numpy_writes_them(tmp_path: Path, shape: tuple[int, ...]) -> None:
    array = np.arange(int(np.prod(shape)), dtype=np.int32).reshape(shape)
    for name, one in (("a", array), ("f", np.asfortranarray(array))):
        save_array(tmp_path / "ours.npy", one)
        np.save(tmp_path / f"{name}.npy", one)
        assert (tmp_path / "ours.npy").read_bytes() == (tmp_path / f"{name}.npy").read_bytes()


def test_a_disk_that_is_full_at_the_last_byte_is_heard_of() -> None:
    # Small enough to wait in a buffer until the file is closed.
    with pytest.raises(OSError, match="No space left"):
        save_array(Path("/dev/full"), np.arange(9))


def test_no_folder_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is not there, .*unclicked prepare LOG --out .*nothing"):
        PreparedDataset.open(tmp_path / "nothing")
    with pytest.raises(ArtefactError, match=r"manifest\.json: is not there"):
        PreparedDataset.open(tmp_path)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(ArtefactError, match="cannot be read"):
        PreparedDataset.open(tmp_path)


def test_printed_it_is_one_line(tiny_data: PreparedDataset) -> None:
    text = repr(tiny_data)
    assert "\n" not in text
    assert text.startswith(f"PreparedDataset('{tiny_data.path}': ")
    assert f"{len(tiny_data.splits['train']):,} train" in text
    assert f"{len(tiny_data.users):,} users, 120 items" in text
