"""Users of the simulated log: what they need on each day and which items wait for them."""

from __future__ import annotations

import numpy as np

from unclicked.sources.simulate_catalogue import (
    BoolArray,
    Catalogue,
    FloatArray,
    IntArray,
    draw_items,
    draw_leaves,
    try_items,
)
from unclicked.sources.simulate_knobs import SimulationKnobs

NEVER = -(10**6)
# Leaves up to which interests are drawn by sorting random numbers for all of them.
MOST_SORTED_LEAVES = 4096


class UserBlock:
    """A block of users with their interests, needs and pools, advanced day by day.

    Args:
        rng: Source of randomness of this block.
        catalogue: The items.
        knobs: The recipe.
        num_users: Users in the block.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        catalogue: Catalogue,
        knobs: SimulationKnobs,
        num_users: int,
    ) -> None:
        self.rng, self.catalogue, self.knobs, self.num_users = rng, catalogue, knobs, num_users
        self._draw = try_items if knobs.draws == "tries" else draw_items
        self.rows: IntArray = np.arange(num_users)
        self.interests = self._interests()
        self.accepted: BoolArray = np.zeros((num_users, knobs.brands_to_accept), dtype=np.bool_)
        brands = self._choose(knobs.brands_to_accept, knobs.accepted_brands)
        np.put_along_axis(self.accepted, brands, True, axis=1)
        self.is_need: BoolArray = np.zeros((num_users, knobs.interests_per_user), dtype=np.bool_)
        needs = self._choose(knobs.interests_per_user, knobs.needs_per_user)
        np.put_along_axis(self.is_need, needs, True, axis=1)
        self.abandoned_day: IntArray = np.full(self.is_need.shape, NEVER)
        self.feed_brands = self._feed_brands()
        self.shop_pool = self._pool(knobs.shop_pool, np.ones_like(self.accepted))
        self.feed_pool = self._feed_pool()
        self.shop_chance: FloatArray = np.full(num_users, knobs.shop_probability)
        if knobs.shop_spread > 0:
            self.shop_chance += knobs.shop_spread * (2.0 * rng.random(num_users) - 1.0)
        self.came: BoolArray = np.zeros(num_users, dtype=np.bool_)
        self.turn: IntArray = np.zeros(self.is_need.shape, dtype=np.int64)
        # Days before the log begins, so that its first day already has abandoned needs.
        for day in range(-knobs.lag_days, 0):
            self.advance(day)

    def _choose(self, total: int, count: int) -> IntArray:
        """`count` distinct numbers below `total` for each user, in random order."""
        keys = self.rng.random((self.num_users, total))
        return np.argsort(keys, axis=1)[:, :count]

    def _interests(self) -> IntArray:
        """Leaves that each user can need, int64 [users, interests]."""
        knobs = self.knobs
        if knobs.leaf_sigma > 0 or knobs.num_leaves > MOST_SORTED_LEAVES:
            return draw_leaves(self.rng, self.catalogue, self.num_users, knobs.interests_per_user)
        return self._choose(knobs.num_leaves, knobs.interests_per_user)

    def _feed_brands(self) -> BoolArray:
        """Whether a slot of the feed is for accepted brands [users, interests, slots]."""
        shape = (*self.is_need.shape, self.knobs.feed_pool)
        return self.rng.random(shape) < self.knobs.feed_accepted_share

    def _pool(self, size: int, brand_mask: BoolArray) -> IntArray:
        """Items that wait for each user in each interest, int64 [users, interests, size]."""
        leaf = self.interests.ravel()
        nothing = np.full((leaf.size, 1), -1)
        mask = np.repeat(brand_mask, self.interests.shape[1], axis=0)
        items = self._draw(self.rng, self.catalogue, leaf, mask, nothing, size)
        return items.reshape(*self.interests.shape, size)

    def _feed_pool(self) -> IntArray:
        if self.knobs.draws == "tries" and not self.feed_brands.any():
            return self._pool(self.knobs.feed_pool, ~self.accepted)
        accepted = self._pool(self.knobs.feed_pool, self.accepted)
        others = self._pool(self.knobs.feed_pool, ~self.accepted)
        return np.where(self.feed_brands, accepted, others)

    def advance(self, day: int) -> None:
        """Lets needs end and new ones begin at the start of a day.

        Args:
            day: Number of the day; 0 is the first of the log.
        """
        knobs, rng = self.knobs, self.rng
        redraw = rng.random(self.num_users) < knobs.redraw_probability
        ended = self.is_need & (rng.random(self.is_need.shape) < knobs.end_probability)
        keys = rng.random(self.is_need.shape)
        # A need that ended gives way to the interest that was abandoned longest ago.
        one_by_one = np.where(self.is_need & ~ended, -1e9, keys + self.abandoned_day)
        one_by_one[ended] = 1e9
        keys = np.where(redraw[:, None], keys, one_by_one)
        chosen = np.argsort(keys, axis=1)[:, : knobs.needs_per_user]
        needs = np.zeros_like(self.is_need)
        np.put_along_axis(needs, chosen, True, axis=1)
        self.abandoned_day[self.is_need & ~needs] = day
        self.is_need = needs

    def feed_chances(self, day: int) -> FloatArray:
        """Chance of each interest to fill a place in the feed.

        Args:
            day: Number of the day.

        Returns:
            float64 [users, interests]; each row sums to 1.
        """
        eta = self.knobs.eta
        guess = self.is_need if self.knobs.feed == "needs" else self.abandoned(day)
        hits = guess.sum(axis=1, keepdims=True)
        anything = np.full(guess.shape, 1.0 / guess.shape[1])
        aimed = np.where(hits > 0, guess / np.maximum(hits, 1), anything)
        return eta * aimed + (1.0 - eta) * anything

    def abandoned(self, day: int) -> BoolArray:
        """Interests that were needs within the last `lag_days` days and are no more."""
        return ~self.is_need & (self.abandoned_day > day - self.knobs.lag_days)

    def take_turns(self, rows: IntArray, interest: IntArray) -> IntArray:
        """Slots of the feed's places when the items of each interest take turns.

        Args:
            rows: Users, int64 [n], distinct.
            interest: Interest of each place, int64 [n, places].

        Returns:
            Slots, int64 [n, places]; the next visit goes on after them.
        """
        order = np.argsort(interest, axis=1, kind="stable")
        ordered = np.take_along_axis(interest, order, axis=1)
        places = np.arange(interest.shape[1])
        begins = np.where(ordered[:, 1:] != ordered[:, :-1], places[1:], 0)
        begin = np.maximum.accumulate(np.pad(begins, ((0, 0), (1, 0))), axis=1)
        earlier = np.empty_like(order)
        np.put_along_axis(earlier, order, places - begin, axis=1)
        slot = (self.turn[rows[:, None], interest] + earlier) % self.knobs.feed_pool
        np.add.at(self.turn, (rows[:, None], interest), 1)
        return slot

    def replace(self, pool: IntArray, place: tuple[IntArray, IntArray, IntArray]) -> None:
        """Puts a new item of the same leaf where one was clicked.

        Args:
            pool: `shop_pool` or `feed_pool`, changed in place.
            place: Row of the user, interest and slot of each click, int64 [clicks] each; one
                click per user.
        """
        user, interest, slot = place
        if user.size == 0:
            return
        if pool is self.shop_pool:
            mask = np.ones((user.size, self.knobs.brands_to_accept), dtype=np.bool_)
        else:
            mask = self.accepted[user] == self.feed_brands[user, interest, slot][:, None]
        leaf = self.interests[user, interest]
        banned = pool[user, interest]
        new = self._draw(self.rng, self.catalogue, leaf, mask, banned, 1)
        pool[user, interest, slot] = new[:, 0]
