"""Rows of a log as numbers, block by block: in memory, or in a file where memory is bounded."""

from __future__ import annotations

import mmap
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

Columns = dict[str, NDArray[Any]]

BLOCK_ROWS = 1 << 20
NO_CLICK_TIME = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Layout:
    """Columns of a row and their types.

    Attributes:
        types: Name to type, in order.
    """

    types: dict[str, np.dtype[np.generic]]

    @staticmethod
    def of_log(*, click_times: bool, sessions: bool) -> Layout:
        """Columns of a log.

        Args:
            click_times: Whether a file says when a row was clicked.
            sessions: Whether a file names sessions.

        Returns:
            user and item as numbers, time, clicked, and those two where there are any.
        """
        types: dict[str, str] = {"user": "i4", "item": "i4", "time": "i8", "clicked": "?"}
        types |= {"click_time": "i8"} if click_times else {}
        types |= {"session": "i4"} if sessions else {}
        return Layout({name: np.dtype(one) for name, one in types.items()})

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return sum(one.itemsize for one in self.types.values())

    def room(self, rows: int) -> Columns:
        """Columns of so many rows, to be filled, whose memory goes back at once when they go.

        Args:
            rows: How many.

        Returns:
            Name to array.
        """
        if rows == 0:
            return {name: np.empty(0, dtype=one) for name, one in self.types.items()}
        # Not from the heap, which keeps what lies between other things.
        memory, at, columns = mmap.mmap(-1, rows * self.row_bytes), 0, {}
        # The widest first, so that all are aligned.
        for name, one in sorted(self.types.items(), key=lambda pair: -pair[1].itemsize):
            columns[name] = np.frombuffer(memory, one, rows, at)
            at += rows * one.itemsize
        return {name: columns[name] for name in self.types}


class RowBlocks:
    """Rows in the order in which they came, which are taken out once.

    Args:
        layout: Their columns.
        path: File to keep them in; memory without.
    """

    def __init__(self, layout: Layout, path: Path | None) -> None:
        self._layout, self._path = layout, path
        self._file: IO[bytes] | None = None if path is None else path.open("w+b")
        self._counts: list[int] = []
        self._kept: deque[Columns] = deque()
        self._open: Columns = {}
        self._filled = 0
        self.num_rows = 0

    def append(self, rows: Columns) -> None:
        """Add rows.

        Args:
            rows: Name to array, all of one length.
        """
        count, done = len(rows["user"]), 0
        self.num_rows += count
        while done < count:
            if not self._open:
                self._open = self._layout.room(BLOCK_ROWS)
            more = min(count - done, BLOCK_ROWS - self._filled)
            for name, column in self._open.items():
                column[self._filled : self._filled + more] = rows[name][done : done + more]
            self._filled, done = self._filled + more, done + more
            if self._filled == BLOCK_ROWS:
                self._close_block()

    def _close_block(self) -> None:
        block = {name: column[: self._filled] for name, column in self._open.items()}
        self._counts.append(self._filled)
        if self._file is None:
            self._kept.append(block)
            self._open = {}
        else:
            write_columns(self._file, block)
        self._filled = 0

    def drain(self) -> Iterator[Columns]:
        """Take the rows out, block by block; what was taken is gone.

        Yields:
            Name to array.
        """
        if self._filled:
            self._close_block()
        self._open = {}
        if self._file is None:
            while self._kept:
                yield self._kept.popleft()
            return
        self._file.flush()
        self._file.seek(0)
        for count in self._counts:
            yield read_columns(self._file, self._layout, count)
        self.close()

    def close(self) -> None:
        """Forget the rows, and remove their file where there is one."""
        self._open, self._kept = {}, deque()
        if self._file is not None and self._path is not None:
            # What waits to be written is not wanted any more.
            with suppress(OSError):
                self._file.close()
            self._path.unlink(missing_ok=True)


def write_columns(file: IO[bytes], rows: Columns) -> None:
    """Write rows, column after column.

    Args:
        file: Where to.
        rows: Name to array.

    Raises:
        OSError: If the disk refuses.
    """
    for column in rows.values():
        rest = memoryview(np.ascontiguousarray(column).data).cast("B")
        while len(rest):
            rest = rest[file.write(rest) :]


def read_columns(file: IO[bytes], layout: Layout, rows: int) -> Columns:
    """Read what `write_columns` wrote.

    Args:
        file: Where from.
        layout: The columns.
        rows: How many rows were written together.

    Returns:
        Name to array.

    Raises:
        OSError: If the file is shorter.
    """
    columns = {}
    for name, one in layout.types.items():
        columns[name] = np.fromfile(file, one, rows)
        if len(columns[name]) != rows:
            raise OSError("a temporary file is shorter than what was written to it")
    return columns


def joined(layout: Layout, blocks: Sequence[Columns]) -> Columns:
    """Several blocks as one.

    Args:
        layout: Their columns.
        blocks: The blocks in order.

    Returns:
        Name to array.
    """
    return {
        name: np.concatenate([np.empty(0, one), *(block[name] for block in blocks)])
        for name, one in layout.types.items()
    }
