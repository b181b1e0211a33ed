"""What a store of users' events is, what happens when events are added, and how long they stay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from unclicked.config import DataConfig
from unclicked.data.rules import Rules
from unclicked.recommendation.events import merge_events
from unclicked.recommendation.request import Event

MAX_EVENTS = 10_000


# What is kept is what was sent: 7 and "7" are two items.
Record = Event


class Added(NamedTuple):
    """What became of events that were added.

    An event that is new, but too old to be kept, is counted by neither.

    Attributes:
        stored: New events that are kept now.
        duplicates: Events whose item and time were there already, or twice among those added.
    """

    stored: int
    duplicates: int


class StateError(Exception):
    """The store does not answer, or holds something that is not ours; a sentence for the log."""


class Store(Protocol):
    """Keeps users' raw events between requests.

    A user id is a text. The caller makes one of each id, so that 7 and "7" stay two users.

    Attributes:
        kind: "memory" or "redis".
    """

    kind: str

    async def add(self, user_id: str, events: Sequence[Record], now_us: int) -> Added:
        """Add a user's events, in any order.

        Args:
            user_id: Whose.
            events: What she was shown; the same event again changes nothing, or completes it.
            now_us: The server's clock, microseconds since 1970; never a time that a client sent,
                because what is too old by it is gone for good.

        Returns:
            How many are new and kept, and how many were there already.

        Raises:
            StateError: If the store does not answer or holds something else.
        """

    async def get(self, user_id: str, now_us: int) -> list[Record]:
        """A user's events.

        Args:
            user_id: Whose.
            now_us: The moment; any, since nothing is dropped by it.

        Returns:
            What is kept, in order of time (at one time integer ids, then texts, each in order);
            empty where her newest event is a whole horizon old.

        Raises:
            StateError: If the store does not answer or holds something else.
        """

    async def remove(self, user_id: str) -> int:
        """Forget a user.

        Args:
            user_id: Whom.

        Returns:
            Number of events removed; of a user who is gone already 0, or what was still there.

        Raises:
            StateError: If the store does not answer or holds something else.
        """

    async def ready(self) -> bool:
        """Whether the store answers now."""

    def keep_for(self, horizon: int) -> None:
        """Keep events for another time from now on, as a model with other windows needs it.

        Args:
            horizon: Microseconds; what was dropped before stays gone.
        """

    async def close(self) -> None:
        """Let go of connections; the store is not used any more."""


def horizon_us(config: DataConfig) -> int:
    """How far behind a user's newest click her events can still matter.

    The rules look back from the last session's first click, by the window of unclicked items and
    that of long-term clicks. A session has at most `max_short` clicks, less than one gap apart, so
    that first click lies less than `max_short` gaps before the last.

    Not covered: clicks that follow each other without one gap for the whole horizon, such as a
    site's own session that lasts so long (where a session is cut then depends on clicks that are
    gone); users with more than the store's largest number of events; and `exclude_seen`, which
    knows the clicks that are kept and no earlier ones.

    Args:
        config: The `[data]` table that the model was trained with.

    Returns:
        The horizon in microseconds.

    Example:
        >>> horizon_us(DataConfig()) / 60_000_000  # 7 days, and 50 clicks 10 minutes apart
        10580.0
    """
    rules = Rules.from_config(config)
    return max(rules.window_us, rules.long_window_us) + rules.max_short * rules.gap_us


def place(record: Record) -> tuple[int, bool, str | int]:
    """What tells a user's events apart and orders them; numbers and texts are never compared.

    Args:
        record: The event.

    Returns:
        Time, whether the item's id is a text, and the id.

    Example:
        >>> place(Record(70, 5, True)) < place(Record("7", 5, True)) < place(Record(8, 6, True))
        True
    """
    return record.time_us, isinstance(record.item_id, str), record.item_id


def last_us(record: Record) -> int:
    """When something last happened to an event: it was shown, or clicked later.

    Args:
        record: The event.

    Returns:
        Microseconds since 1970.

    Example:
        >>> last_us(Record("a", 5, True, 9)), last_us(Record("a", 5, False))
        (9, 5)
    """
    clicked_at = record.clicked_at_us
    return record.time_us if clicked_at is None else max(record.time_us, clicked_at)


def is_gone(records: Sequence[Record], now_us: int, horizon: int) -> bool:
    """Whether nothing of a user is kept: her newest event is a whole horizon old.

    Args:
        records: Her events.
        now_us: The moment.
        horizon: Microseconds.

    Returns:
        True also where there is no event.
    """
    return not records or now_us >= max(map(last_us, records)) + horizon


def add_records(
    kept: Sequence[Record],
    events: Sequence[Record],
    now_us: int,
    *,
    horizon: int,
    max_events: int = MAX_EVENTS,
) -> tuple[list[Record], Added]:
    """What is kept of a user after events were added: the one rule of every store.

    Events of the same item and time become one, as in preparation: a click wins, the earliest
    click time and the smallest session stay. Events more than the horizon before her newest click
    are dropped, because then all that the rules look at stays; before her newest event where the
    newest click is itself that old, or where there is none. Events after `now_us`, from clocks
    that are ahead, are kept, but drop nothing before their time has come.

    Args:
        kept: Her events so far.
        events: Further ones, in any order.
        now_us: The server's clock.
        horizon: Microseconds.
        max_events: Events that are kept at most; the oldest go.

    Returns:
        Her events in order of time, and what became of the further ones.

    Example:
        >>> shown, clicked = Record("a", 5, False), Record("a", 5, True, 9)
        >>> add_records([shown], [clicked, Record("b", 8, False)], 20, horizon=100)[1]
        Added(stored=1, duplicates=1)
    """
    merged = {} if is_gone(kept, now_us, horizon) else {place(one): one for one in kept}
    known = set(merged)
    for event in events:
        at = place(event)
        merged[at] = merge_events(merged[at], event) if at in merged else event
    distinct = len(merged.keys() - known)
    oldest = _anchor(list(merged.values()), now_us, horizon) - horizon
    left = [at for at, one in merged.items() if last_us(one) >= oldest]
    if len(left) > max_events:
        left = sorted(left, key=lambda at: (last_us(merged[at]), at))[-max_events:]
    records = [merged[at] for at in sorted(left)]
    duplicates = len(events) - distinct
    if is_gone(records, now_us, horizon):
        return [], Added(0, duplicates)
    return records, Added(len(set(left) - known), duplicates)


def _anchor(records: Sequence[Record], now_us: int, horizon: int) -> int:
    """The moment from which the horizon is counted back."""
    newest = max((last_us(one) for one in records if last_us(one) <= now_us), default=now_us)
    clicks = [
        one.time_us if one.clicked_at_us is None else one.clicked_at_us
        for one in records
        if one.clicked
    ]
    click = max((time for time in clicks if time <= now_us), default=newest)
    return click if click >= newest - horizon else newest
