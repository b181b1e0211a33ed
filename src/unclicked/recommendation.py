"""Lists for users that were never seen before, from their events alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from unclicked.data.batching import BatchBuilder
from unclicked.data.rules import Samples
from unclicked.data.vocabulary import PADDING, Vocabulary
from unclicked.errors import UserError
from unclicked.evaluation import user_vectors
from unclicked.retrieval import ExactIndex
from unclicked.run import Run


@dataclass(frozen=True)
class Request:
    """One user's events.

    Attributes:
        clicked: Ids of clicked items, the last click last.
        unclicked: Ids of items shown and left, the last shown last; an item that was shown several
            times may be named as often.
        profile: Profile field to value.
        exclude: Ids that must not be recommended.
        top_k: Length of the list, at least 1.
        exclude_seen: Whether clicked and unclicked items are excluded too.
    """

    clicked: Sequence[Any] = ()
    unclicked: Sequence[Any] = ()
    profile: dict[str, str] = field(default_factory=dict)
    exclude: Sequence[Any] = ()
    top_k: int = 10
    exclude_seen: bool = False


@dataclass(frozen=True)
class _Known:
    """A request as item indices, and the ids that the run does not know."""

    clicked: list[int]
    unclicked: list[int]
    showings: list[int]
    exclude: list[int]
    ignored: dict[str, list[Any]]


def recommend(run: Run, requests: Sequence[Request]) -> list[dict[str, Any]]:
    """Recommend items to users from their events alone.

    Unknown ids are ignored and named. A user without a known click gets the most clicked items,
    less the ones just passed over, and the flag `fallback`.

    Args:
        run: A trained run.
        requests: The users.

    Returns:
        One mapping for each request: "items" (dicts of "item_id", "score", "rank"), "ignored" (ids
        under "clicked" and "unclicked", and where there are any, ids under "exclude" and texts
        `NAME=VALUE` under "profile") and "fallback".

    Raises:
        UserError: If `top_k` is below 1, an id or value is of the wrong type, or a profile field
            does not exist.
    """
    known = [_known(run, request) for request in requests]
    answers: list[dict[str, Any]] = [{} for _ in requests]
    encoded = [number for number, one in enumerate(known) if one.clicked]
    if encoded:
        chosen = [known[number] for number in encoded]
        profiles = [requests[number].profile for number in encoded]
        lists = _search(run, chosen, profiles, [requests[number] for number in encoded])
        for number, (items, scores) in zip(encoded, lists, strict=True):
            answers[number] = _answer(run, known[number], items, scores, fallback=False)
    for number, one in enumerate(known):
        if not one.clicked:
            items, scores = _popular(run, one, requests[number].top_k)
            answers[number] = _answer(run, one, items, scores, fallback=True)
    return answers


def _known(run: Run, request: Request) -> _Known:
    if request.top_k < 1:
        raise UserError("TOP-K", f"top_k {request.top_k}", "expected at least 1.")
    # A wrong profile is an error even where the answer would not need it.
    strange = _unknown_values(run, request.profile)
    vocabulary, ignored = run.catalogue.items, {}
    lists = {}
    for name in ("clicked", "unclicked", "exclude"):
        ids = list(getattr(request, name))
        codes = _codes(vocabulary, ids, name)
        lists[name] = [code for code in codes if code != vocabulary.unknown]
        ignored[name] = [
            one for one, code in zip(ids, codes, strict=True) if code == vocabulary.unknown
        ]
    clicked = set(lists["clicked"])
    left = [code for code in lists["unclicked"] if code not in clicked]
    # An item shown several times is one entry, at its last showing.
    unclicked = list(dict.fromkeys(reversed(left)))[::-1]
    unclicked = unclicked[-run.config.data.unclicked.max_length :]
    shown = Counter(left)
    exclude = lists["exclude"]
    if request.exclude_seen:
        exclude = exclude + lists["clicked"] + lists["unclicked"]
    # Clients know the first two; the others are there where they have something to say.
    ignored["profile"] = strange
    for name in ("exclude", "profile"):
        if not ignored[name]:
            del ignored[name]
    showings = [shown[code] for code in unclicked]
    return _Known(lists["clicked"], unclicked, showings, sorted(set(exclude)), ignored)


def _codes(vocabulary: Vocabulary, ids: list[Any], name: str) -> list[int]:
    if all(isinstance(one, str) for one in ids):
        ids = vocabulary.parse(ids, name)
    try:
        codes: list[int] = vocabulary.encode(ids).tolist()
    except (TypeError, ValueError, OverflowError, ArithmeticError):
        codes = [PADDING]
    if PADDING in codes:
        raise UserError(
            "ID", name, f"found {ids[:3]!r}, expected ids of type {vocabulary.values.type}."
        )
    return codes


def _search(
    run: Run, known: list[_Known], profiles: list[dict[str, str]], requests: list[Request]
) -> list[tuple[list[int], list[float]]]:
    builder = _builder(run, known, profiles)
    users = user_vectors(run.model, builder, run.config.evaluate.batch_size)
    tie_rank = torch.from_numpy(np.array(run.catalogue.id_rank)).to(users.device)
    index = ExactIndex(run.model.all_item_vectors(), tie_rank=tie_rank)
    offsets = np.cumsum([0] + [len(one.exclude) for one in known])
    values = np.array([code for one in known for code in one.exclude], dtype=np.int64)
    longest = max(request.top_k for request in requests)
    scores, items = index.search(users, longest, (offsets, values))
    return [
        (row[: request.top_k].tolist(), score[: request.top_k].tolist())
        for row, score, request in zip(items, scores, requests, strict=True)
    ]


def _builder(run: Run, known: list[_Known], profiles: list[dict[str, str]]) -> BatchBuilder:
    """The users as samples, so that they go through the same batches as training did."""
    config = run.config
    length = np.array([len(one.clicked) for one in known])
    end = np.cumsum(length)
    start = end - np.minimum(length, config.data.clicked.max_short)
    short = end - start
    rows = np.cumsum([0, 0] + [len(one.unclicked) for one in known])
    listed = np.array([code for one in known for code in one.unclicked], dtype=np.int32)
    offsets = np.concatenate(([0], np.cumsum(short)))
    numbers = np.arange(len(known))
    samples = Samples(
        user=numbers,
        start=start,
        end=end,
        long_start=end - length,
        label_end=start,
        position_offsets=offsets,
        row_start=numbers + 1,
        row_now=np.repeat(numbers + 1, short),
        row_offsets=rows,
        row_items=listed,
        row_counts=np.array([n for one in known for n in one.showings], dtype=np.int32),
        truth_offsets=np.zeros(len(known) + 1, dtype=np.int64),
        truth_items=np.zeros(0, dtype=np.int32),
        counts={},
    )
    return BatchBuilder(
        samples=samples,
        click_item=np.array([code for one in known for code in one.clicked], dtype=np.int32),
        catalogue=run.catalogue,
        profiles=np.array([_profile(run, one) for one in profiles], dtype=np.int32).reshape(
            len(known), -1
        ),
        max_long=config.data.clicked.max_long,
        num_labels=1,
        cut=config.data.unclicked.cut,
        rows="query",
        need_unclicked=config.model.fusion != "none",
        new_users=True,
    )


def _profile(run: Run, given: dict[str, str]) -> list[int]:
    wrong = sorted(set(given) - set(run.profile_vocabularies))
    if wrong:
        names = ", ".join(run.profile_vocabularies) or "none"
        raise UserError("PROFILE", wrong[0], f"is no profile field; there are: {names}.")
    return [
        _codes(vocabulary, [given[name]], f"profile {name}")[0] if name in given else PADDING
        for name, vocabulary in run.profile_vocabularies.items()
    ]


def _unknown_values(run: Run, given: dict[str, str]) -> list[str]:
    """Profile values that training never saw, as `NAME=VALUE`."""
    codes = zip(run.profile_vocabularies.items(), _profile(run, given), strict=True)
    return [f"{name}={given[name]}" for (name, one), code in codes if code == one.unknown]


def _popular(run: Run, known: _Known, top_k: int) -> tuple[list[int], list[float]]:
    left_out = set(known.exclude) | set(known.unclicked)
    items = []
    for code in range(1, len(run.catalogue.items) + 1):
        if code not in left_out:
            items.append(code)
        if len(items) == top_k:
            break
    clicks = run.catalogue.clicks
    return items, [float(clicks[code - 1]) for code in items]


def _answer(
    run: Run, known: _Known, items: list[int], scores: list[float], *, fallback: bool
) -> dict[str, Any]:
    real = [(code, score) for code, score in zip(items, scores, strict=True) if code > 0]
    ids = run.catalogue.items.decode([code for code, _ in real])
    return {
        "items": [
            {"item_id": item_id, "score": score, "rank": rank}
            for rank, (item_id, (_, score)) in enumerate(zip(ids, real, strict=True), start=1)
        ],
        "ignored": known.ignored,
        "fallback": fallback,
    }
