"""What a service would ask at one moment, against the twin in plain Python."""

from __future__ import annotations

import numpy as np
from tests.data import rules_twin as twin
from tests.data.test_rules import (
    as_tuple,
    changed_after,
    compiled_rules,
    random_rules,
    random_user,
    timelines,
    unpacked,
)

from unclicked.data.rules import latest_samples


def test_equal_to_the_twin_on_2000_random_timelines() -> None:
    rng = np.random.default_rng(23)
    compared = without = 0
    for _ in range(40):
        users = [random_user(rng, int(rng.integers(2, 25))) for _ in range(50)]
        rules = random_rules(rng)
        lines = timelines(users, 25)
        last = max((c[0] for u in users for c in u[1]), default=0)
        now = int(rng.integers(0, last + 2_000_000))
        found = latest_samples(lines, compiled_rules(rules), now_us=now)
        twins = [(u, twin.twin_latest(i, c, now, rules)) for u, (i, c) in enumerate(users)]
        assert unpacked(found, lines) == [as_tuple(u, s, True) for u, s in twins if s is not None]
        assert found.counts["users_without_click"] == sum(s is None for _, s in twins)
        compared += len(found)
        without += found.counts["users_without_click"]
    assert compared > 1_000 and without > 50


def test_what_comes_after_the_moment_changes_nothing() -> None:
    rng = np.random.default_rng(29)
    rules = compiled_rules(twin.TwinRules(min_exposures=1, max_unclicked=5))
    for _ in range(50):
        users = [random_user(rng, 12) for _ in range(5)]
        last = max((c[0] for u in users for c in u[1]), default=1)
        now = int(rng.integers(0, last + 1))
        before, after = timelines(users, 12), timelines(changed_after(users, now, rng, 12), 12)
        old = latest_samples(before, rules, now_us=now)
        new = latest_samples(after, rules, now_us=now)
        assert unpacked(old, before) == unpacked(new, after)
