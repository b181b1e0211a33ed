"""The compiled sweep behind `rules`: one pass over each user's clicks and impressions."""

from __future__ import annotations

import numpy as np
from numba import njit

from unclicked.data.rules_window import (
    GAP,
    LONG_WINDOW,
    MARK,
    MAX_SHORT,
    MIN_SESSION,
    POSITIONS,
    SAMPLES,
    TRUTH,
    WITHIN,
    begin_user,
    end_user,
    list_at,
)


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def _add_sample(lines, out, rules, user, start, end, label_end, row):
    long_start = start
    oldest = lines.time[start] - rules[LONG_WINDOW]
    while long_start > lines.offsets[user] and lines.time[long_start - 1] >= oldest:
        long_start -= 1
    line = out.table[out.size[SAMPLES]]
    line[0], line[1], line[2] = user, start, end
    line[3], line[4], line[5] = long_start, label_end, row
    out.size[SAMPLES] += 1


@njit(cache=True, nogil=True)
def _last_before(time, first, last, bound):
    while last > first and time[last - 1] >= bound:
        last -= 1
    return last


@njit(cache=True, nogil=True)
def train_block(lines, state, out, rules, users, end_us):
    """Training samples of the users [users[0], users[1]); see `rules.train_samples`."""
    for user in range(users[0], users[1]):
        first = lines.offsets[user]
        last = _last_before(lines.time, first, lines.offsets[user + 1], end_us)
        last_imp = lines.imp_offsets[user + 1]
        out.counts[0] += last - first
        ends = session_ends(lines.time, lines.session, first, last, rules[GAP], rules[MAX_SHORT])
        begin_user(lines, state, user)
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
            row = list_at(lines, state, out, rules, tau, start, last_imp, True)
            for t in range(start, end):
                tau = lines.time[t]
                out.now[out.size[POSITIONS]] = list_at(
                    lines, state, out, rules, tau, t + 1, last_imp, False
                )
                out.size[POSITIONS] += 1
            _add_sample(lines, out, rules, user, start, end, label_end, row)
        end_user(lines, state, user)


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
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
        # A share such as 0.28 is not exact: 0.28 x 25 would be more than 7, and 8.
        known = held + max(1, int(np.ceil(share * inside - 1e-9)))
        if not _add_truth(lines, state, out, held, known, last):
            out.counts[2] += 1
            continue
        _add_query(lines, state, out, rules, user, first, known, lines.time[known - 1])


@njit(cache=True, nogil=True)
def _add_query(lines, state, out, rules, user, first, known, now):
    """Add the last session of the clicks [first, known), with the list as of `now` at its end."""
    ends = session_ends(lines.time, lines.session, first, known, rules[GAP], rules[MAX_SHORT])
    start = first
    while ends[start - first] < known:
        start = ends[start - first]
    begin_user(lines, state, user)
    last_imp = lines.imp_offsets[user + 1]
    row = list_at(lines, state, out, rules, lines.time[start], start, last_imp, True)
    # Only the last position of such a sample is ever asked; the others get the empty row.
    size = out.size[POSITIONS] + known - start
    out.now[out.size[POSITIONS] : size - 1] = 0
    out.now[size - 1] = list_at(lines, state, out, rules, now, known, last_imp, False)
    out.size[POSITIONS] = size
    _add_sample(lines, out, rules, user, start, known, start, row)
    end_user(lines, state, user)


@njit(cache=True, nogil=True)
def latest_block(lines, state, out, rules, users, now):
    """Samples of the users [users[0], users[1]) as of `now`; see `rules.latest_samples`."""
    for user in range(users[0], users[1]):
        first = lines.offsets[user]
        known = _last_before(lines.time, first, lines.offsets[user + 1], now)
        out.counts[0] += known == first
        if known > first:
            _add_query(lines, state, out, rules, user, first, known, now)
