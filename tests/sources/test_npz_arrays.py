"""Arrays of an .npz file come block by block as numpy reads them whole; nothing is unpickled."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from unclicked.errors import UserError
from unclicked.sources.npz_arrays import read_arrays

DIMS = [("a", 1), ("b", 3)]


@pytest.mark.parametrize("rows_at_once", [1, 3, 100])
@pytest.mark.parametrize("packed", [True, False])
def test_blocks_are_the_whole(tmp_path: Path, rows_at_once: int, packed: bool) -> None:
    rng = np.random.default_rng(0)
    a = rng.integers(-5, 5, 7, dtype=np.int16)
    b = rng.integers(0, 9, (7, 2, 3)).astype(">u4")
    save = np.savez_compressed if packed else np.savez
    save(tmp_path / "x.npz", a=a, b=b, c=np.array(["text"]))
    blocks = list(read_arrays(tmp_path / "x.npz", DIMS, rows_at_once))
    assert max(len(block["a"]) for block in blocks) <= rows_at_once
    for name, whole in (("a", a), ("b", b)):
        joined = np.concatenate([block[name] for block in blocks])
        assert joined.dtype == np.int64
        np.testing.assert_array_equal(joined, whole)


def test_no_rows(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", a=np.zeros(0, np.int64), b=np.zeros((0, 2, 3), np.int64))
    assert list(read_arrays(tmp_path / "x.npz", DIMS, 4)) == []


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (np.array([object()]), np.zeros((1, 2, 3), int), "array 'a': found object, expected int"),
        (np.zeros(1), np.zeros((1, 2, 3), int), "array 'a': found float64, expected integers"),
        (np.zeros(1, int), np.zeros((1, 6), int), r"array 'b': found the shape \(1, 6\), "),
        (np.zeros(2, int), np.zeros((1, 2, 3), int), r"'a': found the shape \(2,\), expected \(1"),
        (np.zeros(4, int), np.zeros((4, 2, 3), int, "F"), "'b': found columns first"),
    ],
)
def test_other_arrays_are_named(tmp_path: Path, a: np.ndarray, b: np.ndarray, message: str) -> None:
    np.savez(tmp_path / "x.npz", a=a, b=b)
    with pytest.raises(UserError, match=message):
        list(read_arrays(tmp_path / "x.npz", DIMS, 4))


def test_broken_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    numbers = np.random.default_rng(0).integers(0, 1 << 40, (500, 2, 3))
    np.savez_compressed(path, a=np.arange(500), b=numbers)
    whole = path.read_bytes()
    with pytest.raises(UserError, match=r"array 'z': there is none; found a, b"):
        list(read_arrays(path, [("z", 1)], 4))
    spoiled = bytearray(whole)
    spoiled[len(whole) // 2] ^= 0xFF
    for content in (whole[: len(whole) // 2], b"", b"no archive", bytes(spoiled)):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"x.npz: cannot be read as an .npz file"):
            list(read_arrays(path, DIMS, 64))
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a.npy", b"\x93NUMPY\x01\x00 and then nothing")
    with pytest.raises(UserError, match=r"x.npz: cannot be read as an .npz file"):
        list(read_arrays(path, [("a", 1)], 4))
    np.savez(path, a=np.arange(4))
    with zipfile.ZipFile(path) as file:
        array = file.read("a.npy")
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a.npy", array[:-9])
    with pytest.raises(UserError, match=r"array 'a': found 23 bytes where 32 are due"):
        list(read_arrays(path, [("a", 1)], 4))
