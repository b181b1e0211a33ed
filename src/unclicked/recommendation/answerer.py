"""From requests to lists: encode, search the whole catalogue, name the items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from unclicked.recommendation.catalogue_filter import CatalogueFilter
from unclicked.recommendation.explanation import explain
from unclicked.recommendation.inputs import Inputs, Known
from unclicked.recommendation.request import Request, Source
from unclicked.retrieval import ExactIndex
from unclicked.tensors import to_tensors

Exclude = tuple[np.ndarray[Any, np.dtype[np.int64]], np.ndarray[Any, np.dtype[np.int64]]]


class Searcher(Protocol):
    """What finds each user's items with the largest inner products."""

    def search(self, users: Tensor, top_k: int, exclude: Exclude) -> tuple[Tensor, Tensor]:
        """Search for users.

        Args:
            users: [U, D] float.
            top_k: Length of the lists.
            exclude: `(offsets [U + 1], values)`: items that each user must not get.

        Returns:
            Scores [U, K] and items [U, K], best first; item 0 fills a row that has no more.
        """


class Answerer:
    """Answers requests to one model; what does not depend on the user is made once.

    Args:
        source: A trained run or a bundle.
        index: What searches the items; exactly, over the whole catalogue, without.
        batch_size: Users searched for at once; the run's own without.
        encoded: Users encoded at once; as many as are searched for, without.
        ready: Whether the items are measured once for many small searches.
    """

    def __init__(
        self,
        source: Source,
        index: Searcher | None = None,
        *,
        batch_size: int | None = None,
        encoded: int | None = None,
        ready: bool = False,
    ) -> None:
        self.source = source
        self.inputs = Inputs(source)
        self._vectors = source.model.all_item_vectors()
        tie_rank = torch.from_numpy(np.array(source.catalogue.id_rank))
        tie_rank = tie_rank.to(self._vectors.device)
        self._index = index or ExactIndex(self._vectors, tie_rank=tie_rank, ready=ready)
        self._filter = CatalogueFilter(source.catalogue, self._vectors.cpu())
        self._batch_size = batch_size or source.config.evaluate.batch_size
        self._encoded = encoded or self._batch_size

    @property
    def filter(self) -> CatalogueFilter:
        """Parts of the catalogue by field."""
        return self._filter

    @torch.no_grad()
    def answer(self, requests: Sequence[Request]) -> list[dict[str, Any]]:
        """Lists for users.

        Args:
            requests: The users.

        Returns:
            One mapping for each request, see `recommend`.

        Raises:
            UserError: If a request is not well formed.
        """
        known = self.inputs.known(requests)
        for request in requests:
            if request.only:
                # A field that does not exist is an error even where the answer would not need it.
                self._filter.part(request.only)
        found: list[tuple[list[int], list[float]]] = [([], [])] * len(known)
        told: dict[int, dict[str, Any]] = {}
        encoded = [number for number, one in enumerate(known) if one.clicked]
        for begin in range(0, len(encoded), self._batch_size):
            chosen = encoded[begin : begin + self._batch_size]
            parts = [
                self._encode(known, requests, chosen[first : first + self._encoded], told)
                for first in range(0, len(chosen), self._encoded)
            ]
            self._search(torch.cat(parts), chosen, known, requests, found)
        for number, one in enumerate(known):
            if not one.clicked:
                found[number] = self._popular(one, requests[number])
        answers = []
        for number, one in enumerate(known):
            answer = self._named(found[number], one.ignored, fallback=not one.clicked)
            if lost := self._filter.unknown(requests[number].only):
                answer["ignored"]["filter"] = lost
            if requests[number].explain:
                answer["explain"] = self._read(one) | told.get(
                    number, {"gate": None, "distances": None}
                )
            answers.append(answer)
        return answers

    def _encode(
        self,
        known: list[Known],
        requests: Sequence[Request],
        chosen: list[int],
        told: dict[int, dict[str, Any]],
    ) -> Tensor:
        model = self.source.model
        device = self._vectors.device
        builder = self.inputs.builder([known[number] for number in chosen])
        batch = to_tensors(builder.build(np.arange(len(chosen))), device)
        rows = model.encode(batch)
        unclicked = model.plugin.encode_unclicked(rows.unclicked_mean, rows.unclicked_mask)
        users = model.plugin.fuse(rows.clicked, unclicked)
        for place, number in enumerate(chosen):
            if requests[number].explain:
                row = slice(place, place + 1)
                told[number] = explain(model.plugin, rows.clicked[row], unclicked[row], users[row])
        return users

    def _search(
        self,
        users: Tensor,
        chosen: list[int],
        known: list[Known],
        requests: Sequence[Request],
        found: list[tuple[list[int], list[float]]],
    ) -> None:
        whole = [place for place, number in enumerate(chosen) if not requests[number].only]
        for place, number in enumerate(chosen):
            request = requests[number]
            if request.only:
                part = self._filter.part(request.only)
                user = users[place : place + 1].cpu()
                found[number] = part.search(user, request.top_k, known[number].exclude)
        if not whole:
            return
        lists = [known[chosen[place]].exclude for place in whole]
        offsets = np.cumsum([0, *map(len, lists)])
        values = np.array([code for one in lists for code in one], dtype=np.int64)
        longest = max(requests[chosen[place]].top_k for place in whole)
        scores, items = self._index.search(users[whole], longest, (offsets, values))
        for place, row, score in zip(whole, items.tolist(), scores.tolist(), strict=True):
            top_k = requests[chosen[place]].top_k
            kept = [code for code in row[:top_k] if code > 0]
            found[chosen[place]] = (kept, score[: len(kept)])

    def _popular(self, known: Known, request: Request) -> tuple[list[int], list[float]]:
        """The most clicked items, less the ones just passed over."""
        left_out = set(known.exclude) | set(known.unclicked)
        codes = range(1, len(self.source.catalogue.items) + 1)
        allowed = self._filter.part(request.only).codes.tolist() if request.only else codes
        items = []
        for code in allowed:
            if code not in left_out:
                items.append(code)
            if len(items) == request.top_k:
                break
        clicks = self.source.catalogue.clicks
        return items, [float(clicks[code - 1]) for code in items]

    def _named(
        self, found: tuple[list[int], list[float]], ignored: dict[str, Any], *, fallback: bool
    ) -> dict[str, Any]:
        ids = self.inputs.items.ids
        return {
            "items": [
                {"item_id": ids[code - 1], "score": score, "rank": rank}
                for rank, (code, score) in enumerate(zip(*found, strict=True), start=1)
            ],
            "ignored": ignored,
            "fallback": fallback,
        }

    def _read(self, known: Known) -> dict[str, Any]:
        """Ids of what the model read."""
        ids = self.inputs.items.ids
        cut = len(known.clicked) - known.session_length
        lists = {
            "clicked": known.clicked[cut:],
            "long_term": known.clicked[:cut],
            "unclicked": known.unclicked,
        }
        return {name: [ids[code - 1] for code in codes] for name, codes in lists.items()}


def recommend(source: Source, requests: Sequence[Request]) -> list[dict[str, Any]]:
    """Recommend items to users from their events alone.

    Unknown ids are ignored and named. A user without a known click gets the most clicked items,
    less the ones just passed over, and the flag `fallback`.

    Args:
        source: A trained run or a bundle.
        requests: The users.

    Returns:
        One mapping for each request: "items" (dicts of "item_id", "score", "rank"), "ignored",
        "fallback" and, where asked, "explain". "ignored" has unknown ids under "clicked" and
        "unclicked", and where there are any, under "long_term", "events" and "exclude"; texts
        `NAME=VALUE` under "profile" and "filter"; under "also_clicked" what is no unclicked item
        because the session clicked it (cut `now`); and under "after_now" the number of events at
        or after the moment of the request.

    Raises:
        UserError: If `top_k` is below 1, an id or value is of the wrong type, or a profile or item
            field does not exist.
    """
    # A bundle may have been exported with an approximate index; a run has none.
    return Answerer(source, getattr(source, "index", None)).answer(requests)
