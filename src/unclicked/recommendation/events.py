"""Raw events of a user, through the rules of preparation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from unclicked.data.rules import Rules, Timelines, latest_samples
from unclicked.data.samples import Samples
from unclicked.recommendation.request import Event

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class CodedEvent:
    """An event with its item as a number.

    Attributes:
        item: Item index, 1..V.
        id_rank: Rank of the item's id, which orders events of one moment.
        time_us: When it was shown.
        clicked: Whether it was clicked.
        clicked_at_us: When, where that is known.
        session_id: The site's own session, where there is one.
    """

    item: int
    id_rank: int
    time_us: int
    clicked: bool
    clicked_at_us: int | None
    session_id: str | None


AnyEvent = TypeVar("AnyEvent", CodedEvent, Event)


@dataclass(frozen=True)
class Found:
    """What the rules find in one user's events.

    Attributes:
        clicked: Item indices: the long-term clicks, then the session.
        session_length: How many of them are the session.
        unclicked: Item indices, the last shown last.
        showings: Showings of each unclicked item.
        seen: Item indices of everything ever clicked.
    """

    clicked: list[int]
    session_length: int
    unclicked: list[int]
    showings: list[int]
    seen: list[int]


@dataclass(frozen=True)
class _User:
    """One user's events in order, times as microseconds before the request."""

    times: list[int]
    items: list[int]
    clicks: list[tuple[int, int, int, int]]


def apply_rules(
    users: Sequence[tuple[Sequence[CodedEvent], int]], rules: Rules, cut: str
) -> list[Found]:
    """Session, long-term clicks and unclicked items of users, each at a moment of its own.

    Args:
        users: Each user's events, in any order, and the moment of the request in microseconds.
        rules: The rules' numbers.
        cut: "now" or "session_start": as of when items count as unclicked.

    Returns:
        What was found for each; of a user without a click the unclicked items of the moment.

    Source: paper section 4.1, by the same function as preparation.
    """
    prepared = [_in_order(events, now) for events, now in users]
    codes, local = _distinct(prepared)
    # Every user's clock is set so that the request is at 0: one sweep then answers all moments.
    samples = latest_samples(_timelines(prepared, local, len(codes) - 1), rules, now_us=0)
    click_items = [item for user in prepared for _, _, item, _ in user.clicks]
    results = [_without_click(user, rules) for user in prepared]
    for number, user in enumerate(samples.user.tolist()):
        known = sum(time < 0 for time, *_ in prepared[user].clicks)
        begin = int(samples.end[number]) - known
        results[user] = _found(samples, number, codes, click_items, cut, begin)
    return results


def _in_order(events: Sequence[CodedEvent], now: int) -> _User:
    """Events sorted and merged as preparation does: one for each time and item, a click wins."""
    merged: dict[tuple[int, int], CodedEvent] = {}
    for event in events:
        key = (event.time_us, event.id_rank)
        other = merged.get(key)
        merged[key] = event if other is None else merge_events(other, event)
    ordered = [merged[key] for key in sorted(merged)]
    names = sorted({one.session_id for one in ordered if one.session_id is not None})
    session = {name: code for code, name in enumerate(names)}
    clicks = []
    for one in ordered:
        if one.clicked:
            time = one.time_us if one.clicked_at_us is None else one.clicked_at_us
            code = -1 if one.session_id is None else session[one.session_id]
            clicks.append((time - now, one.id_rank, one.item, code))
    clicks.sort()
    return _User([one.time_us - now for one in ordered], [one.item for one in ordered], clicks)


def merge_events(first: AnyEvent, second: AnyEvent) -> AnyEvent:
    """One event of two that agree in user, item and time, as preparation merges rows.

    Args:
        first: An event.
        second: The other.

    Returns:
        The first, clicked if either was, with the earliest time of a click and the smallest
        session that either knows.

    Example:
        >>> merge_events(Event("a", 5, False, None, "s"), Event("a", 5, True, 9, "r"))
        Event(item_id='a', time_us=5, clicked=True, clicked_at_us=9, session_id='r')
    """
    times = [t for t in (first.clicked_at_us, second.clicked_at_us) if t is not None]
    names = [s for s in (first.session_id, second.session_id) if s is not None]
    return replace(
        first,
        clicked=first.clicked or second.clicked,
        clicked_at_us=min(times, default=None),
        # Texts in order of their characters are in order of their UTF-8 bytes.
        session_id=min(names, default=None),
    )


def _distinct(users: Sequence[_User]) -> tuple[list[int], dict[int, int]]:
    """Item indices that occur, and the small number of each: the sweep's memory grows with them."""
    occurring = sorted({item for user in users for item in user.items})
    return [0, *occurring], {item: code for code, item in enumerate(occurring, start=1)}


def _timelines(users: Sequence[_User], local: dict[int, int], num_items: int) -> Timelines:
    def offsets(lengths: list[int]) -> Ints:
        return np.cumsum([0, *lengths]).astype(np.int64)

    clicks = [click for user in users for click in user.clicks]
    return Timelines(
        impression_offsets=offsets([len(user.times) for user in users]),
        impression_time_us=np.array([t for user in users for t in user.times], dtype=np.int64),
        impression_item=np.array([local[i] for user in users for i in user.items], dtype=np.int32),
        click_offsets=offsets([len(user.clicks) for user in users]),
        click_time_us=np.array([time for time, *_ in clicks], dtype=np.int64),
        click_item=np.array([local[item] for _, _, item, _ in clicks], dtype=np.int32),
        click_session=np.array([session for *_, session in clicks], dtype=np.int64),
        num_items=num_items,
    )


def _found(
    samples: Samples, number: int, codes: list[int], clicks: list[int], cut: str, begin: int
) -> Found:
    start, end = int(samples.start[number]), int(samples.end[number])
    long_start = int(samples.long_start[number])
    row = int(samples.row_start[number])
    if cut == "now":
        row = int(samples.row_now[samples.position_offsets[number + 1] - 1])
    listed = slice(int(samples.row_offsets[row]), int(samples.row_offsets[row + 1]))
    return Found(
        clicked=clicks[long_start:end],
        session_length=end - start,
        unclicked=[codes[code] for code in samples.row_items[listed].tolist()],
        showings=samples.row_counts[listed].tolist(),
        seen=clicks[begin:end],
    )


def _without_click(user: _User, rules: Rules) -> Found:
    """Nobody is asked for a vector here: the passed-over items are only left out of a list."""
    last: dict[int, int] = {}
    shown: dict[int, int] = {}
    for time, item in zip(user.times, user.items, strict=True):
        if -rules.window_us <= time < 0:
            last[item] = time
            shown[item] = shown.get(item, 0) + 1
    kept = [item for item in last if shown[item] >= rules.min_exposures]
    kept.sort(key=lambda item: last[item])
    kept = kept[-rules.max_unclicked :]
    return Found([], 0, kept, [shown[item] for item in kept], [])
