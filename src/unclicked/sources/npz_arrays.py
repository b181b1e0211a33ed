"""Integer arrays of an .npz file, read row by row in order, so that no array is held whole."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from unclicked.errors import UserError

_BROKEN: Final = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,
)


class _Member:
    """One array inside the file, read from its first row to its last."""

    def __init__(self, path: Path, name: str, stream: IO[bytes]) -> None:
        self.where = f"{path} array '{name}'"
        self.stream = stream
        version = npy.read_magic(stream)
        if version not in ((1, 0), (2, 0)):
            raise self.error(f"found version {version}", "a plain array of numpy")
        # Headers are read as literals; Python objects, which need pickle, are refused here.
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        self.shape, fortran, self.dtype = read(stream)
        if self.dtype.kind not in "iu":
            raise self.error(f"found {self.dtype}", "integers")
        if fortran and len(self.shape) > 1:
            raise self.error("found columns first", "rows first")

    def error(self, found: str, expected: str) -> UserError:
        """What is wrong with this array."""
        message = f"{found}, expected {expected}. Fetch the file again."
        return UserError("IMPORT-ARRAY", self.where, message)

    def take(self, num_rows: int) -> NDArray[np.int64]:
        """The next rows as int64."""
        shape = (num_rows, *self.shape[1:])
        size = math.prod(shape) * self.dtype.itemsize
        data = self.stream.read(size)
        if len(data) < size:
            raise self.error(f"found {len(data)} bytes where {size} are due", "a whole array")
        return np.frombuffer(data, self.dtype).reshape(shape).astype(np.int64)


def read_arrays(
    path: Path, dims: Sequence[tuple[str, int]], rows_at_once: int
) -> Iterator[dict[str, NDArray[np.int64]]]:
    """Reads integer arrays that agree in their first dimension, some rows of all at a time.

    Nothing is unpickled, whatever the file holds.

    Args:
        path: The file, as `numpy.savez` or `numpy.savez_compressed` write it.
        dims: Name and number of dimensions of each array that is wanted.
        rows_at_once: Rows read at a time, at least 1.

    Yields:
        The arrays by name, int64, from the first rows to the last.

    Raises:
        UserError: The file is broken, or an array is missing, not of integers, or of another
            shape.
    """
    with _reading(path), zipfile.ZipFile(path) as file:
        names = [name.removesuffix(".npy") for name in file.namelist()]
        for name, _ in dims:
            if name not in names:
                message = f"there is none; found {', '.join(names)}. Fetch the file again."
                raise UserError("IMPORT-ARRAY", f"{path} array '{name}'", message)
        members = {name: _Member(path, name, file.open(f"{name}.npy")) for name, _ in dims}
        try:
            num_rows = _check_shapes(members, dims)
            for begin in range(0, num_rows, rows_at_once):
                count = min(rows_at_once, num_rows - begin)
                yield {name: member.take(count) for name, member in members.items()}
        finally:
            for member in members.values():
                member.stream.close()


def _check_shapes(members: dict[str, _Member], dims: Sequence[tuple[str, int]]) -> int:
    """Rows that all arrays have; an array of fewer dimensions has the first ones of the others."""
    widest = max((member.shape for member in members.values()), key=len)
    for name, count in dims:
        member = members[name]
        if len(member.shape) != count:
            raise member.error(f"found the shape {member.shape}", f"{count} dimensions")
        if member.shape != widest[:count]:
            raise member.error(f"found the shape {member.shape}", f"{widest[:count]}")
    return widest[0]


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except _BROKEN as error:
        message = f"cannot be read as an .npz file ({error}). Fetch the file again."
        raise UserError("IMPORT-NPZ", str(path), message) from error
