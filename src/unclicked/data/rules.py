"""THE rules: from whole user timelines, sorted by time, to samples (paper section 4.1, SDM 3.1).

Preparation, a cluster and a service all come through here, so that training and serving cannot
drift apart. Nothing at or after the moment of prediction reaches an input.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unclicked.config import DataConfig
from unclicked.data import rules_kernel as kernel

Ints = NDArray[np.int64]

DAY_US = 86_400_000_000


@dataclass(frozen=True)
class Timelines:
    """What every user was shown and clicked, in order of time.

    Attributes:
        impression_offsets: int64 [U + 1], where each user's impressions begin.
        impression_time_us: int64 [I], when each was shown.
        impression_item: int32 [I], item index (1..V).
        click_offsets: int64 [U + 1], where each user's clicks begin.
        click_time_us: int64 [C], when each was clicked.
        click_item: int32 [C], item index.
        click_session: int64 [C], code of the site's own session; -1 where there is none.
        num_items: V, the largest item index.
    """

    impression_offsets: Ints
    impression_time_us: Ints
    impression_item: NDArray[np.int32]
    click_offsets: Ints
    click_time_us: Ints
    click_item: NDArray[np.int32]
    click_session: Ints
    num_items: int


@dataclass(frozen=True)
class Rules:
    """The rules' numbers, times in microseconds."""

    gap_us: int
    min_session_length: int
    max_short: int
    long_window_us: int
    window_us: int
    min_exposures: int
    max_unclicked: int
    history_share: float
    labels_within_session: bool

    @staticmethod
    def from_config(config: DataConfig) -> Rules:
        """Rules of a configuration.

        Args:
            config: The `[data]` table.

        Returns:
            The same numbers in microseconds.
        """
        clicked, unclicked, split = config.clicked, config.unclicked, config.split
        return Rules(
            gap_us=round(clicked.session_gap_minutes * 60_000_000),
            min_session_length=clicked.min_session_length,
            max_short=clicked.max_short,
            long_window_us=round(clicked.long_window_days * DAY_US),
            window_us=round(unclicked.window_days * DAY_US),
            min_exposures=unclicked.min_exposures,
            max_unclicked=unclicked.max_length,
            history_share=split.test_history_share,
            labels_within_session=split.labels_within_session,
        )

    def packed(self) -> tuple[Ints, float]:
        """The rules as the compiled sweep takes them.

        Returns:
            int64 [8] in the order of declaration (without the share), and the share.
        """
        numbers = [
            self.gap_us,
            self.min_session_length,
            self.max_short,
            self.long_window_us,
            self.window_us,
            self.min_exposures,
            self.max_unclicked,
            int(self.labels_within_session),
        ]
        return np.array(numbers, dtype=np.int64), self.history_share


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
            position_offsets=_offsets([np.diff(self.position_offsets)[keep]]),
            row_now=_ragged(self.row_now, self.position_offsets, keep),
            truth_offsets=_offsets([np.diff(self.truth_offsets)[keep]]),
            truth_items=_ragged(self.truth_items, self.truth_offsets, keep),
        )


_PER_SAMPLE = ("user", "start", "end", "long_start", "label_end", "row_start")


def _ragged(values: NDArray[Any], offsets: Ints, keep: Ints) -> NDArray[Any]:
    parts = [values[offsets[k] : offsets[k + 1]] for k in keep.tolist()]
    return np.concatenate([values[:0], *parts])


TRAIN_COUNTS = (
    "clicks",
    "sessions",
    "sessions_too_short",
    "clicks_in_short_sessions",
    "sessions_without_label",
    "sessions_cut_at_max_length",
)
HELD_OUT_COUNTS = (
    "users_with_clicks",
    "users_with_one_click",
    "users_with_nothing_new",
)
UNCLICKED_COUNTS = (
    "unclicked_shown_in_window",
    "unclicked_removed_clicked",
    "unclicked_removed_exposures",
    "unclicked_removed_length",
)


def train_samples(timelines: Timelines, rules: Rules, *, end_us: int) -> Samples:
    """One sample for each session of the training period.

    Args:
        timelines: Whole timelines; what lies at or after `end_us` is not looked at.
        rules: The rules' numbers.
        end_us: End of the training period, exclusive.

    Returns:
        Samples whose labels are later clicks of the training period.

    Source: paper sections 3.1 and 4.1; sessions and long-term clicks as SDM section 3.1.
    Differs: the paper does not say as of when unclicked items count; here never later than the
        session's first click (`row_start`) or than each position's own click (`row_now`).
    """
    numbers, _ = rules.packed()

    def sweep(
        lines: kernel.Lines, state: kernel.State, out: kernel.Out, users: tuple[int, int]
    ) -> None:
        kernel.train_block(lines, state, out, numbers, users, end_us)

    return _sweep(timelines, rules, sweep, TRAIN_COUNTS)


def held_out_samples(timelines: Timelines, rules: Rules, *, begin_us: int, end_us: int) -> Samples:
    """One sample for each user who clicks something new in the held-out days.

    The first share of a user's clicks in those days is history, the new items of the rest are the
    truth. The short-term clicks are the last session of everything known at that moment.

    Args:
        timelines: Whole timelines; what lies at or after `end_us` is not looked at.
        rules: The rules' numbers.
        begin_us: Begin of the held-out days.
        end_us: Their end, exclusive.

    Returns:
        Samples with a truth; only the last position has a list as of now.

    Source: paper section 4.1, which follows SDM's split.
    Differs: a session that runs over the first midnight stays one session, because a service that
        answers at that moment knows no split.
    """
    numbers, share = rules.packed()

    def sweep(
        lines: kernel.Lines, state: kernel.State, out: kernel.Out, users: tuple[int, int]
    ) -> None:
        kernel.held_out_block(lines, state, out, numbers, share, users, begin_us, end_us)

    return _sweep(timelines, rules, sweep, HELD_OUT_COUNTS)


Sweep = Callable[[kernel.Lines, kernel.State, kernel.Out, tuple[int, int]], None]
BLOCK_CLICKS = 65_536


def _sweep(
    timelines: Timelines, rules: Rules, sweep: Sweep, names: tuple[str, ...]
) -> Samples:
    """Sweep blocks of users, so that memory does not grow with the log, and join the samples."""
    lines = kernel.Lines(
        timelines.impression_offsets,
        timelines.impression_time_us,
        timelines.impression_item,
        timelines.click_offsets,
        timelines.click_time_us,
        timelines.click_item,
        timelines.click_session,
    )
    state = _new_state(timelines.num_items, rules.max_unclicked)
    counts = np.zeros(len(names), dtype=np.int64)
    blocks = []
    for begin, end in _blocks(timelines.click_offsets):
        clicks = int(timelines.click_offsets[end] - timelines.click_offsets[begin])
        longest = int(np.diff(timelines.impression_offsets[begin : end + 1]).max(initial=0))
        out = _new_out(end - begin, clicks, min(rules.max_unclicked, longest), counts)
        sweep(lines, state, out, (begin, end))
        blocks.append(_used(out))
    return _join(blocks, dict(zip(names, counts.tolist(), strict=True)), state.tally.tolist())


def _blocks(offsets: Ints) -> list[tuple[int, int]]:
    """Ranges of users with about BLOCK_CLICKS clicks each; a user is never cut."""
    users = len(offsets) - 1
    ranges, begin = [], 0
    while begin < users:
        end = int(np.searchsorted(offsets, offsets[begin] + BLOCK_CLICKS, side="right")) - 1
        end = min(max(end, begin + 1), users)
        ranges.append((begin, end))
        begin = end
    return ranges


def _new_state(num_items: int, max_unclicked: int) -> kernel.State:
    return kernel.State(
        count=np.zeros(num_items + 2, dtype=np.int64),
        stamp=np.full(num_items + 2, -1, dtype=np.int64),
        when=np.full(num_items + 2, kernel.NEVER, dtype=np.int64),
        found=np.empty(max_unclicked, dtype=np.int64),
        cursor=np.zeros(5, dtype=np.int64),
        tally=np.zeros(4, dtype=np.int64),
    )


def _new_out(users: int, clicks: int, longest: int, counts: Ints) -> kernel.Out:
    # Room for the worst case; pages that are never written cost no memory.
    rows = 2 * clicks + 2
    size = np.zeros(4, dtype=np.int64)
    size[kernel.ROWS] = 1
    return kernel.Out(
        table=np.empty((max(users, clicks), 6), dtype=np.int64),
        now=np.empty(clicks, dtype=np.int64),
        row_offsets=np.zeros(rows + 1, dtype=np.int64),
        row_items=np.empty(rows * longest, dtype=np.int32),
        row_counts=np.empty(rows * longest, dtype=np.int32),
        truth_offsets=np.zeros(max(users, clicks) + 1, dtype=np.int64),
        truth_items=np.empty(clicks, dtype=np.int32),
        size=size,
        counts=counts,
    )


def _used(out: kernel.Out) -> kernel.Out:
    samples, positions, rows, truth = out.size.tolist()
    lists = int(out.row_offsets[rows])
    return out._replace(
        table=out.table[:samples].copy(),
        now=out.now[:positions].copy(),
        row_offsets=out.row_offsets[: rows + 1].copy(),
        row_items=out.row_items[:lists].copy(),
        row_counts=out.row_counts[:lists].copy(),
        truth_offsets=out.truth_offsets[: samples + 1].copy(),
        truth_items=out.truth_items[:truth].copy(),
    )


def _join(blocks: list[kernel.Out], counts: dict[str, int], tally: list[int]) -> Samples:
    """One Samples from the blocks; every block has the empty row 0, the result has one."""
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
        position_offsets=_offsets([end - start]),
        row_start=_concatenate([first for first, _, _ in rows], np.int64),
        row_now=_concatenate([np.where(now > 0, now + shift, 0) for _, now, shift in rows], np.int64),
        row_offsets=_offsets([np.zeros(1, int)] + [np.diff(block.row_offsets[1:]) for block in blocks]),
        row_items=_concatenate([block.row_items for block in blocks], np.int32),
        row_counts=_concatenate([block.row_counts for block in blocks], np.int32),
        truth_offsets=_offsets([np.diff(block.truth_offsets) for block in blocks]),
        truth_items=_concatenate([block.truth_items for block in blocks], np.int32),
        counts=counts | dict(zip(UNCLICKED_COUNTS, tally, strict=True)),
    )


def _concatenate(parts: list[NDArray[Any]], dtype: type[np.generic]) -> NDArray[Any]:
    return np.concatenate([np.empty(0, dtype=dtype), *parts]).astype(dtype)


def _offsets(lengths: list[NDArray[Any]]) -> Ints:
    joined = np.concatenate([np.empty(0, dtype=np.int64), *lengths])
    result = np.zeros(len(joined) + 1, dtype=np.int64)
    np.cumsum(joined, out=result[1:])
    return result
