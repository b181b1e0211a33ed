"""Samples as ranges of click timelines, and how those of several blocks of users are joined."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unclicked.data.rules_window import Out

Ints = NDArray[np.int64]

UNCLICKED_COUNTS = (
    "unclicked_shown_in_window",
    "unclicked_removed_clicked",
    "unclicked_removed_exposures",
    "unclicked_removed_length",
)


@dataclass(frozen=True)
class Samples:
    """Samples as ranges of the users' click timelines, with their unclicked lists.

    A sample's short-term clicks are `[start, end)`, its long-term ones `[long_start, start)`, its
    position t has the labels `(t, label_end)`; all count from the first click of the first user.

    Attributes:
        user: int64 [S], row of the user.
        start: int64 [S].
        end: int64 [S].
        long_start: int64 [S].
        label_end: int64 [S]; equal to `start` in held-out samples, which have no labels.
        position_offsets: int64 [S + 1], where each sample's positions begin.
        row_start: int64 [S], row of the list as of the session's first click.
        row_now: int64 [P], row of the list as of each position's own click.
        row_offsets: int64 [N + 1], ragged rows; row 0 is the empty list.
        row_items: int32, item indices, the last shown item last.
        row_counts: int32, showings of each inside the window.
        truth_offsets: int64 [S + 1]; all 0 in training samples.
        truth_items: int32, the items to be found.
        counts: What the rules kept and removed.
    """

    user: Ints
    start: Ints
    end: Ints
    long_start: Ints
    label_end: Ints
    position_offsets: Ints
    row_start: Ints
    row_now: Ints
    row_offsets: Ints
    row_items: NDArray[np.int32]
    row_counts: NDArray[np.int32]
    truth_offsets: Ints
    truth_items: NDArray[np.int32]
    counts: dict[str, int]

    def __len__(self) -> int:
        return len(self.user)

    def final_lists(self, cut: str) -> tuple[Ints, Ints]:
        """Where the unclicked list of each sample's last position lies in `row_items`.

        Args:
            cut: `now`, or `session_start`.

        Returns:
            First places and the places after the last, int64 [S] each.
        """
        row = self.row_start
        if cut == "now":
            row = self.row_now[self.position_offsets[1:] - 1]
        return self.row_offsets[row], self.row_offsets[row + 1]

    def select(self, keep: Ints) -> Samples:
        """Some of the samples; the unclicked rows stay whole.

        Args:
            keep: int64 [n], ascending numbers of samples.

        Returns:
            Those samples.
        """
        return replace(
            self,
            **{name: getattr(self, name)[keep] for name in _PER_SAMPLE},
            position_offsets=offsets_of([np.diff(self.position_offsets)[keep]]),
            row_now=_ragged(self.row_now, self.position_offsets, keep),
            truth_offsets=offsets_of([np.diff(self.truth_offsets)[keep]]),
            truth_items=_ragged(self.truth_items, self.truth_offsets, keep),
        )


_PER_SAMPLE = ("user", "start", "end", "long_start", "label_end", "row_start")


def _ragged(values: NDArray[Any], offsets: Ints, keep: Ints) -> NDArray[Any]:
    parts = [values[offsets[k] : offsets[k + 1]] for k in keep.tolist()]
    return np.concatenate([values[:0], *parts])


def join_blocks(blocks: list[Out], counts: dict[str, int], tally: list[int]) -> Samples:
    """One `Samples` from what the sweep left for each block of users.

    Args:
        blocks: The blocks in order; each has the empty row 0, the result has one.
        counts: What the rules kept and removed, by name.
        tally: Counts of `UNCLICKED_COUNTS`, in that order.

    Returns:
        The samples of all blocks.
    """
    shifts = np.cumsum([0] + [len(block.row_offsets) - 2 for block in blocks])
    table = np.concatenate([block.table for block in blocks]) if blocks else np.empty((0, 6), int)
    rows = [
        (np.where(block.table[:, 5] > 0, block.table[:, 5] + shift, 0), block.now, shift)
        for block, shift in zip(blocks, shifts, strict=False)
    ]
    start, end = table[:, 1].copy(), table[:, 2].copy()
    return Samples(
        user=table[:, 0].copy(),
        start=start,
        end=end,
        long_start=table[:, 3].copy(),
        label_end=table[:, 4].copy(),
        position_offsets=offsets_of([end - start]),
        row_start=_concatenate([first for first, _, _ in rows], np.int64),
        row_now=_concatenate(
            [np.where(now > 0, now + shift, 0) for _, now, shift in rows], np.int64
        ),
        row_offsets=offsets_of(
            [np.zeros(1, int)] + [np.diff(block.row_offsets[1:]) for block in blocks]
        ),
        row_items=_concatenate([block.row_items for block in blocks], np.int32),
        row_counts=_concatenate([block.row_counts for block in blocks], np.int32),
        truth_offsets=offsets_of([np.diff(block.truth_offsets) for block in blocks]),
        truth_items=_concatenate([block.truth_items for block in blocks], np.int32),
        counts=counts | dict(zip(UNCLICKED_COUNTS, tally, strict=True)),
    )


def _concatenate(parts: list[NDArray[Any]], dtype: type[np.generic]) -> NDArray[Any]:
    return np.concatenate([np.empty(0, dtype=dtype), *parts]).astype(dtype)


def offsets_of(lengths: list[NDArray[Any]]) -> Ints:
    """Where each of several ragged lists begins.

    Args:
        lengths: Integer arrays of lengths, one after the other.

    Returns:
        int64, one more than there are lengths.

    Example:
        >>> offsets_of([np.array([2, 0]), np.array([3])]).tolist()
        [0, 2, 2, 5]
    """
    joined = np.concatenate([np.empty(0, dtype=np.int64), *lengths])
    result = np.zeros(len(joined) + 1, dtype=np.int64)
    np.cumsum(joined, out=result[1:])
    return result
