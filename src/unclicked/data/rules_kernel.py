"""The compiled sweep behind `rules`: one pass over each user's clicks and impressions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.int64]

# Positions in the packed rules.
GAP, MIN_SESSION, MAX_SHORT, LONG_WINDOW, WINDOW, MIN_EXPOSURES, MAX_UNCLICKED, WITHIN = range(8)
# Positions in a cursor: the window's ends, clicks already told, the last mark, the last row.
LOW, HIGH, TOLD, MARK, LAST_ROW = range(5)
# Positions in the sizes of an output.
SAMPLES, POSITIONS, ROWS, TRUTH = range(4)
NEVER = np.iinfo(np.int64).min


class Lines(NamedTuple):
    """All users' impressions and clicks, one after the other."""

    imp_offsets: Array
    imp_time: Array
    imp_item: NDArray[np.int32]
    offsets: Array
    time: Array
    item: NDArray[np.int32]
    session: Array


class State(NamedTuple):
    """What the sweep remembers of a user, by item: showings in the window, last known click."""

    shown: Array
    stamp: Array
    when: Array
    found: Array
    cursor: Array
    tally: Array


class Out(NamedTuple):
    """Room for the samples of a block of users, and how much of it is used."""

    table: Array
    now: Array
    row_offsets: Array
    row_items: NDArray[np.int32]
    row_counts: NDArray[np.int32]
    truth_offsets: Array
    truth_items: NDArray[np.int32]
    size: Array
    counts: Array


@njit(cache=True)
def session_ends(time, session, first, last, gap, max_short):
    """End of the session that each click of [first, last) belongs to, by SDM's rules."""
    ends = np.empty(last - first, dtype=np.int64)
    begin = first
    for index in range(first + 1, last + 1):
        if index < last:
            same = session[index] >= 0 and session[index] == session[index - 1]
            far = time[index] - time[index - 1] >= gap
            if index - begin < max_short and (same or not far):
                continue
        ends[begin - first : index - first] = index
        begin = index
    return ends


@njit(cache=True)
def _move_window(lines, state, tau, begin, last_imp):
    """Count the showings of each item in [begin, tau)."""
    low, high = state.cursor[LOW], state.cursor[HIGH]
    while high < last_imp and lines.imp_time[high] < tau:
        state.shown[lines.imp_item[high]] += 1
        high += 1
    while low < high and lines.imp_time[low] < begin:
        state.shown[lines.imp_item[low]] -= 1
        low += 1
    state.cursor[LOW], state.cursor[HIGH] = low, high


@njit(cache=True)
def _collect(lines, state, begin, rules, telling):
    """Walk the window backwards: last shown first, each item once, until the list is full."""
    kept = 0
    state.cursor[MARK] += 1
    mark = state.cursor[MARK]
    for index in range(state.cursor[HIGH] - 1, state.cursor[LOW] - 1, -1):
        item = lines.imp_item[index]
        if state.stamp[item] == mark:
            continue
        state.stamp[item] = mark
        reason = 0
        if state.when[item] >= begin:
            reason = 1
        elif state.shown[item] < rules[MIN_EXPOSURES]:
            reason = 2
        elif kept == rules[MAX_UNCLICKED]:
            reason = 3
        if reason == 0:
            state.found[kept] = item
            kept += 1
        if telling:
            state.tally[0] += 1
            state.tally[reason] += reason > 0
        elif reason == 3:
            break
    return kept


@njit(cache=True)
def _same_row(state, out, kept):
    row = state.cursor[LAST_ROW]
    begin = out.row_offsets[row]
    if row == 0 or out.row_offsets[row + 1] - begin != kept:
        return False
    for index in range(kept):
        item = state.found[kept - 1 - index]
        if out.row_items[begin + index] != item:
            return False
        if out.row_counts[begin + index] != state.shown[item]:
            return False
    return True


@njit(cache=True)
def _list_at(lines, state, out, rules, tau, known, last_imp, telling):
    """Row of the unclicked list as of `tau`, with the clicks before `known` told."""
    begin = tau - rules[WINDOW]
    _move_window(lines, state, tau, begin, last_imp)
    while state.cursor[TOLD] < known:
        told = state.cursor[TOLD]
        state.when[lines.item[told]] = lines.time[told]
        state.cursor[TOLD] = told + 1
    kept = _collect(lines, state, begin, rules, telling)
    if kept == 0:
        return 0
    if _same_row(state, out, kept):
        return state.cursor[LAST_ROW]
    row = out.size[ROWS]
    begin_row = out.row_offsets[row]
    for index in range(kept):
        item = state.found[kept - 1 - index]
        out.row_items[begin_row + index] = item
        out.row_counts[begin_row + index] = state.shown[item]
    out.row_offsets[row + 1] = begin_row + kept
    out.size[ROWS] = row + 1
    state.cursor[LAST_ROW] = row
    return row


@njit(cache=True)
def _begin_user(lines, state, user):
    state.cursor[LOW] = state.cursor[HIGH] = lines.imp_offsets[user]
    state.cursor[TOLD] = lines.offsets[user]
    state.cursor[LAST_ROW] = 0


@njit(cache=True)
def _end_user(lines, state, user):
    for index in range(state.cursor[LOW], state.cursor[HIGH]):
        state.shown[lines.imp_item[index]] = 0
    for index in range(lines.offsets[user], state.cursor[TOLD]):
        state.when[lines.item[index]] = NEVER


@njit(cache=True)
def _add_sample(lines, out, rules, user, start, end, label_end, row):
    long_start = start
    oldest = lines.time[start] - rules[LONG_WINDOW]
    while long_start > lines.offsets[user] and lines.time[long_start - 1] >= oldest:
        long_start -= 1
    line = out.table[out.size[SAMPLES]]
    line[0], line[1], line[2] = user, start, end
    line[3], line[4], line[5] = long_start, label_end, row
    out.size[SAMPLES] += 1


@njit(cache=True)
def _last_before(time, first, last, bound):
    while last > first and time[last - 1] >= bound:
        last -= 1
    return last


@njit(cache=True)
def train_block(lines, state, out, rules, users, end_us):
    """Training samples of the users [users[0], users[1]); see `rules.train_samples`."""
    for user in range(users[0], users[1]):
        first = lines.offsets[user]
        last = _last_before(lines.time, first, lines.offsets[user + 1], end_us)
        last_imp = lines.imp_offsets[user + 1]
        out.counts[0] += last - first
        ends = session_ends(lines.time, lines.session, first, last, rules[GAP], rules[MAX_SHORT])
        _begin_user(lines, state, user)
        end = first
        while end < last:
            start, end = end, ends[end - first]
            label_end = end if rules[WITHIN] else last
            out.counts[1] += 1
            out.counts[5] += end - start == rules[MAX_SHORT]
            if end - start < rules[MIN_SESSION]:
                out.counts[2] += 1
                out.counts[3] += end - start
                continue
            if label_end - start < 2:
                out.counts[4] += 1
                continue
            tau = lines.time[start]
            row = _list_at(lines, state, out, rules, tau, start, last_imp, True)
            for t in range(start, end):
                tau = lines.time[t]
                out.now[out.size[POSITIONS]] = _list_at(
                    lines, state, out, rules, tau, t + 1, last_imp, False
                )
                out.size[POSITIONS] += 1
            _add_sample(lines, out, rules, user, start, end, label_end, row)
        _end_user(lines, state, user)


@njit(cache=True)
def _add_truth(lines, state, out, held, known, last):
    """Store the new items of the held-out clicks; False where there are none."""
    state.cursor[MARK] += 1
    for index in range(held, known):
        state.stamp[lines.item[index]] = state.cursor[MARK]
    size = out.size[TRUTH]
    for index in range(known, last):
        item = lines.item[index]
        if state.stamp[item] != state.cursor[MARK]:
            state.stamp[item] = state.cursor[MARK]
            out.truth_items[size] = item
            size += 1
    found = size > out.size[TRUTH]
    if found:
        out.size[TRUTH] = size
        out.truth_offsets[out.size[SAMPLES] + 1] = size
    return found


@njit(cache=True)
def held_out_block(lines, state, out, rules, share, users, begin_us, end_us):
    """Held-out samples of the users [users[0], users[1]); see `rules.held_out_samples`."""
    for user in range(users[0], users[1]):
        first = lines.offsets[user]
        last = _last_before(lines.time, first, lines.offsets[user + 1], end_us)
        held = _last_before(lines.time, first, last, begin_us)
        inside = last - held
        out.counts[0] += inside > 0
        out.counts[1] += inside == 1
        if inside < 2:
            continue
        known = held + max(1, int(np.ceil(share * inside)))
        if not _add_truth(lines, state, out, held, known, last):
            out.counts[2] += 1
            continue
        _add_query(lines, state, out, rules, user, first, known, lines.time[known - 1])


@njit(cache=True)
def _add_query(lines, state, out, rules, user, first, known, now):
    """Add the last session of the clicks [first, known), with the list as of `now` at its end."""
    ends = session_ends(lines.time, lines.session, first, known, rules[GAP], rules[MAX_SHORT])
    start = first
    while ends[start - first] < known:
        start = ends[start - first]
    _begin_user(lines, state, user)
    last_imp = lines.imp_offsets[user + 1]
    row = _list_at(lines, state, out, rules, lines.time[start], start, last_imp, True)
    # Only the last position of such a sample is ever asked; the others get the empty row.
    size = out.size[POSITIONS] + known - start
    out.now[out.size[POSITIONS] : size - 1] = 0
    out.now[size - 1] = _list_at(lines, state, out, rules, now, known, last_imp, False)
    out.size[POSITIONS] = size
    _add_sample(lines, out, rules, user, start, known, start, row)
    _end_user(lines, state, user)


@njit(cache=True)
def latest_block(lines, state, out, rules, users, now):
    """Samples of the users [users[0], users[1]) as of `now`; see `rules.latest_samples`."""
    for user in range(users[0], users[1]):
        first = lines.offsets[user]
        known = _last_before(lines.time, first, lines.offsets[user + 1], now)
        out.counts[0] += known == first
        if known > first:
            _add_query(lines, state, out, rules, user, first, known, now)
