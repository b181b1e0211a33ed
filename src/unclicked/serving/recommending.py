"""POST /recommend: from a checked body to requests of the library, and back."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unclicked.recommendation import Request
from unclicked.serving.batcher import Batcher
from unclicked.serving.models import Models
from unclicked.serving.moments import microseconds
from unclicked.serving.problems import Problem
from unclicked.serving.schema import EventBody, Id, UserBody, UsersBody
from unclicked.serving.served import Served
from unclicked.serving.state import Record, Store
from unclicked.serving.validation import validated

_LISTS = ("clicked", "unclicked", "long_term")


@dataclass(frozen=True)
class Asked:
    """A request to one of the models, held from the moment when its body came."""

    name: str
    served: Served
    request: Request
    # Of whom nothing is kept, though the request named her.
    nobody: Id | None = None


@dataclass(frozen=True)
class Refused:
    """In the place of an answer: why there is none."""

    problem: Problem


class Recommending:
    """Answers bodies of /recommend.

    Args:
        models: The served models.
        store: Kept events.
    """

    def __init__(self, models: Models, store: Store) -> None:
        self.models = models
        self.store = store

    def compute(self, asked: Sequence[Asked]) -> list[Any]:
        """Answer a batch, each request by the model that it holds.

        Args:
            asked: What to answer.

        Returns:
            Answers; a `Refused` in the place of one that there is not.
        """
        answers: list[Any] = [None] * len(asked)
        # Two where a batch holds users of both slots, or was asked for around a swap.
        for served in {id(one.served): one.served for one in asked}.values():
            places = [place for place, one in enumerate(asked) if one.served is served]
            found = served.answer([asked[place].request for place in places])
            for place, one in zip(places, found, strict=True):
                label = {"name": asked[place].name, "sha256": served.sha256}
                refused = isinstance(one, Problem)
                answers[place] = Refused(one) if refused else {"model": label} | one
        return answers

    async def answer(self, content: Any, batcher: Batcher) -> dict[str, Any]:
        """The answer to a body.

        Args:
            content: What its JSON held.
            batcher: Where requests wait for the model.

        Returns:
            What /recommend answers.

        Raises:
            Problem: If it cannot be answered.
        """
        if isinstance(content, dict) and "users" in content:
            users = validated(UsersBody, content).users
            paths = [f"users[{number}]" for number in range(len(users))]
        else:
            users, paths = [validated(UserBody, content)], [""]
        # Taken once, so that no body is answered by two models of one name.
        held = self.models.all_current()
        asked = [
            await self._asked(user, path, held) for user, path in zip(users, paths, strict=True)
        ]
        found = await batcher.submit(asked)
        for path, one in zip(paths, found, strict=True):
            if isinstance(one, Refused):
                problem = one.problem
                where = ".".join(part for part in (path, problem.path) if part)
                raise Problem(problem.status, problem.code, problem.message, where)
        for one, answer in zip(asked, found, strict=True):
            if one.nobody is not None:
                answer["ignored"]["user_id"] = [one.nobody]
        answers = [
            answer if user.id is None else {"id": user.id} | answer
            for user, answer in zip(users, found, strict=True)
        ]
        return answers[0] if paths == [""] else {"users": answers}

    async def _asked(self, user: UserBody, path: str, held: Mapping[str, Served]) -> Asked:
        served = held.get(user.model)
        if served is None:
            raise Problem(
                422, "MODEL", f"no model is served as {user.model}.", _join(path, "model")
            )
        unit = user.time_unit or served.bundle.config.data.time_unit
        now_us = time.time_ns() // 1000
        if user.now is not None:
            now_us = microseconds(user.now, unit, _join(path, "now"))
        events, nobody = None, None
        if user.events is not None or user.user_id is not None:
            if user.clicked or user.unclicked or user.long_term:
                raise Problem(
                    422,
                    "REQUEST",
                    "expected either events (kept or given) or the lists clicked and unclicked.",
                    _join(path, next(one for one in _LISTS if getattr(user, one))),
                )
            events = records(user.events or [], unit, _join(path, "events"))
            if user.user_id is not None:
                kept = await self.store.get(user_key(user.user_id), now_us)
                nobody = None if kept else user.user_id
                # After those of the body, so that an error names the place in the body.
                events = [*events, *kept]
        request = Request(
            clicked=user.clicked,
            unclicked=user.unclicked,
            long_term=user.long_term,
            profile=user.profile,
            exclude=user.exclude,
            top_k=user.top_k,
            exclude_seen=user.exclude_seen,
            events=events,
            now_us=now_us,
            only=user.filter,
            explain=user.explain,
        )
        return Asked(user.model, served, request, nobody)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def user_key(user_id: Id) -> str:
    """Name under which a user's events are kept: 7 and "7" are two users.

    Args:
        user_id: Her id.

    Returns:
        A text.
    """
    return f"{'i' if isinstance(user_id, int) else 't'}{user_id}"


def records(events: Sequence[EventBody], unit: str | None, path: str) -> list[Record]:
    """Events of a body as they are kept.

    Args:
        events: The events.
        unit: Unit of integer times.
        path: JSON path of the list.

    Returns:
        The same with times in microseconds.

    Raises:
        Problem: If a time is none, or a click is told before its showing or without a click.
    """
    found = []
    for number, one in enumerate(events):
        where = f"{path}[{number}]"
        clicked_at = None
        if one.clicked_at is not None:
            clicked_at = microseconds(one.clicked_at, unit, f"{where}.clicked_at")
        moment = microseconds(one.timestamp, unit, f"{where}.timestamp")
        if clicked_at is not None and (not one.clicked or clicked_at < moment):
            # Such a row is refused by preparation too.
            why = "lies before timestamp, when it was shown."
            why = why if one.clicked else "is given, but clicked is false. Leave it out."
            raise Problem(422, "TIME", why, f"{where}.clicked_at")
        found.append(Record(one.item_id, moment, bool(one.clicked), clicked_at, one.session_id))
    return found
