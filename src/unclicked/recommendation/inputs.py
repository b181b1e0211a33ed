"""From requests to what a model is given: known items as numbers, and batches of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from unclicked.data.batching import BatchBuilder
from unclicked.data.rules import Rules, Samples
from unclicked.data.vocabulary import PADDING
from unclicked.errors import UserError
from unclicked.recommendation.events import CodedEvent, Found, apply_rules
from unclicked.recommendation.lookup import Lookup
from unclicked.recommendation.request import Request, Source, key_path


@dataclass(frozen=True)
class Known:
    """A request as item indices, and the ids that the model does not know.

    Attributes:
        clicked: Long-term clicks, then the session; the last click last.
        session_length: How many of them are the session.
        unclicked: Each once, the last shown last.
        showings: Showings of each.
        exclude: What must not be in the list, ascending.
        profile: Number of each profile value; 0 where none is given.
        ignored: Unknown ids by the name of their list, unclicked items that the session has as
            clicked, and how many events were too late.
    """

    clicked: list[int]
    session_length: int
    unclicked: list[int]
    showings: list[int]
    exclude: list[int]
    profile: list[int]
    ignored: dict[str, Any]


class Inputs:
    """Turns requests into inputs of one model.

    Args:
        source: The model with its vocabularies and settings.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.profiles = {name: Lookup(words) for name, words in source.profile_vocabularies.items()}
        self._rules = Rules.from_config(source.config.data)
        self._id_rank = source.catalogue.id_rank

    @cached_property
    def items(self) -> Lookup:
        """Numbers of the items."""
        return Lookup(self.source.catalogue.items)

    def known(self, requests: Sequence[Request]) -> list[Known]:
        """What the model knows of each request.

        Args:
            requests: The users.

        Returns:
            One entry for each.

        Raises:
            UserError: If a request is not well formed.
        """
        for request in requests:
            _check(request)
        raw = [number for number, one in enumerate(requests) if one.events is not None]
        coded = [self._coded(requests[number]) for number in raw]
        users = [(events, _moment(requests[n])) for n, (events, _) in zip(raw, coded, strict=True)]
        cut = self.source.config.data.unclicked.cut
        found = apply_rules(users, self._rules, cut) if users else []
        ready = {n: (one, lost) for n, one, (_, lost) in zip(raw, found, coded, strict=True)}
        return [
            self._from_events(request, *ready[number])
            if number in ready
            else self._from_lists(request)
            for number, request in enumerate(requests)
        ]

    def builder(self, known: Sequence[Known]) -> BatchBuilder:
        """The users as samples, so that they go through the same batches as training did.

        Args:
            known: Users with at least one known click each.

        Returns:
            Where their batches come from.
        """
        config = self.source.config
        end = np.cumsum([len(one.clicked) for one in known])
        short = np.array([one.session_length for one in known])
        start = end - short
        rows = np.cumsum([0, 0] + [len(one.unclicked) for one in known])
        numbers = np.arange(len(known))
        listed = [code for one in known for code in one.unclicked]
        samples = Samples(
            user=numbers,
            start=start,
            end=end,
            long_start=end - np.array([len(one.clicked) for one in known]),
            label_end=start,
            position_offsets=np.concatenate(([0], np.cumsum(short))),
            row_start=numbers + 1,
            row_now=np.repeat(numbers + 1, short),
            row_offsets=rows,
            row_items=np.array(listed, dtype=np.int32),
            row_counts=np.array([n for one in known for n in one.showings], dtype=np.int32),
            truth_offsets=np.zeros(len(known) + 1, dtype=np.int64),
            truth_items=np.zeros(0, dtype=np.int32),
            counts={},
        )
        profiles = np.array([one.profile for one in known], dtype=np.int32)
        builder = BatchBuilder(
            samples=samples,
            click_item=np.array([code for one in known for code in one.clicked], dtype=np.int32),
            catalogue=self.source.catalogue,
            profiles=profiles.reshape(len(known), -1),
            max_long=config.data.clicked.max_long,
            num_labels=1,
            cut=config.data.unclicked.cut,
            rows="query",
            need_unclicked=config.model.fusion != "none",
            new_users=True,
        )
        return self.source.model.asked_of(builder)

    def _from_lists(self, request: Request) -> Known:
        lists: dict[str, list[int]] = {}
        ignored: dict[str, Any] = {}
        for name in ("clicked", "unclicked", "exclude", "long_term"):
            lists[name], ignored[name] = self._split(getattr(request, name), name)
        session, most = len(lists["clicked"]), self.source.config.data.clicked.max_short
        if session > most:
            # As in the rules: a session that is full ends, and the next click begins another.
            session = (session - 1) % most + 1
        clicked = lists["long_term"] + lists["clicked"]
        if not session:
            # Without a session the last known click is one.
            session = min(len(clicked), 1)
        left, also = self._not_clicked(lists["unclicked"], lists["clicked"])
        ignored["also_clicked"] = also
        # An item shown several times is one entry, at its last showing.
        unclicked = list(dict.fromkeys(reversed(left)))[::-1]
        unclicked = unclicked[-self.source.config.data.unclicked.max_length :]
        shown = Counter(left)
        exclude = lists["exclude"]
        if request.exclude_seen:
            exclude = exclude + clicked + lists["unclicked"]
        showings = [shown[code] for code in unclicked]
        return self._done(
            request, Found(clicked, session, unclicked, showings, []), exclude, ignored
        )

    def _not_clicked(self, unclicked: list[int], session: list[int]) -> tuple[list[int], list[Any]]:
        """What the rules would call unclicked, and the ids that they would not.

        A click counts against an item while it lies in the window before the cut. With the cut
        `now` those of the session do. With `session_start` none of them does, and when the
        long-term clicks were a list does not tell: a caller who names them as unclicked knows.
        """
        if self.source.config.data.unclicked.cut == "session_start":
            return unclicked, []
        seen = set(session)
        ids = self.items.ids
        out = dict.fromkeys(ids[code - 1] for code in unclicked if code in seen)
        return [code for code in unclicked if code not in seen], list(out)

    def _from_events(self, request: Request, found: Found, lost: list[Any]) -> Known:
        exclude, unknown = self._split(request.exclude, "exclude")
        if request.exclude_seen:
            exclude = exclude + found.seen + found.unclicked
        ignored: dict[str, Any] = {"clicked": [], "unclicked": []}
        ignored |= {"events": lost, "exclude": unknown}
        now = _moment(request)
        ignored["after_now"] = sum(one.time_us >= now for one in request.events or ())
        return self._done(request, found, exclude, ignored)

    def _done(
        self,
        request: Request,
        found: Found,
        exclude: list[int],
        ignored: dict[str, Any],
    ) -> Known:
        profile = self._profile(request.profile)
        lookups = zip(self.profiles.items(), profile, strict=True)
        ignored["profile"] = [
            f"{name}={request.profile[name]}"
            for (name, one), code in lookups
            if code == one.unknown
        ]
        # Clients know the first two; the others are there where they have something to say.
        for name in ("events", "exclude", "long_term", "profile", "after_now", "also_clicked"):
            if not ignored.get(name):
                ignored.pop(name, None)
        return Known(
            found.clicked,
            found.session_length,
            found.unclicked,
            found.showings,
            sorted(set(exclude)),
            profile,
            ignored,
        )

    def _split(self, ids: Sequence[Any], name: str) -> tuple[list[int], list[Any]]:
        """Known ids as numbers, and the others as they are."""
        codes, unknown = self.items.codes(ids, name), self.items.unknown
        if unknown not in codes:
            return codes, []
        pairs = list(zip(ids, codes, strict=True))
        return [c for _, c in pairs if c != unknown], [one for one, c in pairs if c == unknown]

    def _coded(self, request: Request) -> tuple[list[CodedEvent], list[Any]]:
        events = request.events or ()
        codes = self.items.codes([one.item_id for one in events], "events", ".item_id")
        known, lost = [], []
        for event, code in zip(events, codes, strict=True):
            if code == self.items.unknown:
                lost.append(event.item_id)
                continue
            rank = int(self._id_rank[code])
            known.append(
                CodedEvent(
                    code,
                    rank,
                    event.time_us,
                    event.clicked,
                    event.clicked_at_us,
                    event.session_id,
                )
            )
        return known, list(dict.fromkeys(lost))

    def _profile(self, given: dict[str, str]) -> list[int]:
        wrong = sorted(set(given) - set(self.profiles))
        if wrong:
            names = ", ".join(self.profiles) or "none"
            where = key_path("profile", wrong[0])
            raise UserError("PROFILE", where, f"is no profile field; there are: {names}.")
        return [
            lookup.code(given[name], key_path("profile", name)) if name in given else PADDING
            for name, lookup in self.profiles.items()
        ]


def _check(request: Request) -> None:
    for name in ("clicked", "unclicked", "long_term", "exclude"):
        if isinstance(found := getattr(request, name), str | bytes):
            # Its letters would be taken for ids.
            raise UserError("REQUEST", name, f"found {found!r:.60}, expected a list of ids: [...].")
    if request.top_k < 1:
        raise UserError("TOP-K", "top_k", f"found {request.top_k}, expected at least 1.")
    if request.events is not None and (request.clicked or request.unclicked or request.long_term):
        raise UserError(
            "REQUEST", "events", "stand beside lists; expected either events or the two lists."
        )
    if request.events is not None and request.now_us is None:
        raise UserError("REQUEST", "now_us", "is missing, but raw events need a moment.")


def _moment(request: Request) -> int:
    if request.now_us is None:
        raise TypeError("now_us")
    return request.now_us
