"""What is known of each category at the moment of a prediction, as sparse counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numba import njit
from numpy.typing import NDArray

from unclicked.data.samples import Samples
from unclicked.data.skip_model import Choices

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

LONGEST_LONG = 200
SHORT_DECAY = 0.8
LONG_DECAY = 0.96
# Columns of the counts, then of the features made of them.
SHORT, SHORT_RECENT, RUN, LONG, LONG_RECENT, OWN, OTHER, NUM_COUNTS = range(8)
CLICKED = tuple(range(8))
NUM_LIST_FEATURES = 5
OWN_LIST = tuple(range(8, 13))
OTHERS_LIST = tuple(range(13, 18))


@dataclass(frozen=True)
class Moments:
    """N moments of prediction: positions of training samples that have a next click.

    Attributes:
        sample: int64 [N], sample of each.
        position: int64 [N], its position; the label is the click after it.
        user: int64 [N], row of the user.
        row: int64 [N], row of the unclicked list as of that moment.
        other_row: int64 [N], row of another user's list, for the control.
    """

    sample: Ints
    position: Ints
    user: Ints
    row: Ints
    other_row: Ints

    def __len__(self) -> int:
        return len(self.sample)

    def first(self, count: int) -> Moments:
        """The first of the moments.

        Args:
            count: How many.

        Returns:
            Those moments.
        """
        return Moments(
            self.sample[:count],
            self.position[:count],
            self.user[:count],
            self.row[:count],
            self.other_row[:count],
        )


def draw_moments(
    samples: Samples,
    others: Samples,
    cut: Literal["session_start", "now"],
    limit: int,
    seed: int,
) -> Moments:
    """Some positions of training samples, drawn by a fixed rule.

    Args:
        samples: Training samples.
        others: The same samples with lists of other users.
        cut: Which unclicked list counts.
        limit: Positions at most.
        seed: Seed of the draw.

    Returns:
        The moments in random order; none where no position has a next click.
    """
    labelled = np.minimum(samples.end, samples.label_end - 1) - samples.start
    begin = np.concatenate([[0], np.cumsum(np.maximum(labelled, 0))])
    total = int(begin[-1])
    rng = np.random.default_rng(seed)
    if total > limit:
        # A few more than needed, so that without repeats there are enough.
        drawn = np.unique(rng.integers(0, total, size=2 * limit))
        flat = rng.permutation(drawn)[:limit]
    else:
        flat = rng.permutation(total)
    sample = np.searchsorted(begin, flat, side="right") - 1
    position = flat - begin[sample]
    rows = [
        one.row_start[sample]
        if cut == "session_start"
        else one.row_now[one.position_offsets[sample] + position]
        for one in (samples, others)
    ]
    return Moments(sample, position, samples.user[sample], rows[0], rows[1])


@njit(cache=True, nogil=True)
def _add(value, column, amount, number, stamp, counts, touched, size):
    if stamp[value] != number:
        stamp[value] = number
        counts[value, :] = 0.0
        touched[size] = value
        size += 1
    counts[value, column] += amount
    return size


@njit(cache=True, nogil=True)
def _add_short(clicks, start, here, value_of, number, stamp, counts, touched):
    """Count the session's clicks up to here, the last one first, and how long its run is."""
    size, weight, run, last = 0, 1.0, 0, value_of[clicks[here]]
    for index in range(here, start - 1, -1):
        value = value_of[clicks[index]]
        if value >= 0:
            size = _add(value, SHORT, 1.0, number, stamp, counts, touched, size)
            counts[value, SHORT_RECENT] += weight
        if value == last and run == here - index:
            run += 1
        weight *= SHORT_DECAY
    if last >= 0:
        counts[last, RUN] = run
    return size


@njit(cache=True, nogil=True)
def _gather(number, clicks, span, lists, items, value_of, stamp, counts, touched):
    """Count one moment's categories; how many it touches."""
    long_start, start, here = span
    size = _add_short(clicks, start, here, value_of, number, stamp, counts, touched)
    weight = 1.0
    for index in range(start - 1, max(long_start, start - LONGEST_LONG) - 1, -1):
        value = value_of[clicks[index]]
        if value >= 0:
            size = _add(value, LONG, 1.0, number, stamp, counts, touched, size)
            counts[value, LONG_RECENT] += weight
        weight *= LONG_DECAY
    for side in range(2):
        for place in range(lists[2 * side], lists[2 * side + 1]):
            value = value_of[items[place]]
            if value >= 0:
                size = _add(value, OWN + side, 1.0, number, stamp, counts, touched, size)
    return size


@njit(cache=True, nogil=True)
def _fill(clicks, spans, lists, items, value_of, num_values, widest, room):
    stamp = np.full(num_values, -1, dtype=np.int64)
    counts = np.zeros((num_values, NUM_COUNTS))
    touched = np.empty(min(widest, num_values) + 1, dtype=np.int64)
    offsets = np.zeros(len(spans) + 1, dtype=np.int64)
    category = np.empty(room, dtype=np.int32)
    result = np.empty((room, NUM_COUNTS))
    done = 0
    for number in range(len(spans)):
        size = _gather(
            number, clicks, spans[number], lists[number], items, value_of, stamp, counts, touched
        )
        if offsets[number] + size > room:
            break
        for index in range(size):
            category[offsets[number] + index] = touched[index]
            result[offsets[number] + index] = counts[touched[index]]
        offsets[number + 1] = offsets[number] + size
        done += 1
    return offsets[: done + 1], category, result


def choices_of(
    samples: Samples,
    click_item: NDArray[np.int32],
    moments: Moments,
    value_of: NDArray[np.int32],
    room: int,
) -> tuple[Choices, Ints, Floats]:
    """The predictions of some moments for one way to sort items into categories.

    Args:
        samples: Training samples.
        click_item: int32 [C], item index of every click.
        moments: The moments; as many of the first as there is room for are used.
        value_of: int32 [V + 2], category of each item index; -1 where it has none.
        room: Entries at most.

    Returns:
        The choices, the number of each one's moment, and the counts of its entries [E, 7]. A
        moment whose next click has no category is left out.
    """
    start = samples.start[moments.sample]
    here = start + moments.position
    label = value_of[click_item[here + 1]]
    kept = np.flatnonzero(label >= 0)
    spans = np.stack([samples.long_start[moments.sample], start, here], axis=1)[kept]
    row, other = moments.row[kept], moments.other_row[kept]
    begin, end = samples.row_offsets[:-1], samples.row_offsets[1:]
    lists = np.stack([begin[row], end[row], begin[other], end[other]], axis=1)
    longest = int((spans[:, 2] - spans[:, 1]).max(initial=0)) + 1
    widest = longest + LONGEST_LONG + 2 * int(np.diff(samples.row_offsets).max(initial=0))
    num_values = int(value_of.max(initial=0)) + 1
    offsets, category, counts = _fill(
        np.asarray(click_item),
        spans,
        lists,
        np.asarray(samples.row_items),
        value_of,
        num_values,
        widest,
        min(room, len(kept) * min(widest, num_values)),
    )
    size, entries = len(offsets) - 1, int(offsets[-1])
    category, counts = category[:entries].copy(), counts[:entries].copy()
    chosen = label[kept[:size]].astype(np.int32)
    where = np.full(size, -1, dtype=np.int64)
    hits = np.flatnonzero(category == np.repeat(chosen, np.diff(offsets)))
    where[np.searchsorted(offsets, hits, side="right") - 1] = hits
    return (
        Choices(offsets, category, _features(offsets, counts), chosen, where),
        kept[:size],
        counts,
    )


def _features(offsets: Ints, counts: Floats) -> Floats:
    """Features of every entry: of the clicks, of the own list and of the other user's list."""
    short, long = counts[:, SHORT], counts[:, LONG]
    columns = [
        (short > 0).astype(float),
        np.log1p(short),
        counts[:, SHORT_RECENT],
        (counts[:, RUN] > 0).astype(float),
        np.log1p(counts[:, RUN]),
        (long > 0).astype(float),
        np.log1p(long),
        counts[:, LONG_RECENT],
    ]
    prediction = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    for side in (OWN, OTHER):
        listed = counts[:, side]
        total = np.bincount(prediction, weights=listed, minlength=len(offsets) - 1)
        inside = (listed > 0).astype(float)
        columns += [
            inside,
            np.log1p(listed),
            listed / np.maximum(total, 1.0)[prediction],
            inside * (short > 0),
            inside * (long > 0),
        ]
    return np.ascontiguousarray(np.stack(columns, axis=1))
