"""THE rules: from whole user timelines, sorted by time, to samples (paper section 4.1, SDM 3.1).

Preparation, a cluster and a service all come through here, so that training and serving cannot
drift apart. Nothing at or after the moment of prediction reaches an input.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unclicked.config import DataConfig
from unclicked.data import rules_kernel as kernel
from unclicked.data import rules_window as window
from unclicked.data.samples import Samples, join_blocks

Ints = NDArray[np.int64]

DAY_US = 86_400_000_000

__all__ = ["Rules", "Samples", "Timelines", "held_out_samples", "latest_samples", "train_samples"]


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

LATEST_COUNTS = ("users_without_click",)


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
        lines: window.Lines, state: window.State, out: window.Out, users: tuple[int, int]
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
        lines: window.Lines, state: window.State, out: window.Out, users: tuple[int, int]
    ) -> None:
        kernel.held_out_block(lines, state, out, numbers, share, users, begin_us, end_us)

    return _sweep(timelines, rules, sweep, HELD_OUT_COUNTS)


def latest_samples(timelines: Timelines, rules: Rules, *, now_us: int) -> Samples:
    """One sample for each user with a click, as a service would ask at one moment.

    The short-term clicks are the user's last session, the unclicked list is that of `now_us`
    (`row_now`) or of the session's first click (`row_start`).

    Args:
        timelines: Whole timelines; what lies at or after `now_us` is not looked at.
        rules: The rules' numbers.
        now_us: The moment, microseconds since 1970.

    Returns:
        Samples without labels or truth.
    """
    numbers, _ = rules.packed()

    def sweep(
        lines: window.Lines, state: window.State, out: window.Out, users: tuple[int, int]
    ) -> None:
        kernel.latest_block(lines, state, out, numbers, users, now_us)

    return _sweep(timelines, rules, sweep, LATEST_COUNTS)


Sweep = Callable[[window.Lines, window.State, window.Out, tuple[int, int]], None]
BLOCK_CLICKS = 65_536


def _sweep(timelines: Timelines, rules: Rules, sweep: Sweep, names: tuple[str, ...]) -> Samples:
    """Sweep blocks of users, so that memory does not grow with the log, and join the samples."""
    lines = window.Lines(
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
    return join_blocks(blocks, dict(zip(names, counts.tolist(), strict=True)), state.tally.tolist())


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


def _new_state(num_items: int, max_unclicked: int) -> window.State:
    return window.State(
        held=np.zeros(num_items + 2, dtype=np.uint8),
        shown=np.zeros(num_items + 2, dtype=np.int64),
        stamp=np.full(num_items + 2, -1, dtype=np.int64),
        when=np.full(num_items + 2, window.NEVER, dtype=np.int64),
        found=np.empty(max_unclicked, dtype=np.int64),
        cursor=np.zeros(9, dtype=np.int64),
        tally=np.zeros(4, dtype=np.int64),
    )


def _new_out(users: int, clicks: int, longest: int, counts: Ints) -> window.Out:
    # Room for the worst case; pages that are never written cost no memory.
    rows = 2 * clicks + 2
    size = np.zeros(4, dtype=np.int64)
    size[window.ROWS] = 1
    return window.Out(
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


def _used(out: window.Out) -> window.Out:
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
