"""What the sweep knows of one user's window: the showings in it, and which items are unclicked."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.int64]

# Positions in the packed rules.
GAP, MIN_SESSION, MAX_SHORT, LONG_WINDOW, WINDOW, MIN_EXPOSURES, MAX_UNCLICKED, WITHIN = range(8)
# Positions in a cursor: the window's ends, clicks already told and those that left the window, the
# last mark, the last row; then distinct items in the window: all, clicked ones, unclicked ones.
LOW, HIGH, TOLD, GONE, MARK, LAST_ROW, DISTINCT, CLICKED, ELIGIBLE = range(9)
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

    held: NDArray[np.uint8]
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


@njit(cache=True, nogil=True)
def _show(state, rules, item, change):
    """One showing more or less of an item in the window; the counts of distinct items follow."""
    cursor = state.cursor
    before = state.shown[item]
    after = before + change
    state.shown[item] = after
    cursor[DISTINCT] += (after > 0) - (before > 0)
    if state.held[item]:
        cursor[CLICKED] += (after > 0) - (before > 0)
    else:
        least = rules[MIN_EXPOSURES]
        cursor[ELIGIBLE] += (after >= least) - (before >= least)


@njit(cache=True, nogil=True)
def _hold(state, rules, item, held):
    """Whether an item has a known click in the window; the counts of distinct items follow."""
    if state.held[item] == held:
        return
    state.held[item] = held
    sign = 1 if held else -1
    state.cursor[CLICKED] += sign * (state.shown[item] > 0)
    state.cursor[ELIGIBLE] -= sign * (state.shown[item] >= rules[MIN_EXPOSURES])


@njit(cache=True, nogil=True)
def _move_window(lines, state, rules, tau, known, last_imp):
    """Let the window end before `tau`, with the clicks before `known` told."""
    begin = tau - rules[WINDOW]
    cursor = state.cursor
    while cursor[HIGH] < last_imp and lines.imp_time[cursor[HIGH]] < tau:
        _show(state, rules, lines.imp_item[cursor[HIGH]], 1)
        cursor[HIGH] += 1
    while cursor[LOW] < cursor[HIGH] and lines.imp_time[cursor[LOW]] < begin:
        _show(state, rules, lines.imp_item[cursor[LOW]], -1)
        cursor[LOW] += 1
    while cursor[TOLD] < known:
        item = lines.item[cursor[TOLD]]
        state.when[item] = lines.time[cursor[TOLD]]
        _hold(state, rules, item, 1)
        cursor[TOLD] += 1
    while cursor[GONE] < cursor[TOLD] and lines.time[cursor[GONE]] < begin:
        item = lines.item[cursor[GONE]]
        # A later click of the same item still holds it.
        if state.when[item] < begin:
            _hold(state, rules, item, 0)
        cursor[GONE] += 1


@njit(cache=True, nogil=True)
def _collect(lines, state, rules):
    """Walk the window backwards: last shown first, each item once, until the list is whole."""
    kept = 0
    state.cursor[MARK] += 1
    mark = state.cursor[MARK]
    wanted = min(state.cursor[ELIGIBLE], rules[MAX_UNCLICKED])
    index = state.cursor[HIGH]
    while kept < wanted:
        index -= 1
        item = lines.imp_item[index]
        if state.stamp[item] == mark:
            continue
        state.stamp[item] = mark
        if not state.held[item] and state.shown[item] >= rules[MIN_EXPOSURES]:
            state.found[kept] = item
            kept += 1
    return kept


@njit(cache=True, nogil=True)
def _tell(state, rules):
    """Add up what the rules made of the items in the window."""
    cursor = state.cursor
    state.tally[0] += cursor[DISTINCT]
    state.tally[1] += cursor[CLICKED]
    state.tally[2] += cursor[DISTINCT] - cursor[CLICKED] - cursor[ELIGIBLE]
    state.tally[3] += max(cursor[ELIGIBLE] - rules[MAX_UNCLICKED], 0)


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def list_at(lines, state, out, rules, tau, known, last_imp, telling):
    """Row of the unclicked list as of `tau`, with the clicks before `known` told."""
    _move_window(lines, state, rules, tau, known, last_imp)
    if telling:
        _tell(state, rules)
    kept = _collect(lines, state, rules)
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


@njit(cache=True, nogil=True)
def begin_user(lines, state, user):
    """Start with an empty window at a user's first impression and click."""
    state.cursor[LOW] = state.cursor[HIGH] = lines.imp_offsets[user]
    state.cursor[TOLD] = state.cursor[GONE] = lines.offsets[user]
    state.cursor[LAST_ROW] = 0
    state.cursor[DISTINCT] = state.cursor[CLICKED] = state.cursor[ELIGIBLE] = 0


@njit(cache=True, nogil=True)
def end_user(lines, state, user):
    """Forget a user: every item as if it had never been shown or clicked."""
    for index in range(state.cursor[LOW], state.cursor[HIGH]):
        state.shown[lines.imp_item[index]] = 0
    for index in range(lines.offsets[user], state.cursor[TOLD]):
        state.when[lines.item[index]] = NEVER
        state.held[lines.item[index]] = 0
