"""Building hostile files, and making a manifest or a seal agree with them."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from safetensors.torch import load_file, save_file

from unclicked import artefact

NESTED = "[" * 100_000 + "]" * 100_000


class Payload:
    """What a pickle runs when it is loaded: it makes a file."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch '{self.canary}'",)


def pickled(canary: Path) -> bytes:
    """A plain pickle with a payload."""
    return pickle.dumps(Payload(canary))


def torch_archive(canary: Path) -> bytes:
    """What `torch.save` writes, with a payload."""
    stream = io.BytesIO()
    torch.save({"weight": Payload(canary)}, stream)
    return stream.getvalue()


def object_array(canary: Path) -> bytes:
    """An array of objects in NumPy's format, with a payload."""
    stream = io.BytesIO()
    np.save(stream, np.array([Payload(canary)], dtype=object), allow_pickle=True)
    return stream.getvalue()


def zipped(canary: Path) -> bytes:
    """Arrays in an archive, one of them of objects, and an archive within the archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("arr_0.npy", object_array(canary))
        archive.writestr("inner.zip", zipfile_of_zeros())
    return stream.getvalue()


def zipfile_of_zeros() -> bytes:
    """Ten kilobytes that become ten megabytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(10_000_000))
    return stream.getvalue()


def npy(header: str, data: bytes = b"", length: int | None = None) -> bytes:
    """NumPy's format with any header; `length` may lie about it."""
    text = header.encode("latin1")
    return b"\x93NUMPY\x02\x00" + struct.pack("<I", length or len(text)) + text + data


def npy_header(shape: str, dtype: str = "<i8", more: str = "") -> str:
    """A header as NumPy writes it."""
    return f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, {more}}}\n"


def tensors(header: Any, data: bytes = b"", length: int | None = None) -> bytes:
    """The safetensors format with any header; `length` may lie about it."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def change_tensors(path: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    """Load tensors, change the mapping, and write them back."""
    found = {name: one.clone() for name, one in load_file(path).items()}
    change(found)
    save_file(found, path)


def change_array(path: Path, change: Callable[[np.ndarray], Any]) -> None:
    """Load an array, change or replace it, and write it back."""
    array = np.load(path, allow_pickle=False).copy()
    changed = change(array)
    np.save(path, array if changed is None else changed)


def change_json(path: Path, change: Callable[[Any], Any]) -> None:
    """Load JSON, change or replace it, and write it back, with a new seal where it had one."""
    content = json.loads(path.read_text(encoding="utf-8"))
    had_seal = isinstance(content, dict) and content.pop("sha256", None) is not None
    changed = change(content)
    content = content if changed is None else changed
    if had_seal and isinstance(content, dict):
        # Infinity has no seal: nobody of ours could have written it.
        with contextlib.suppress(ValueError):
            content = artefact.seal(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def write_values(path: Path, values: pa.Array, name: str = "value") -> None:
    """A Parquet file with one column."""
    pq.write_table(pa.table({name: values}), path, write_page_checksum=True, compression="zstd")


def reseal(folder: Path) -> None:
    """Make a manifest agree with the files beside it, as an attacker would."""
    path = folder / artefact.MANIFEST
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest.pop("sha256")
    manifest["files"] = {
        file.relative_to(folder).as_posix(): {
            "sha256": artefact.sha256_file(file),
            "bytes": file.stat().st_size,
        }
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file != path
    }
    artefact.write_json(path, artefact.seal(manifest))
