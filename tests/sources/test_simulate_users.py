"""Items of an interest take turns in the feed."""

from __future__ import annotations

from collections import Counter

import numpy as np

from unclicked.sources.simulate_catalogue import draw_catalogue
from unclicked.sources.simulate_presets import preset_knobs
from unclicked.sources.simulate_users import UserBlock


def test_turns_go_round() -> None:
    knobs = preset_knobs("taobao", num_items=500, feed_pool=3)
    rng = np.random.default_rng(0)
    block = UserBlock(rng, draw_catalogue(rng, knobs), knobs, 4)
    rows = np.array([1, 3])
    first = block.take_turns(rows, np.array([[2, 0, 2, 2, 2], [1, 1, 0, 5, 5]]))
    assert first.tolist() == [[0, 0, 1, 2, 0], [0, 1, 0, 0, 1]]
    second = block.take_turns(rows, np.array([[0, 2, 2, 1, 0], [5, 0, 1, 1, 1]]))
    assert second.tolist() == [[1, 1, 2, 0, 2], [2, 1, 2, 0, 1]]
    assert not block.turn[[0, 2]].any()


def test_turns_as_a_loop_would_give_them() -> None:
    knobs = preset_knobs("taobao", num_items=500)
    rng = np.random.default_rng(7)
    block = UserBlock(rng, draw_catalogue(rng, knobs), knobs, 6)
    shown: Counter[tuple[int, int]] = Counter()
    for _ in range(4):
        rows = np.flatnonzero(rng.random(6) < 0.6)
        interest = rng.integers(0, knobs.interests_per_user, (rows.size, 20))
        slots = block.take_turns(rows, interest)
        for row, user in enumerate(rows.tolist()):
            for place, which in enumerate(interest[row].tolist()):
                assert slots[row, place] == shown[user, which] % knobs.feed_pool
                shown[user, which] += 1


def test_chances_to_come_lie_evenly_around_the_mean() -> None:
    knobs = preset_knobs("taobao", num_items=500, shop_probability=0.4, shop_spread=0.3)
    rng = np.random.default_rng(2)
    block = UserBlock(rng, draw_catalogue(rng, knobs), knobs, 4000)
    shares = np.histogram(block.shop_chance, bins=[0.1, 0.25, 0.4, 0.55, 0.7])[0] / 4000
    np.testing.assert_allclose(shares, 0.25, atol=0.03)
