"""What a service would ask at one moment, against the twin in plain Python."""

from __future__ import annotations

from collections import Counter

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
from unclicked.data.rules import latest_samples, train_samples
from unclicked.data.samples import UNCLICKED_COUNTS


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


def test_the_tallies_add_up_what_each_list_lost() -> None:
    rng = np.random.default_rng(31)
    total = np.zeros(4, dtype=np.int64)
    for _ in range(40):
        users = [random_user(rng, int(rng.integers(2, 25))) for _ in range(10)]
        rules = random_rules(rng)
        lines = timelines(users, 25)
        expected = np.zeros(4, dtype=np.int64)
        end = max((c[0] for u in users for c in u[1]), default=0) + 1
        for impressions, clicks in users:
            for start, stop in twin.twin_sessions(clicks, rules.gap, rules.max_short):
                last = stop if rules.within_session else len(clicks)
                if stop - start < rules.min_session or last - start < 2:
                    continue
                expected += tally(impressions, clicks, start, rules)
        found = train_samples(lines, compiled_rules(rules), end_us=end).counts
        assert [found[name] for name in UNCLICKED_COUNTS] == expected.tolist()
        total += expected
    assert (total > 100).all()


def tally(impressions, clicks, start: int, rules: twin.TwinRules) -> list[int]:
    """Items of a session's window: all, clicked, shown too rarely, beyond the longest list."""
    tau = clicks[start][0]
    begin = tau - rules.window
    shown = Counter(item for time, item in impressions if begin <= time < tau)
    clicked = {item for time, item, _ in clicks[:start] if time >= begin}
    rare = [i for i, n in shown.items() if n < rules.min_exposures and i not in clicked]
    kept = len(shown) - len(clicked & shown.keys()) - len(rare)
    beyond = max(kept - rules.max_unclicked, 0)
    return [len(shown), len(clicked & shown.keys()), len(rare), beyond]
