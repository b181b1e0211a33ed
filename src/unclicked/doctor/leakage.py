"""Whether stored inputs depend on anything that came after the moment of prediction."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unclicked.data.dataset import PreparedDataset
from unclicked.data.rules import Rules, Samples, Timelines, train_samples
from unclicked.data.stored_log import stored_timelines

Ints = NDArray[np.int64]

NUM_USERS = 200
SEED = 23


class Recheck(NamedTuple):
    """What recomputing some users' inputs gave.

    Attributes:
        moments: Moments of prediction that were recomputed, at most one a user and split.
        differ: Of these, moments whose stored inputs are others.
        users: Users that were looked at.
    """

    moments: int
    differ: int
    users: int


class _Moment(NamedTuple):
    """A user, what she had clicked, and the sample and position that hold her inputs."""

    user: int
    last_click: int
    sample: int
    position: int


def order_faults(dataset: PreparedDataset) -> list[str]:
    """Look for samples whose inputs do not end before what is to be predicted begins.

    Args:
        dataset: The data set.

    Returns:
        One sentence for each kind of fault; none where all is well.
    """
    faults = []
    last_of: dict[str, Ints] = {}
    for name, samples in dataset.splits.items():
        wrong = (samples.long_start > samples.start) | (samples.start >= samples.end)
        if name == "train":
            # Its first position must have a click to predict.
            wrong |= samples.label_end < samples.start + 2
        else:
            wrong |= np.diff(samples.truth_offsets) == 0
        if wrong.any():
            faults.append(f"{int(wrong.sum())} samples of {name} are out of order")
        ends = samples.label_end if name == "train" else samples.end
        last = np.full(len(dataset.users), -1, dtype=np.int64)
        np.maximum.at(last, samples.user, ends)
        last_of[name] = last
    for early, late in (("train", "validation"), ("train", "test"), ("validation", "test")):
        both = (last_of[early] >= 0) & (last_of[late] >= 0)
        overlap = int((both & (last_of[early] >= last_of[late])).sum())
        if overlap:
            faults.append(f"{overlap} users of {early} know clicks of {late}")
    return faults


def recheck(dataset: PreparedDataset, num_users: int = NUM_USERS) -> Recheck:
    """Recompute inputs from a log that ends at the moment of prediction.

    For some users, drawn by a fixed rule, and for each split in which they have a sample, the
    log's later rows are removed, the rules are applied to what is left, and the result is
    compared with what is stored.

    Args:
        dataset: The data set, with its log.
        num_users: Users drawn.

    Returns:
        How many moments were compared, and how many differ.

    Raises:
        ArtefactError: If the log is missing or does not belong to the data set.
    """
    lines = stored_timelines(dataset)
    rules = Rules.from_config(dataset.config)
    rng = np.random.default_rng(SEED)
    users = rng.permutation(len(dataset.users))[:num_users]
    compared = differ = 0
    for samples in dataset.splits.values():
        moments = _draw(samples, users, rng)
        if moments:
            again = _recompute(lines, rules, moments)
            for number, moment in enumerate(moments):
                compared += 1
                differ += not _same(lines, samples, moment, again, number)
    return Recheck(compared, differ, len(users))


def same_clicks(dataset: PreparedDataset) -> bool:
    """Whether the stored clicks are those of the stored log.

    Args:
        dataset: The data set, with its log.

    Returns:
        True if they are.
    """
    return bool(np.array_equal(stored_timelines(dataset).click_item, dataset.click_item))


def _draw(samples: Samples, users: Ints, rng: np.random.Generator) -> list[_Moment]:
    """One moment of each user who has a sample: of a held-out sample its end."""
    held_out = bool(len(samples)) and bool((samples.label_end == samples.start).all())
    order = np.argsort(samples.user, kind="stable")
    first = np.searchsorted(samples.user[order], users, side="left")
    last = np.searchsorted(samples.user[order], users, side="right")
    moments = []
    for user, begin, end in zip(users.tolist(), first.tolist(), last.tolist(), strict=True):
        if begin == end:
            continue
        sample = int(order[rng.integers(begin, end)])
        length = int(samples.end[sample] - samples.start[sample])
        position = length - 1 if held_out else int(rng.integers(0, length))
        moments.append(_Moment(user, int(samples.start[sample]) + position, sample, position))
    return moments


def _recompute(lines: Timelines, rules: Rules, moments: list[_Moment]) -> Samples:
    """Samples of users who do nothing after their moment but one click much later.

    That click belongs to a session of its own; it gives every moment a label, without which the
    rules would leave it out.
    """
    shown, clicks = [], []
    for moment in moments:
        now = lines.click_time_us[moment.last_click]
        begin, end = lines.impression_offsets[moment.user : moment.user + 2]
        until = np.searchsorted(lines.impression_time_us[begin:end], now, side="left")
        shown.append(np.arange(begin, begin + until))
        clicks.append(np.arange(lines.click_offsets[moment.user], moment.last_click + 1))
    flat, rows = np.concatenate(clicks), np.concatenate(shown)
    after = np.cumsum([len(one) for one in clicks])
    far = lines.click_time_us[flat[after - 1]] + rules.gap_us + 1
    cut = Timelines(
        impression_offsets=np.cumsum([0, *(len(one) for one in shown)]),
        impression_time_us=lines.impression_time_us[rows],
        impression_item=lines.impression_item[rows],
        click_offsets=np.concatenate([[0], after + np.arange(1, len(after) + 1)]),
        click_time_us=np.insert(lines.click_time_us[flat], after, far),
        click_item=np.insert(lines.click_item[flat], after, 1),
        click_session=np.insert(lines.click_session[flat], after, -1),
        num_items=lines.num_items,
    )
    loose = replace(rules, min_session_length=1, labels_within_session=False)
    made = train_samples(cut, loose, end_us=int(far.max()) + 1)
    # Of each user the last sample: the later click's own session has no label.
    return made.select(np.flatnonzero(np.append(np.diff(made.user) > 0, True)))


def _same(lines: Timelines, samples: Samples, moment: _Moment, again: Samples, number: int) -> bool:
    """Whether a stored moment has the inputs that were recomputed."""
    before = int(lines.click_offsets[moment.user])
    # In the shortened log every earlier user has her clicks and one more.
    shift = int(again.end[number]) - (moment.last_click + 1)
    short = samples.start[moment.sample] + shift == again.start[number]
    long = samples.long_start[moment.sample] + shift == again.long_start[number]
    here = samples.row_now[samples.position_offsets[moment.sample] + moment.position]
    there = again.row_now[again.position_offsets[number + 1] - 1]
    return bool(
        short
        and long
        and samples.long_start[moment.sample] >= before
        and _same_list(samples, int(here), again, int(there))
        and _same_list(
            samples, int(samples.row_start[moment.sample]), again, int(again.row_start[number])
        )
    )


def _same_list(one: Samples, row: int, other: Samples, other_row: int) -> bool:
    first = slice(one.row_offsets[row], one.row_offsets[row + 1])
    second = slice(other.row_offsets[other_row], other.row_offsets[other_row + 1])
    return np.array_equal(one.row_items[first], other.row_items[second]) and np.array_equal(
        one.row_counts[first], other.row_counts[second]
    )
