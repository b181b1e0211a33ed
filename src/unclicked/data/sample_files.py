"""Samples written to their files range of users by range, so that they are never held whole."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unclicked import artefact
from unclicked.data.samples import Samples

Array = NDArray[Any]

# Arrays that hold 32-bit numbers.
NARROW = ("row_items", "row_counts", "truth_items")
SAMPLE_ARRAYS = [field.name for field in fields(Samples) if field.name != "counts"]


class ArrayFile:
    """An array in NumPy's own format whose length is known only at the end.

    Args:
        path: The file to write.
        dtype: Type of its numbers.
    """

    def __init__(self, path: Path, dtype: type[np.generic]) -> None:
        self._dtype = np.dtype(dtype)
        self._file = path.open("wb")
        self.length = 0
        self._write_header()

    def _write_header(self) -> None:
        # NumPy leaves room in it for a length of any number of digits.
        header = {"shape": (self.length,), "fortran_order": False, "descr": self._dtype.str}
        np.lib.format.write_array_header_1_0(self._file, header)

    def append(self, values: Array) -> None:
        """Add numbers.

        Args:
            values: Integers [n].

        Raises:
            OSError: If the disk refuses.
        """
        self._file.write(np.ascontiguousarray(values, dtype=self._dtype).data)
        self.length += len(values)

    def close(self) -> None:
        """Write the length.

        Raises:
            OSError: If the disk refuses.
        """
        with self._file:
            self._file.seek(0)
            self._write_header()

    def drop(self) -> None:
        """Close the file, whole or not."""
        # What waits to be written is not wanted any more.
        with suppress(OSError):
            self._file.close()


def reopened(path: Path) -> Array:
    """An array that was just written, memory-mapped; what is changed in it stays in memory.

    Args:
        path: Its file.

    Returns:
        The array.
    """
    return np.asarray(np.lib.format.open_memmap(path, mode="c"))


class SampleFiles:
    """The files of one split.

    Args:
        folder: A folder to make.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._files = {
            name: ArrayFile(folder / f"{name}.npy", np.int32 if name in NARROW else np.int64)
            for name in SAMPLE_ARRAYS
        }
        for name in ("position_offsets", "truth_offsets"):
            self._files[name].append(np.zeros(1, dtype=np.int64))
        # Row 0 is the empty list.
        self._files["row_offsets"].append(np.zeros(2, dtype=np.int64))
        self._counts: Counter[str] = Counter()

    def append(self, samples: Samples, first_user: int, first_click: int) -> None:
        """Add the samples of users who follow those before.

        Args:
            samples: Samples whose users and clicks count from the first of these users.
            first_user: Row of that user.
            first_click: Number of his first click.
        """
        files = self._files
        rows = files["row_offsets"].length - 2
        shifts = {"user": first_user}
        shifts |= dict.fromkeys(("start", "end", "long_start", "label_end"), first_click)
        shifts["position_offsets"] = files["row_now"].length
        shifts["row_offsets"] = files["row_items"].length
        shifts["truth_offsets"] = files["truth_items"].length
        added = {}
        for name in SAMPLE_ARRAYS:
            values = getattr(samples, name)
            if name in ("row_start", "row_now"):
                added[name] = np.where(values > 0, values + rows, 0)
            else:
                skipped = {"row_offsets": 2}.get(name, int(name.endswith("offsets")))
                shift = shifts.get(name, 0)
                added[name] = values[skipped:] + shift if shift else values[skipped:]
        for name, values in added.items():
            files[name].append(values)
        self._counts.update(samples.counts)
        for name in samples.counts:
            self._counts.setdefault(name, 0)

    def drop(self) -> None:
        """Close the files, whole or not."""
        for file in self._files.values():
            file.drop()

    def close(self) -> Samples:
        """Finish the files.

        Returns:
            The samples of all users, memory-mapped.
        """
        for file in self._files.values():
            file.close()
        counts = dict(self._counts)
        artefact.write_json(self._folder / "counts.json", counts)
        arrays = {name: reopened(self._folder / f"{name}.npy") for name in SAMPLE_ARRAYS}
        return Samples(**arrays, counts=counts)
