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
    visits: list[Showings] = []
    earliest = np.zeros(block.num_users, dtype=np.int64)
    for visit in range(block.knobs.feed_visits):
        hour = min(FEED_HOUR + FEED_HOURS_APART * visit, SHOP_HOUR)
        start = np.maximum(_start(block, day, hour, FEED_HOURS_APART), earliest)
        visits.append(_feed_visit(block, day, start))
        earliest = visits[-1].time_us.reshape(block.num_users, -1)[:, -1]
    visits.append(_shopping_visit(block, day, earliest))
    return visits


def _start(block: UserBlock, day: int, hour: int, hours: int) -> IntArray:
    """Start of a visit in microseconds, uniform over some hours [users]."""
    offset = (24 * day + hour + hours * block.rng.random(block.num_users)) * HOUR_US
    return offset.astype(np.int64)


def _times(block: UserBlock, start: IntArray, count: int) -> IntArray:
    """Times of `count` impressions after a start, in microseconds [users, count]."""
    gaps = block.rng.exponential(block.knobs.gap_seconds * 1e6, (start.size, count))
    return start[:, None] + np.cumsum(1 + gaps.astype(np.int64), axis=1)


def _click(block: UserBlock, item: IntArray, need: BoolArray, idle: float) -> BoolArray:
    """Whether each user clicks an item [users]; `idle` is the chance without a need."""
    knobs = block.knobs
    accepted = block.accepted[block.rows, block.catalogue.brand[item]]
    wanted = np.where(accepted, knobs.click_need, knobs.click_wrong_brand)
    return block.rng.random(item.size) < np.where(need, wanted, idle)


def _feed_visit(block: UserBlock, day: int, start: IntArray) -> Showings:
    """A look at the feed, where the site guesses the interest of every place."""
    knobs, count = block.knobs, block.knobs.feed_impressions
    edges = np.cumsum(block.feed_chances(day), axis=1)
    draws = block.rng.random((block.num_users, count)) * edges[:, -1:]
    interest = (edges[:, None, :-1] <= draws[:, :, None]).sum(axis=2)
    slot = block.rng.integers(0, knobs.feed_pool, interest.shape)
    need = np.take_along_axis(block.is_need, interest, axis=1)
    item = np.empty_like(interest)
    clicked = np.empty(interest.shape, dtype=np.bool_)
    for step in range(count):
        where = (block.rows, interest[:, step], slot[:, step])
        item[:, step] = block.feed_pool[where]
        aimed_at_need = need[:, step] & (knobs.feed == "abandoned")
        click = _click(block, item[:, step], aimed_at_need, knobs.click_feed)
        clicked[:, step] = click
        block.replace(block.feed_pool, (where[0][click], where[1][click], where[2][click]))
    user = np.repeat(block.rows, count)
    times = _times(block, start, count)
    return Showings(user, item.ravel(), times.ravel(), clicked.ravel())


def _shopping_visit(block: UserBlock, day: int, earliest: IntArray) -> Showings:
    """A search through pages of needs and of other interests, on some of the days."""
    knobs, rng = block.knobs, block.rng
    last = day == knobs.num_days - 1
    comes = rng.random(block.num_users) < (1.0 if last else knobs.shop_probability)
    start = np.maximum(_start(block, day, SHOP_HOUR, SHOP_HOURS), earliest)
    pages = _pages(block, day)
    shape = (block.num_users, pages.shape[1], knobs.shop_pool)
    item = np.empty(shape, dtype=np.int64)
    clicked = np.empty(shape, dtype=np.bool_)
    for page in range(shape[1]):
        interest = pages[:, page]
        need = block.is_need[block.rows, interest]
        item[:, page] = block.shop_pool[block.rows, interest]
        for slot in range(shape[2]):
            click = comes & _click(block, item[:, page, slot], need, knobs.click_other)
            clicked[:, page, slot] = click
            user = block.rows[click]
            place = (user, interest[click], np.full(user.size, slot))
            block.replace(block.shop_pool, place)
    times = _times(block, start, shape[1] * shape[2])
    keep = np.repeat(comes, shape[1] * shape[2])
    user = np.repeat(block.rows, shape[1] * shape[2])
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
