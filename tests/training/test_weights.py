"""Tensors are read only where all of them are what was expected."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from unclicked.errors import ArtefactError
from unclicked.training.weights import fill, save

GOOD = {"a": torch.tensor([1.0, 2.0]), "b": torch.ones(2, 3)}


def targets() -> dict[str, Tensor]:
    return {name: torch.zeros_like(one) for name, one in GOOD.items()}


def test_all_tensors_are_filled(tmp_path: Path) -> None:
    save_file(GOOD, tmp_path / "t")
    found = targets()
    fill(tmp_path / "t", found)
    assert all(torch.equal(found[name], one) for name, one in GOOD.items())


def test_whoever_reads_the_neighbours_reads_the_file(tmp_path: Path) -> None:
    (tmp_path / "neighbour").touch()
    save(tmp_path / "t", GOOD)
    modes = {name: (tmp_path / name).stat().st_mode for name in ("neighbour", "t")}
    assert modes["t"] == modes["neighbour"]
    found = targets()
    fill(tmp_path / "t", found)
    assert all(torch.equal(found[name], one) for name, one in GOOD.items())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"b": None}, "b is missing"),
        ({"c": torch.ones(1)}, "c is not known"),
        ({"b": torch.ones(3, 2)}, r"b has shape \(3, 2\), expected \(2, 3\)"),
        ({"b": torch.ones(2, 3).half()}, r"b is F16, expected torch\.float32"),
        ({"b": None, "c": torch.ones(1)}, "b is missing; c is not known"),
        ({f"x{n}": torch.ones(1) for n in range(9)}, "x4 is not known; and 4 more"),
    ],
)
def test_what_differs_is_listed_and_nothing_is_filled(
    tmp_path: Path, change: dict[str, Tensor | None], message: str
) -> None:
    changed = {name: one for name, one in (GOOD | change).items() if one is not None}
    save_file(changed, tmp_path / "t")
    found = targets()
    with pytest.raises(ArtefactError, match=message) as caught:
        fill(tmp_path / "t", found)
    assert caught.value.exit_code == 3
    assert not any(one.any() for one in found.values())


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_broken_number_is_named(tmp_path: Path, bad: float) -> None:
    save_file(GOOD | {"a": torch.tensor([1.0, bad])}, tmp_path / "t")
    with pytest.raises(ArtefactError, match=r"CHECKPOINT-NAN\] .*t a: holds NaN"):
        fill(tmp_path / "t", targets())


def packed(header: object, data: bytes = b"", length: int | None = None) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


ONE = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no tensors at all",
        b"\x80\x04K\x01.",
        packed({"a": ONE}, bytes(8), 2**64 - 1),
        packed({"a": ONE}, bytes(8), 2**20),
        packed({"a": "x" * 2**21}),
        packed({"a": ONE, "b": ONE}, bytes(8)),
        packed({"a": {**ONE, "shape": [2**62, 2**62]}}, bytes(8)),
        packed({"a": {**ONE, "data_offsets": [0, 2**50]}}, bytes(8)),
        packed({"a": {**ONE, "dtype": "code"}}, bytes(8)),
    ],
)
def test_hostile_headers_are_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t").write_bytes(content)
    with pytest.raises(ArtefactError, match=r"\] .*/t: (cannot be read|has a header)") as caught:
        fill(tmp_path / "t", targets())
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="cannot be read"):
        fill(tmp_path / "t", targets())
