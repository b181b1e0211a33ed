"""The data rules in plain Python, written from the paper and SDM's section 3.1."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

DAY = 86_400_000_000
MINUTE = 60_000_000


@dataclass
class TwinRules:
    gap: int = 10 * MINUTE
    min_session: int = 2
    max_short: int = 50
    long_window: int = 7 * DAY
    window: int = 3 * DAY
    min_exposures: int = 2
    max_unclicked: int = 100
    history_share: float = 0.25
    within_session: bool = False


@dataclass
class TwinSample:
    short: list
    long: list
    labels: list  # for each position all later clicks that may be labels
    unclicked_start: list
    unclicked_now: list  # one list for each position (held-out samples: only the last is filled)
    truth: set = field(default_factory=set)


def twin_sessions(clicks, gap, max_short):
    """clicks: (time, item, session) in order -> list of (start, end)."""
    sessions = []
    for index, (time, _, session) in enumerate(clicks):
        if index == 0:
            sessions.append([0, 1])
            continue
        before_time, _, before_session = clicks[index - 1]
        same = session is not None and session == before_session
        far = time - before_time >= gap
        full = sessions[-1][1] - sessions[-1][0] == max_short
        if full or (far and not same):
            sessions.append([index, index + 1])
        else:
            sessions[-1][1] = index + 1
    return [tuple(pair) for pair in sessions]


def twin_unclicked(impressions, clicks, known, tau, rules):
    """Items shown in [tau - window, tau), often enough, with no known click since tau - window."""
    begin = tau - rules.window
    shown = {}
    for order, (time, item) in enumerate(impressions):
        if begin <= time < tau:
            count, _ = shown.get(item, (0, None))
            shown[item] = (count + 1, (time, order))
    clicked = {item for time, item, _ in clicks[:known] if time >= begin}
    kept = [
        (last, item, count)
        for item, (count, last) in shown.items()
        if count >= rules.min_exposures and item not in clicked
    ]
    kept.sort()
    return [(item, count) for _, item, count in kept[-rules.max_unclicked :]]


def _sample(impressions, clicks, start, end, rules):
    first = clicks[start][0]
    long = [c[1] for c in clicks[:start] if c[0] >= first - rules.long_window]
    return TwinSample(
        short=[c[1] for c in clicks[start:end]],
        long=long,
        labels=[],
        unclicked_start=twin_unclicked(impressions, clicks, start, first, rules),
        unclicked_now=[],
    )


def twin_train(impressions, clicks, train_end, rules):
    clicks = [c for c in clicks if c[0] < train_end]
    samples = []
    for start, end in twin_sessions(clicks, rules.gap, rules.max_short):
        if end - start < rules.min_session:
            continue
        last = end if rules.within_session else len(clicks)
        if last - start < 2:
            continue
        sample = _sample(impressions, clicks, start, end, rules)
        for t in range(start, end):
            sample.labels.append([c[1] for c in clicks[t + 1 : last]])
            sample.unclicked_now.append(
                twin_unclicked(impressions, clicks, t + 1, clicks[t][0], rules)
            )
        samples.append(sample)
    return samples


def twin_held_out(impressions, clicks, begin, end, rules):
    clicks = [c for c in clicks if c[0] < end]
    first = sum(c[0] < begin for c in clicks)
    inside = len(clicks) - first
    if inside < 2:
        return None
    known = first + max(1, math.ceil(rules.history_share * inside))
    history = {c[1] for c in clicks[first:known]}
    truth = {c[1] for c in clicks[known:]} - history
    if not truth:
        return None
    start, stop = twin_sessions(clicks[:known], rules.gap, rules.max_short)[-1]
    sample = _sample(impressions, clicks, start, stop, rules)
    sample.unclicked_now = [[] for _ in range(start, stop - 1)]
    now = clicks[known - 1][0]
    sample.unclicked_now.append(twin_unclicked(impressions, clicks, known, now, rules))
    sample.truth = truth
    return sample


def twin_latest(impressions, clicks, now, rules):
    clicks = [c for c in clicks if c[0] < now]
    if not clicks:
        return None
    start, stop = twin_sessions(clicks, rules.gap, rules.max_short)[-1]
    sample = _sample(impressions, clicks, start, stop, rules)
    sample.unclicked_now = [[] for _ in range(start, stop - 1)]
    sample.unclicked_now.append(twin_unclicked(impressions, clicks, len(clicks), now, rules))
    return sample
