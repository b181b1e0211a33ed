"""What is asked: one user's events, and what the list must and must not hold."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from unclicked.config import Config
from unclicked.data.catalogue import Catalogue
from unclicked.data.vocabulary import Vocabulary
from unclicked.model import UnclickedRecommender

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_LONGEST_KEY = 60


def key_path(path: str, key: str) -> str:
    """Path of a key of an object.

    Args:
        path: Path of the object; empty for the whole.
        key: The key; a long one is cut.

    Returns:
        The path, in ASCII.

    Example:
        >>> key_path("filter", "colour"), key_path("filter", "a b")
        ('filter.colour', 'filter["a b"]')
    """
    cut = key if len(key) <= _LONGEST_KEY else f"{key[: _LONGEST_KEY - 3]}..."
    if _PLAIN.fullmatch(cut):
        return f"{path}.{cut}" if path else cut
    return f"{path}[{json.dumps(cut)}]"


class Source(Protocol):
    """A trained model with what it needs to be asked: a run, or a bundle."""

    @property
    def config(self) -> Config:
        """The resolved configuration."""

    @property
    def catalogue(self) -> Catalogue:
        """The items."""

    @property
    def profile_vocabularies(self) -> dict[str, Vocabulary]:
        """Values of each profile field."""

    @property
    def model(self) -> UnclickedRecommender:
        """The model, in evaluation mode."""


@dataclass(frozen=True, slots=True)
class Event:
    """One item shown to the user, as a row of an impression log.

    Attributes:
        item_id: What was shown.
        time_us: When, microseconds since 1970.
        clicked: Whether it was clicked.
        clicked_at_us: When it was clicked, where that is known.
        session_id: The site's own session, where there is one.
    """

    item_id: Any
    time_us: int
    clicked: bool
    clicked_at_us: int | None = None
    session_id: str | None = None


@dataclass(frozen=True)
class Request:
    """One user's events.

    Attributes:
        clicked: Ids of clicked items, the last click last.
        unclicked: Ids of items shown and left, the last shown last; an item that was shown several
            times may be named as often. By the rules one that was clicked before the window of the
            unclicked items is among them, and where their cut is `session_start` also one that was
            clicked after the session's begin; where it is `now`, those are ignored.
        profile: Profile field to value.
        exclude: Ids that must not be recommended.
        top_k: Length of the list, at least 1.
        exclude_seen: Whether clicked and unclicked items are excluded too; of raw events
            everything ever clicked, and the unclicked items of the moment.
        events: Raw events instead of the two lists: the rules of preparation find session,
            long-term clicks and unclicked items in them.
        now_us: The moment of the request, microseconds since 1970; needed with `events`, of which
            those at or after it are not looked at.
        only: Item field to values: only items that have one of them in every field named.
        explain: Whether the answer says what the model read and how far it moved.
        long_term: Ids clicked before the session of `clicked`, the last click last; a model that
            was trained with long-term clicks misses them where they are left out.
    """

    clicked: Sequence[Any] = ()
    unclicked: Sequence[Any] = ()
    profile: dict[str, str] = field(default_factory=dict)
    exclude: Sequence[Any] = ()
    top_k: int = 10
    exclude_seen: bool = False
    events: Sequence[Event] | None = None
    now_us: int | None = None
    only: Mapping[str, Sequence[str]] = field(default_factory=dict)
    explain: bool = False
    long_term: Sequence[Any] = ()
