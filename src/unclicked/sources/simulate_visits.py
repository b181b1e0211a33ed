"""Visits of the simulated users: which items are shown when, and which are clicked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unclicked.sources.simulate_catalogue import BoolArray, IntArray
from unclicked.sources.simulate_users import UserBlock

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
FEED_HOUR = 8
FEED_HOURS_APART = 3
SHOP_HOUR = 17
SHOP_HOURS = 4


@dataclass(frozen=True)
class Showings:
    """Impressions of one visit of many users.

    Args:
        user: Row of the user in the block, int64 [rows].
        item: Item shown, int64 [rows].
        time_us: Microseconds since the log's first midnight, int64 [rows].
        clicked: Whether it was clicked, bool [rows].
    """

    user: IntArray
    item: IntArray
    time_us: IntArray
    clicked: BoolArray


def simulate_day(block: UserBlock, day: int) -> list[Showings]:
    """One day of a block of users: its visits to the feed, then its shopping visits.

    Args:
        block: The users, whose needs and pools change.
        day: Number of the day, 0-based.

    Returns:
        The impressions of each visit.
    """
    block.advance(day)
    knobs, rows = block.knobs, block.rows
    only_shoppers = knobs.feed_days == "shopping"
    if only_shoppers:
        rows = rows[_comes(block, day)]
    visits: list[Showings] = []
    earliest = np.zeros(rows.size, dtype=np.int64)
    places = (rows[:, None], rows[:, None])
    for visit in range(knobs.feed_visits):
        hour = min(FEED_HOUR + FEED_HOURS_APART * visit, SHOP_HOUR)
        start = np.maximum(_start(block, rows, day, hour, FEED_HOURS_APART), earliest)
        if visit % knobs.feed_turns == 0:
            places = _places(block, rows, day)
        visits.append(_feed_visit(block, rows, places, start))
        earliest = visits[-1].time_us.reshape(rows.size, -1)[:, -1]
    comes = np.ones(rows.size, dtype=np.bool_) if only_shoppers else _comes(block, day)
    visits.append(_shopping_visit(block, rows, comes, day, earliest))
    return visits


def _comes(block: UserBlock, day: int) -> BoolArray:
    """Who makes a shopping visit on a day [users]; on the last one also who never did before."""
    last = day == block.knobs.num_days - 1
    chance = block.knobs.shop_last_day if last else block.shop_chance
    comes: BoolArray = block.rng.random(block.num_users) < chance
    if last:
        comes |= ~block.came
    block.came |= comes
    return comes


def _start(block: UserBlock, rows: IntArray, day: int, hour: int, hours: int) -> IntArray:
    """Start of a visit in microseconds, uniform over some hours [rows]."""
    offset = (24 * day + hour + hours * block.rng.random(rows.size)) * HOUR_US
    return offset.astype(np.int64)


def _times(block: UserBlock, start: IntArray, count: int) -> IntArray:
    """Times of `count` impressions after a start, in microseconds [rows, count]."""
    gaps = block.rng.exponential(block.knobs.gap_seconds * 1e6, (start.size, count))
    return start[:, None] + np.cumsum(1 + gaps.astype(np.int64), axis=1)


def _click(
    block: UserBlock, rows: IntArray, item: IntArray, need: BoolArray, idle: float
) -> BoolArray:
    """Whether each user clicks an item [rows]; `idle` is the chance without a need."""
    knobs = block.knobs
    accepted = block.accepted[rows, block.catalogue.group[item]]
    wanted = np.where(accepted, knobs.click_need, knobs.click_wrong_brand)
    return block.rng.random(item.size) < np.where(need, wanted, idle)


def _places(block: UserBlock, rows: IntArray, day: int) -> tuple[IntArray, IntArray]:
    """Interest and slot of every place of the feed [rows, places]."""
    knobs = block.knobs
    edges = np.cumsum(block.feed_chances(day)[rows], axis=1)
    draws = block.rng.random((rows.size, knobs.feed_impressions)) * edges[:, -1:]
    interest = (edges[:, None, :-1] <= draws[:, :, None]).sum(axis=2)
    if knobs.feed_turns > 1:
        return interest, block.take_turns(rows, interest)
    return interest, block.rng.integers(0, knobs.feed_pool, interest.shape)


def _feed_visit(
    block: UserBlock, rows: IntArray, places: tuple[IntArray, IntArray], start: IntArray
) -> Showings:
    """A look at the feed."""
    knobs, (interest, slot) = block.knobs, places
    need = block.is_need[rows[:, None], interest]
    item = np.empty_like(interest)
    clicked = np.empty(interest.shape, dtype=np.bool_)
    for step in range(interest.shape[1]):
        where = (rows, interest[:, step], slot[:, step])
        item[:, step] = block.feed_pool[where]
        aimed_at_need = need[:, step] & (knobs.feed == "abandoned")
        click = _click(block, rows, item[:, step], aimed_at_need, knobs.click_feed)
        clicked[:, step] = click
        block.replace(block.feed_pool, (where[0][click], where[1][click], where[2][click]))
    user = np.repeat(rows, interest.shape[1])
    times = _times(block, start, interest.shape[1])
    return Showings(user, item.ravel(), times.ravel(), clicked.ravel())


def _shopping_visit(
    block: UserBlock, rows: IntArray, comes: BoolArray, day: int, earliest: IntArray
) -> Showings:
    """A search through pages of needs and of other interests, for those who come."""
    knobs = block.knobs
    start = np.maximum(_start(block, rows, day, SHOP_HOUR, SHOP_HOURS), earliest)
    pages = _pages(block, day)[rows]
    shape = (rows.size, pages.shape[1], knobs.shop_pool)
    item = np.empty(shape, dtype=np.int64)
    clicked = np.empty(shape, dtype=np.bool_)
    for page in range(shape[1]):
        interest = pages[:, page]
        need = block.is_need[rows, interest]
        item[:, page] = block.shop_pool[rows, interest]
        for slot in range(shape[2]):
            click = comes & _click(block, rows, item[:, page, slot], need, knobs.click_other)
            clicked[:, page, slot] = click
            user = rows[click]
            place = (user, interest[click], np.full(user.size, slot))
            block.replace(block.shop_pool, place)
    times = _times(block, start, shape[1] * shape[2])
    keep = np.repeat(comes, shape[1] * shape[2])
    user = np.repeat(rows, shape[1] * shape[2])
    return Showings(
        user[keep],
        item.ravel()[keep],
        times.ravel()[keep],
        clicked.ravel()[keep],
    )


def _pages(block: UserBlock, day: int) -> IntArray:
    """Interests of a shopping visit's pages in random order [users, pages]."""
    knobs = block.knobs
    keys = block.rng.random(block.is_need.shape)
    if knobs.feed == "abandoned":
        keys = keys - block.abandoned(day)
    keys[block.is_need] -= 2.0
    count = knobs.needs_per_user + knobs.shop_other_pages
    chosen = np.argsort(keys, axis=1)[:, :count]
    return block.rng.permuted(chosen, axis=1)
