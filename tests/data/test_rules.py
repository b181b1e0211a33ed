"""The compiled rules against worked examples and against their twin in plain Python."""

from __future__ import annotations

import numpy as np
import pytest

from tests.data import rules_twin as twin
from unclicked.data.rules import (
    Rules,
    Samples,
    Timelines,
    held_out_samples,
    train_samples,
)
from unclicked.data.rules_kernel import session_ends

DAY = twin.DAY


def timelines(users, num_items):
    """users: list of (impressions [(time, item)], clicks [(time, item, session | None)])."""
    imps = [sorted(u[0]) for u in users]
    clicks = [u[1] for u in users]

    def offsets(lists):
        return np.cumsum([0] + [len(x) for x in lists]).astype(np.int64)

    flat_i = [x for u in imps for x in u]
    flat_c = [x for u in clicks for x in u]
    return Timelines(
        impression_offsets=offsets(imps),
        impression_time_us=np.array([x[0] for x in flat_i], dtype=np.int64),
        impression_item=np.array([x[1] for x in flat_i], dtype=np.int32),
        click_offsets=offsets(clicks),
        click_time_us=np.array([x[0] for x in flat_c], dtype=np.int64),
        click_item=np.array([x[1] for x in flat_c], dtype=np.int32),
        click_session=np.array([-1 if x[2] is None else x[2] for x in flat_c], dtype=np.int64),
        num_items=num_items,
    )


def compiled_rules(rules: twin.TwinRules) -> Rules:
    return Rules(
        gap_us=rules.gap,
        min_session_length=rules.min_session,
        max_short=rules.max_short,
        long_window_us=rules.long_window,
        window_us=rules.window,
        min_exposures=rules.min_exposures,
        max_unclicked=rules.max_unclicked,
        history_share=rules.history_share,
        labels_within_session=rules.within_session,
    )


def row(samples: Samples, index: int):
    begin, end = samples.row_offsets[index], samples.row_offsets[index + 1]
    return list(
        zip(
            samples.row_items[begin:end].tolist(),
            samples.row_counts[begin:end].tolist(),
            strict=True,
        )
    )


def unpacked(samples: Samples, lines: Timelines):
    """Samples in the twin's shape, with the user in front."""
    item = lines.click_item.tolist()
    result = []
    for s in range(len(samples)):
        start, end = samples.start[s], samples.end[s]
        first = samples.position_offsets[s]
        result.append(
            (
                int(samples.user[s]),
                item[start:end],
                item[samples.long_start[s] : start],
                [item[t + 1 : samples.label_end[s]] for t in range(start, end)],
                row(samples, samples.row_start[s]),
                [row(samples, samples.row_now[first + t]) for t in range(end - start)],
                set(
                    samples.truth_items[
                        samples.truth_offsets[s] : samples.truth_offsets[s + 1]
                    ].tolist()
                ),
            )
        )
    return result


def as_tuple(user, sample, held_out):
    labels = [[] for _ in sample.short] if held_out else sample.labels
    return (
        user,
        sample.short,
        sample.long,
        labels,
        sample.unclicked_start,
        sample.unclicked_now,
        sample.truth,
    )


SECONDS = 1_000_000
SESSION_EXAMPLE = [
    (0, "a", 1),
    (300, "b", 1),
    (1500, "c", 1),
    (2000, "d", 2),
    (2600, "e", 3),
    (3199, "f", 4),
    (3799, "g", 5),
]


@pytest.mark.parametrize(
    ("with_ids", "max_short", "expected"),
    [
        (True, 50, ["abcd", "ef", "g"]),
        (True, 3, ["abc", "d", "ef", "g"]),
        (False, 50, ["ab", "cd", "ef", "g"]),
    ],
)
def test_sessions_follow_both_rules(with_ids, max_short, expected):
    clicks = [(t * SECONDS, i, s if with_ids else None) for t, i, s in SESSION_EXAMPLE]
    found = twin.twin_sessions(clicks, 600 * SECONDS, max_short)
    assert ["".join(c[1] for c in clicks[s:e]) for s, e in found] == expected
    time = np.array([c[0] for c in clicks])
    session = np.array([-1 if c[2] is None else c[2] for c in clicks])
    ends = session_ends(time, session, 0, len(clicks), 600 * SECONDS, max_short)
    assert ends.tolist() == [end for start, end in found for _ in range(end - start)]


def test_120_clicks_make_sessions_of_50_50_and_20():
    time = np.arange(120) * 10 * SECONDS
    ends = session_ends(time, np.full(120, -1), 0, 120, 600 * SECONDS, 50)
    assert np.unique(ends, return_counts=True)[1].tolist() == [50, 50, 20]


def unclicked_example():
    tau = 10 * DAY
    a, b, c, d, e, f, g = range(1, 8)
    s = SECONDS
    shown = {
        a: [tau - 4 * DAY, tau - DAY],
        b: [tau - 2 * DAY, tau - 100 * s],
        c: [tau - 2 * DAY, tau - DAY],
        d: [tau - 50 * s, tau - 40 * s],
        e: [tau - 10 * s, tau + 5 * s],
        f: [tau - 3 * DAY, tau - 60 * s],
        g: [tau - 70 * s, tau - 65 * s, tau - 61 * s],
    }
    impressions = sorted((t, item) for item, times in shown.items() for t in times)
    clicks = sorted([(tau - DAY + s, c, None), (tau + 100 * s, g, None), (tau - 5 * DAY, d, None)])
    return tau, impressions, clicks


@pytest.mark.parametrize(("cap", "expected"), [(100, [2, 7, 6, 4]), (2, [6, 4])])
def test_unclicked_items_as_of_a_moment(cap, expected):
    tau, impressions, clicks = unclicked_example()
    rules = twin.TwinRules(max_unclicked=cap, min_session=1)
    known = sum(c[0] < tau for c in clicks)
    found = twin.twin_unclicked(impressions, clicks, known, tau, rules)
    assert [item for item, _ in found] == expected
    # A click on another item at tau opens a session there, so the compiled rules cut at tau too.
    clicks = sorted([*clicks, (tau, 8, None)])
    lines = timelines([(impressions, clicks)], 8)
    samples = train_samples(lines, compiled_rules(rules), end_us=tau + DAY)
    at_tau = [s for s in range(len(samples)) if lines.click_time_us[samples.start[s]] == tau]
    assert len(at_tau) == 1
    assert [item for item, _ in row(samples, samples.row_start[at_tau[0]])] == expected


def test_labels_run_over_the_session_border():
    gap = 3600 * SECONDS
    # Sessions abcd, ef, gh: a is followed by b c d e f, d by e f g h, h by nothing.
    hours = [0, 0, 0, 0, 1, 1, 2, 2]
    clicks = [(h * gap + i * SECONDS, i + 1, None) for i, h in enumerate(hours)]
    lines = timelines([([], clicks)], 8)
    samples = train_samples(lines, compiled_rules(twin.TwinRules()), end_us=DAY)
    labels = [one for sample in unpacked(samples, lines) for one in sample[3]]
    assert labels[0][:5] == [2, 3, 4, 5, 6]
    assert labels[3][:5] == [5, 6, 7, 8]
    assert labels[7] == []


def test_a_quarter_of_eleven_clicks_is_three():
    clicks = [(DAY + i * SECONDS, i + 1, None) for i in range(11)]
    lines = timelines([([], clicks)], 11)
    samples = held_out_samples(
        lines, compiled_rules(twin.TwinRules()), begin_us=DAY, end_us=2 * DAY
    )
    assert (samples.start[0], samples.end[0]) == (0, 3)
    assert sorted(samples.truth_items.tolist()) == [4, 5, 6, 7, 8, 9, 10, 11]


def random_user(rng, num_items):
    """A timeline with ties, bursts, repeated items, clicks on and off the shelf."""
    step = rng.choice([1, 60, 600, 3600, 40_000]) * SECONDS
    times = np.sort(rng.integers(0, 60, size=rng.integers(0, 60))) * step
    impressions = sorted({(int(t), int(rng.integers(1, num_items + 1))) for t in times})
    clicks = set()
    for time, item in impressions:
        if rng.random() < 0.35:
            late = int(rng.choice([0, 0, 5, 700])) * SECONDS
            clicks.add((time + late, item))
    for _ in range(rng.integers(0, 3)):
        clicks.add((int(rng.integers(0, 60)) * int(step), int(rng.integers(1, num_items + 1))))
    ids = rng.random() < 0.5
    ordered = [
        (t, i, int(rng.integers(0, 3)) if ids and rng.random() < 0.8 else None)
        for t, i in sorted(clicks)
    ]
    return impressions, ordered


def random_rules(rng):
    return twin.TwinRules(
        gap=int(rng.choice([60, 600, 5000])) * SECONDS,
        min_session=int(rng.integers(1, 4)),
        max_short=int(rng.integers(2, 8)),
        long_window=int(rng.choice([600, 20_000, 300_000])) * SECONDS,
        window=int(rng.choice([300, 10_000, 260_000])) * SECONDS,
        min_exposures=int(rng.integers(1, 4)),
        max_unclicked=int(rng.integers(1, 6)),
        history_share=float(rng.choice([0.1, 0.25, 0.5, 0.9])),
        within_session=bool(rng.random() < 0.3),
    )


def test_the_sweep_equals_its_twin_on_10000_random_timelines():
    rng = np.random.default_rng(7)
    compared = 0
    for _ in range(200):
        users = [random_user(rng, int(rng.integers(2, 25))) for _ in range(50)]
        rules = random_rules(rng)
        lines = timelines(users, 25)
        last = max((c[0] for u in users for c in u[1]), default=0)
        cut, stop = sorted(rng.integers(0, last + 2, size=2).tolist())
        found = unpacked(train_samples(lines, compiled_rules(rules), end_us=cut), lines)
        expected = [
            as_tuple(u, sample, False)
            for u, (imps, clicks) in enumerate(users)
            for sample in twin.twin_train(imps, clicks, cut, rules)
        ]
        assert found == expected
        held = held_out_samples(lines, compiled_rules(rules), begin_us=cut, end_us=stop)
        twins = [(u, twin.twin_held_out(i, c, cut, stop, rules)) for u, (i, c) in enumerate(users)]
        assert unpacked(held, lines) == [as_tuple(u, s, True) for u, s in twins if s is not None]
        compared += len(expected) + len(held)
    assert compared > 20_000


def inputs_before(samples, lines, tau):
    """Bytes of every input of every position whose own click lies before tau."""
    result = {}
    for s in range(len(samples)):
        user, start, end = int(samples.user[s]), int(samples.start[s]), int(samples.end[s])
        base = int(lines.click_offsets[user])
        for t in range(start, end):
            if lines.click_time_us[t] >= tau:
                continue
            at = samples.position_offsets[s] + t - start
            result[(user, t - base)] = (
                lines.click_item[start : t + 1].tobytes(),
                lines.click_item[samples.long_start[s] : start].tobytes(),
                repr(row(samples, samples.row_start[s])),
                repr(row(samples, samples.row_now[at])),
            )
    return result


def changed_after(users, tau, rng, num_items):
    """The same users with everything at or after tau deleted, replaced or added to."""
    result = []
    for impressions, clicks in users:
        early_i = [x for x in impressions if x[0] < tau]
        early_c = [x for x in clicks if x[0] < tau]
        if rng.random() < 0.7:
            more_i, more_c = random_user(rng, num_items)
            early_i += [(tau + t, i) for t, i in more_i]
            early_c += [(tau + t, i, s) for t, i, s in more_c]
        result.append((sorted(set(early_i)), early_c))
    return result


def test_nothing_after_a_cut_reaches_an_earlier_input_on_1000_cuts():
    rng = np.random.default_rng(11)
    rules = twin.TwinRules(min_session=1, max_short=7, max_unclicked=5, min_exposures=1)
    checked = 0
    for _ in range(1000):
        users = [random_user(rng, 12) for _ in range(3)]
        last = max((c[0] for u in users for c in u[1]), default=1)
        tau = int(rng.integers(0, last + 1))
        before = timelines(users, 12)
        after = timelines(changed_after(users, tau, rng, 12), 12)
        end = 2 * last + 10 * DAY
        old = inputs_before(train_samples(before, compiled_rules(rules), end_us=end), before, tau)
        new = inputs_before(train_samples(after, compiled_rules(rules), end_us=end), after, tau)
        # A user's very last click may lose or gain its label; inputs of shared positions may not.
        shared = old.keys() & new.keys()
        assert {key: old[key] for key in shared} == {key: new[key] for key in shared}
        checked += len(shared)
    assert checked > 10_000
