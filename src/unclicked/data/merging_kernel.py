"""The compiled passes that bring rows into the order of users, times and items, and merge them."""

from __future__ import annotations

import numpy as np
from numba import njit

# Longer stretches of one user that are out of order are sorted by a library.
_SHORT = 48


@njit(cache=True, nogil=True)
def count_codes(codes, counts):
    """Add up how often each code occurs."""
    for row in range(len(codes)):
        counts[codes[row]] += 1


@njit(cache=True, nogil=True)
def places_of(user, part_of, cursor, place):
    """Where each row goes: behind the last row of its user's part."""
    for row in range(len(user)):
        part = part_of[user[row]]
        place[row] = cursor[part]
        cursor[part] += 1


@njit(cache=True, nogil=True)
def put(values, place, out):
    """Put values to their places."""
    for row in range(len(values)):
        out[place[row]] = values[row]


@njit(cache=True, nogil=True)
def put_ranks(codes, rank, missing, place, out):
    """Put the ranks of codes to their places; a negative code has none."""
    for row in range(len(codes)):
        code = codes[row]
        out[place[row]] = rank[code] if code >= 0 else missing


@njit(cache=True, nogil=True)
def place_by_user(user, first, offsets, place):
    """Offsets of the users from `first` on, and the place of each row behind its user's last."""
    offsets[:] = 0
    for row in range(len(user)):
        offsets[user[row] - first + 1] += 1
    for index in range(1, len(offsets)):
        offsets[index] += offsets[index - 1]
    cursor = offsets[:-1].copy()
    for row in range(len(user)):
        index = user[row] - first
        place[row] = cursor[index]
        cursor[index] += 1


@njit(cache=True, nogil=True)
def _in_order(time, item, begin, end):
    for row in range(begin + 1, end):
        if time[row] < time[row - 1]:
            return False
        if time[row] == time[row - 1] and item[row] < item[row - 1]:
            return False
    return True


@njit(cache=True, nogil=True)
def _insert(time, item, order, begin, end):
    """Sort positions [begin, end) of an order by time and item."""
    for index in range(begin + 1, end):
        one, place = order[index], index
        while place > begin:
            other = order[place - 1]
            if time[other] < time[one] or (time[other] == time[one] and item[other] <= item[one]):
                break
            order[place] = other
            place -= 1
        order[place] = one


@njit(cache=True, nogil=True)
def _sorted_rows(time, item, begin, end):
    """Rows [begin, end) in the order of time and item."""
    if end - begin <= _SHORT:
        order = np.arange(begin, end)
        _insert(time, item, order, 0, len(order))
        return order
    order = np.argsort(time[begin:end], kind="mergesort") + begin
    first = 0
    for index in range(1, len(order) + 1):
        if index < len(order) and time[order[index]] == time[order[first]]:
            continue
        if index - first > _SHORT:
            tied = order[first:index]
            order[first:index] = tied[np.argsort(item[tied], kind="mergesort")]
        else:
            _insert(time, item, order, first, index)
        first = index
    return order


@njit(cache=True, nogil=True)
def sort_users(offsets, item, time, clicked, click_time, session):
    """Sort each user's rows by time and item; the last two columns may have no row."""
    for user in range(len(offsets) - 1):
        begin, end = offsets[user], offsets[user + 1]
        if _in_order(time, item, begin, end):
            continue
        order = _sorted_rows(time, item, begin, end)
        item[begin:end] = item[order]
        time[begin:end] = time[order]
        clicked[begin:end] = clicked[order]
        if len(click_time):
            click_time[begin:end] = click_time[order]
        if len(session):
            session[begin:end] = session[order]


@njit(cache=True, nogil=True)
def merge_equal(offsets, item, time, clicked, click_time, session):
    """Keep one row per user, item and time; offsets then count the kept rows.

    Returns how many keys were there both clicked and unclicked.
    """
    conflicts = kept = begin = 0
    for user in range(len(offsets) - 1):
        end, first = offsets[user + 1], kept
        mixed = False
        for row in range(begin, end):
            last = kept - 1
            if kept > first and time[row] == time[last] and item[row] == item[last]:
                if clicked[row] != clicked[last] and not mixed:
                    conflicts += 1
                    mixed = True
                clicked[last] = clicked[last] or clicked[row]
                if len(click_time):
                    click_time[last] = min(click_time[last], click_time[row])
                if len(session):
                    session[last] = min(session[last], session[row])
                continue
            mixed = False
            item[kept], time[kept], clicked[kept] = item[row], time[row], clicked[row]
            if len(click_time):
                click_time[kept] = click_time[row]
            if len(session):
                session[kept] = session[row]
            kept += 1
        begin = end
        offsets[user + 1] = kept
    return conflicts


@njit(cache=True, nogil=True)
def clicks_in_order(offsets, item, clicked, click_time, rows, click_offsets):
    """Rows of the clicks, user by user, by time of the click and then by item."""
    found = 0
    for user in range(len(offsets) - 1):
        first = found
        for row in range(offsets[user], offsets[user + 1]):
            if clicked[row]:
                rows[found] = row
                found += 1
        if found - first > _SHORT and not _in_order_by(click_time, item, rows, first, found):
            these = rows[first:found]
            order = _sorted_rows(click_time[these], item[these], 0, len(these))
            rows[first:found] = these[order]
        else:
            _insert(click_time, item, rows, first, found)
        click_offsets[user + 1] = found


@njit(cache=True, nogil=True)
def _in_order_by(time, item, rows, first, end):
    for index in range(first + 1, end):
        one, other = rows[index], rows[index - 1]
        if time[one] < time[other] or (time[one] == time[other] and item[one] < item[other]):
            return False
    return True
