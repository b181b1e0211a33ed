"""A log by ranges of users, sorted range by range: in memory, or in a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from unclicked.data import merging_kernel as kernel
from unclicked.data.row_blocks import Columns, Layout, joined, read_columns, write_columns
from unclicked.data.user_rows import NO_SESSION, UserRows, sort_and_merge, user_rows

Ints = NDArray[np.int64]
Codes = NDArray[np.int32]


@dataclass(frozen=True)
class Ranks:
    """Place in the order of ids of each number that was given while reading.

    Attributes:
        user: int32.
        item: int32.
        session: int32; empty in a log without.
    """

    user: Codes
    item: Codes
    session: Codes


class UserParts:
    """Rows parted by ranges of users, each range of about so many rows; a user is never cut.

    Args:
        layout: Columns of a row.
        counts: int64 [users], rows of each user, by rank.
        ranks: How numbers become ranks.
        part_rows: Rows of a range, about.
        path: File to keep them in; memory without.
    """

    def __init__(
        self, layout: Layout, counts: Ints, ranks: Ranks, part_rows: int, path: Path | None
    ) -> None:
        self._layout, self._ranks, self._path = layout, ranks, path
        offsets = np.concatenate([[0], np.cumsum(counts)])
        self.bounds = part_bounds(offsets, part_rows)
        self._begin: Ints = offsets[self.bounds]
        numbers = np.arange(len(self.bounds) - 1, dtype=np.int32)
        self._part_of = np.repeat(numbers, np.diff(self.bounds))[ranks.user]
        self._cursor = self._begin[:-1].copy()
        self._memory: Columns = {}
        if path is None:
            for name, one in layout.types.items():
                self._memory |= Layout({name: one}).room(int(offsets[-1]))
        self._file: IO[bytes] | None = None if path is None else path.open("w+b", buffering=0)
        self._pieces: list[list[int]] = [[] for _ in range(len(self))]
        self._offsets: dict[int, Ints] = {}
        self._sorted = Layout({name: one for name, one in layout.types.items() if name != "user"})

    def __len__(self) -> int:
        return len(self.bounds) - 1

    def put(self, rows: Columns) -> None:
        """Part some rows.

        Args:
            rows: Columns with users, items and sessions as they were numbered while reading.
        """
        place = np.empty(len(rows["user"]), dtype=np.int64)
        if self._file is None:
            kernel.places_of(rows["user"], self._part_of, self._cursor, place)
            self._fill(rows, place, self._memory)
            return
        counts = np.bincount(self._part_of[rows["user"]], minlength=len(self))
        ends = np.cumsum(counts)
        kernel.places_of(rows["user"], self._part_of, ends - counts, place)
        sorted_rows = {name: np.empty_like(column) for name, column in rows.items()}
        self._fill(rows, place, sorted_rows)
        for part in np.flatnonzero(counts).tolist():
            count, end = int(counts[part]), int(ends[part])
            self._file.seek(int(self._cursor[part]) * self._layout.row_bytes)
            piece = {name: one[end - count : end] for name, one in sorted_rows.items()}
            write_columns(self._file, piece)
            self._cursor[part] += count
            self._pieces[part].append(count)

    def _fill(self, rows: Columns, place: Ints, out: Columns) -> None:
        for name, column in rows.items():
            rank = getattr(self._ranks, name, None)
            if rank is None:
                kernel.put(column, place, out[name])
            else:
                kernel.put_ranks(column, rank, NO_SESSION, place, out[name])

    def sort(self, part: int) -> tuple[UserRows, int]:
        """Sort and merge the rows of a range.

        Args:
            part: Its number.

        Returns:
            The rows, and how many keys were there both clicked and unclicked.
        """
        first, users = int(self.bounds[part]), int(self.bounds[part + 1] - self.bounds[part])
        return sort_and_merge(self._taken(part), first, users)

    def _taken(self, part: int) -> Columns:
        begin, end = int(self._begin[part]), int(self._begin[part + 1])
        if self._path is None:
            return {name: column[begin:end] for name, column in self._memory.items()}
        with self._path.open("rb") as file:
            file.seek(begin * self._layout.row_bytes)
            pieces = [read_columns(file, self._layout, count) for count in self._pieces[part]]
        return joined(self._layout, pieces)

    def keep(self, part: int, rows: UserRows) -> None:
        """Keep sorted rows in the place of those that they were made of.

        Args:
            part: Number of the range.
            rows: What `sort` gave.
        """
        begin, count = int(self._begin[part]), len(rows.item)
        columns = {name: getattr(rows, name) for name in self._sorted.types}
        self._pieces[part] = [count]
        self._offsets[part] = rows.offsets
        if self._file is None:
            for name, column in columns.items():
                self._memory[name][begin : begin + count] = column
            return
        self._file.seek(begin * self._layout.row_bytes)
        write_columns(self._file, columns)

    def kept(self, part: int) -> UserRows:
        """Sorted rows of a range, as they were kept.

        Args:
            part: Its number.

        Returns:
            The rows.
        """
        begin, count = int(self._begin[part]), self._pieces[part][0]
        if self._path is None:
            columns = {
                name: self._memory[name][begin : begin + count] for name in self._sorted.types
            }
        else:
            with self._path.open("rb") as file:
                file.seek(begin * self._layout.row_bytes)
                columns = read_columns(file, self._sorted, count)
        return user_rows(
            int(self.bounds[part]),
            self._offsets[part],
            columns,
            has_click_times="click_time" in columns,
            has_sessions="session" in columns,
        )

    def close(self) -> None:
        """Forget the rows, and remove their file where there is one."""
        self._memory = {}
        if self._file is not None and self._path is not None:
            self._file.close()
            self._path.unlink(missing_ok=True)


def part_bounds(offsets: Ints, part_rows: int) -> Ints:
    """Ranges of users with about so many rows each.

    Args:
        offsets: int64 [users + 1], where each user's rows begin.
        part_rows: Rows of a range; more where one user has more.

    Returns:
        int64, first user of each range, and the number of users.

    Example:
        >>> part_bounds(np.array([0, 2, 4, 5, 9]), 4).tolist()
        [0, 2, 3, 4]
    """
    users, bounds = len(offsets) - 1, [0]
    while bounds[-1] < users:
        begin = bounds[-1]
        end = int(np.searchsorted(offsets, offsets[begin] + part_rows, side="right")) - 1
        bounds.append(min(max(end, begin + 1), users))
    return np.array(bounds, dtype=np.int64)
