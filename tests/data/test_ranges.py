"""No loaded number points outside of what it counts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unclicked import artefact
from unclicked.data import ranges
from unclicked.data.dataset import PreparedDataset
from unclicked.errors import ArtefactError

FAR = 2**31 - 1


@pytest.fixture
def copy(tiny_data: PreparedDataset, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_data.path, tmp_path / "copy"))


def change(folder: Path, name: str, act: Callable[[Any], Any]) -> None:
    """Change an array and make the manifest agree, as an attacker would."""
    path = folder / f"{name}.npy"
    array = np.load(path).copy()
    changed = act(array)
    np.save(path, array if changed is None else changed)
    manifest = json.loads((folder / "manifest.json").read_text())
    size = path.stat().st_size
    manifest["files"][f"{name}.npy"] = {"sha256": artefact.sha256_file(path), "bytes": size}
    artefact.write_json(folder / "manifest.json", artefact.seal(manifest))


def put(value: int) -> Callable[[Any], None]:
    return lambda array: array.flat.__setitem__(2, value)


POINTERS = [
    "click_item",
    "profiles",
    "catalogue/field0_codes",
    "catalogue/field1_offsets",
    "catalogue/id_rank",
    "train/user",
    "train/start",
    "train/end",
    "train/long_start",
    "train/label_end",
    "train/row_start",
    "train/row_now",
    "train/row_items",
    "train/row_offsets",
    "train/position_offsets",
    "train/truth_offsets",
    "test/truth_items",
]


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, (FAR, -1)[place % 2]) for place, name in enumerate(POINTERS)]
    + [("train/start", FAR), ("train/row_items", -1)],
)
def test_a_number_that_points_outside_is_refused(copy: Path, name: str, value: int) -> None:
    change(copy, name, put(value))
    with pytest.raises(ArtefactError, match=r"DATASET-RANGE\].*\.npy: ") as caught:
        PreparedDataset.open(copy)
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("name", "act"),
    [
        ("click_item", put(0)),
        ("catalogue/clicks", lambda array: array[::-1]),
        ("catalogue/clicks", lambda array: array[:-1]),
        ("catalogue/id_rank", lambda array: array * 0),
        ("train/row_offsets", lambda array: array[::-1]),
        ("train/row_offsets", lambda array: array + 1),
        ("train/row_counts", lambda array: array[:-1]),
        ("train/end", lambda array: array[:-1]),
        ("train/start", lambda array: array.astype(np.int32)),
        ("train/start", lambda array: array.astype(">i8")),
        ("train/start", lambda array: array[:, None]),
        ("profiles", lambda array: array[:, :1]),
        ("profiles", lambda array: array[:-1]),
    ],
)
def test_arrays_that_do_not_fit_each_other_are_refused(
    copy: Path, name: str, act: Callable[[Any], Any]
) -> None:
    change(copy, name, act)
    with pytest.raises(ArtefactError, match=r"DATASET-(ARRAY|RANGE)\]"):
        PreparedDataset.open(copy)


def npy(header: str, data: bytes = bytes(80)) -> bytes:
    text = header.encode()
    return b"\x93NUMPY\x02\x00" + len(text).to_bytes(4, "little") + text + data


def header(shape: str, dtype: str = "<i8") -> str:
    return f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04",
        b"\x80\x04K\x01.",
        npy("(" * 9000 + "\n"),
        npy("#" * 100_000),
        npy(header("(10,)", "|O")),
        npy(header(f"({2**62},)")),
        npy(header(f"({10**30},)")),
        npy(header("(-5,)")),
        npy(header("(5,)")),
        npy(header("(11,)")),
    ],
)
def test_files_that_are_no_array_of_ours_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(ArtefactError, match=r"DATASET-(FILE|ARRAY)\] .*a\.npy"):
        ranges.load_array(tmp_path / "a.npy", np.int64)


def test_blocks_are_looked_at_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranges, "BLOCK", 4)
    values = np.arange(10)
    for low, high in ((0, 9), (values, values)):
        ranges.check_range(values, low, high, tmp_path)
    with pytest.raises(ArtefactError, match="entry 6 is 6"):
        ranges.check_range(values, 0, 5, tmp_path)
    with pytest.raises(ArtefactError, match="entry 9 is 9"):
        ranges.check_range(values, 0, np.minimum(values, 8), tmp_path)


def test_offsets_begin_at_0_never_fall_and_end_at_the_total(tmp_path: Path) -> None:
    ranges.check_offsets(np.array([0, 2, 2, 5]), 3, 5, tmp_path)
    for wrong in ([1, 2, 2, 5], [0, 3, 2, 5], [0, 2, 2, 4], [0, 2, 5], [0, 2, 9, 5]):
        with pytest.raises(ArtefactError):
            ranges.check_offsets(np.array(wrong), 3, 5, tmp_path)
