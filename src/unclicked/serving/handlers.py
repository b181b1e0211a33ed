"""What each route does."""

from __future__ import annotations

import asyncio
import platform
import time
from collections.abc import Sequence
from typing import Any

import torch
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

import unclicked
from unclicked.errors import UnclickedError
from unclicked.serving.batcher import Batcher
from unclicked.serving.body import parse
from unclicked.serving.catalogue_pages import CataloguePages, made_up_examples
from unclicked.serving.memory_state import MemoryStore
from unclicked.serving.metrics import Computed
from unclicked.serving.models import MAIN, Models
from unclicked.serving.problems import Problem, busy, json_response
from unclicked.serving.recommending import Recommending, records, user_key
from unclicked.serving.schema import MOST_FOUND, MOST_ITEMS, EventsBody
from unclicked.serving.sentences import safe, shown
from unclicked.serving.side_thread import SideThread
from unclicked.serving.state import StateError, Store
from unclicked.serving.validation import of_user_error, validated

_WORDS = ("query", "field", "value", "limit")
# Clocks of clients may go before ours.
AHEAD_US = 86_400_000_000


class Handlers:
    """Answers requests with the parts of one process.

    Args:
        models: The served models.
        store: Kept events.
        batcher: Where requests wait for the model.
        recommending: Answers /recommend.
        metrics: What is counted.
        examples: Example users from a data set; None makes some up.
    """

    def __init__(
        self,
        models: Models,
        store: Store,
        batcher: Batcher,
        recommending: Recommending,
        metrics: Computed,
        examples: list[dict[str, Any]] | None,
    ) -> None:
        self.models = models
        self.store = store
        self.batcher = batcher
        self.recommending = recommending
        self.metrics = metrics
        self.examples = examples
        self._pages: dict[str, CataloguePages] = {}
        self._side = SideThread()

    def follow(self) -> None:
        """Let go of models that do not answer any more."""
        current = {id(one) for one in self.models.all_current().values()}
        kept = {name: one for name, one in self._pages.items() if id(one.served) in current}
        self._pages = kept

    def close(self) -> None:
        """End what was started."""
        self._side.close()

    async def recommend(self, request: Request) -> Response:
        """Lists for one user or several."""
        content = parse(await request.body())
        try:
            answer = await self.recommending.answer(content, self.batcher)
        except StateError:
            raise busy("kept events cannot be read now.") from None
        for one in answer.get("users", [answer]):
            for name, lost in one["ignored"].items():
                if lost:
                    number = lost if isinstance(lost, int) else len(lost)
                    self.metrics.ignored.labels(name).inc(number)
        return json_response(answer)

    async def keep_events(self, request: Request) -> Response:
        """Keep a user's events."""
        body = validated(EventsBody, parse(await request.body()))
        served = self._served("main")
        unit = body.time_unit or served.bundle.config.data.time_unit
        found, now_us = records(body.events, unit, "events"), time.time_ns() // 1000
        for number, one in enumerate(found):
            # A time far ahead would keep the user's events for as long.
            if one.time_us > now_us + AHEAD_US:
                raise Problem(422, "TIME", "lies in the future.", f"events[{number}].timestamp")
        told = self._known([one.item_id for one in found])
        pairs = list(zip(found, told, strict=True))
        lost = [one.item_id for one, known in pairs if not known]
        known = [one for one, known in pairs if known]
        try:
            added = await self.store.add(user_key(body.user_id), known, now_us)
        except StateError:
            raise busy("events cannot be kept now.") from None
        return json_response(
            {
                "user_id": body.user_id,
                "stored": added.stored,
                "duplicates": added.duplicates,
                "too_old": len(known) - added.stored - added.duplicates,
                "ignored": {"events": list(dict.fromkeys(lost))},
            }
        )

    async def remove_user(self, request: Request) -> Response:
        """Remove what is kept of a user, under her id as text and as integer."""
        text = request.path_params["user_id"]
        if not text:
            raise Problem(404, "USER", "no id of a user stands in the path.", "user_id")
        keys = [f"t{text}"]
        digits = text.removeprefix("-")
        # As an integer is spelled: 007 is a text, and nobody's number.
        if digits.isdecimal() and len(text) < 20 and str(int(text)) == text:
            keys.append(f"i{text}")
        try:
            removed = sum([await self.store.remove(key) for key in keys])
        except StateError:
            raise busy("kept events cannot be removed now.") from None
        return json_response({"user_id": text, "removed": removed})

    async def find_items(self, request: Request) -> Response:
        """Items by their ids, or by text or field."""
        query = request.query_params
        _refuse_other_keys(query, ("id", *_WORDS))
        if "id" in query:
            return await self._named_items(query)
        if "field" in query and "value" not in query:
            raise Problem(422, "REQUEST", "goes with value, which is missing.", "field")
        limit = _whole(query.get("limit", "20"), "limit", MOST_FOUND)
        pages = self._catalogue("main")
        words, field, value = (query.get(name, "")[:200] for name in ("query", "field", "value"))
        try:
            found = await self._side.run(pages.find, words, field, value, limit)
        except UnclickedError as error:
            # In the query the field and its value are keys of their own.
            where = "value" if error.name == "ID" else "field"
            raise Problem(422, error.name, safe(error.message, 300), where) from None
        return json_response({"items": found})

    async def _named_items(self, query: QueryParams) -> Response:
        """Items by their ids, in the order of these; what no item has is named."""
        beside = set(query) - {"id"}
        if beside:
            name = min(beside & set(_WORDS) or beside)
            raise Problem(422, "REQUEST", "does not go with id, which stands alone.", name)
        given = query.getlist("id")
        if len(given) > MOST_FOUND:
            why = f"found {len(given):,} ids, expected at most {MOST_FOUND}."
            raise Problem(422, "REQUEST", why, "id")
        pages = self._catalogue("main")
        codes = {text: pages.code(text) for text in dict.fromkeys(given)}
        found = [pages.facts(code) for code in codes.values() if code is not None]
        unknown = [text for text, code in codes.items() if code is None]
        return json_response({"items": found, "unknown": unknown})

    async def item(self, request: Request) -> Response:
        """One item."""
        _refuse_other_keys(request.query_params, ("model",))
        pages, code = self._item(request)
        return json_response(pages.facts(code))

    async def similar(self, request: Request) -> Response:
        """Items like another."""
        _refuse_other_keys(request.query_params, ("top_k", "model"))
        top_k = _whole(request.query_params.get("top_k", "10"), "top_k", MOST_ITEMS)
        pages, code = self._item(request)
        found = await self._side.run(pages.served.similar, code, top_k)
        return json_response({"item_id": pages.facts(code)["item_id"], "items": found})

    async def some_users(self, request: Request) -> Response:
        """Users to try the model with."""
        if self.examples is not None:
            return json_response({"examples": self.examples, "source": "dataset"})
        found = await self._side.run(made_up_examples, self._served("main"))
        return json_response({"examples": found, "source": "made_up"})

    async def model(self, request: Request) -> Response:
        """What is served."""
        current = {name: self.models.current(name) for name in self.models.slots}
        facts = {name: one.facts() for name, one in current.items() if one is not None}
        versions = {
            "unclicked": unclicked.__version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
        }
        return json_response({"models": facts, "state": self.store.kind, "versions": versions})

    async def health(self, request: Request) -> Response:
        """Whether the process lives."""
        return json_response({"status": "ok"})

    async def ready(self, request: Request) -> Response:
        """Whether requests can be answered; a newer bundle that was refused is told too."""
        try:
            kept = await self.store.ready()
        except StateError:
            kept = False
        if not kept:
            # Where it lies is told at the start of the service, and no client's business.
            problems = [f"state: {self.store.kind} does not answer; kept events cannot be used"]
            return json_response({"status": "no state", "problems": problems}, 503)
        # What was refused names a place on this machine: the log has it, a client need not.
        problems = [text.split(":")[0] + ": reload refused" for text in self.models.problems()]
        return json_response({"status": "ready", "problems": problems})

    async def figures(self, request: Request) -> Response:
        """Figures for Prometheus."""
        self.metrics.waiting.set(self.batcher.depth)
        if isinstance(self.store, MemoryStore):
            self.metrics.keep(len(self.store))
        text, kind = await asyncio.to_thread(self.metrics.text)
        return Response(text, headers={"content-type": kind})

    def _known(self, item_ids: list[Any]) -> list[bool]:
        """Whether one of the models knows an item."""
        known = [False] * len(item_ids)
        for name, served in self.models.all_current().items():
            lookup = served.answerer.inputs.items
            try:
                codes = lookup.codes(item_ids, "events", ".item_id")
            except UnclickedError as error:
                if name == MAIN:
                    raise of_user_error(error) from None
                # The other model has ids of another type, and knows none of these.
                continue
            known = [one or code != lookup.unknown for one, code in zip(known, codes, strict=True)]
        return known

    def _served(self, name: str) -> Any:
        served = self.models.current(name)
        if served is None:
            raise Problem(422, "MODEL", "no model is served under that name.", "model")
        return served

    def _catalogue(self, name: str) -> CataloguePages:
        served = self._served(name)
        pages = self._pages.get(name)
        if pages is None or pages.served is not served:
            pages = self._pages[name] = CataloguePages(served)
        return pages

    def _item(self, request: Request) -> tuple[CataloguePages, int]:
        pages = self._catalogue(request.query_params.get("model", "main")[:20])
        code = pages.code(request.path_params["item_id"])
        if code is None:
            raise Problem(404, "ITEM", "no item has that id.", "item_id")
        return pages, code


def _refuse_other_keys(query: QueryParams, known: Sequence[str]) -> None:
    """A key that is not read is refused here too: it would look as if it had been."""
    for key in query:
        if key not in known:
            raise Problem(
                422, "REQUEST", f"is no key; there are: {', '.join(known)}.", safe(key, 60)
            )


def _whole(text: str, name: str, most: int) -> int:
    if not text.isdecimal() or not text.isascii() or len(text) > 6 or not 1 <= int(text) <= most:
        why = f"found {shown(text)}, expected a whole number from 1 to {most:,}."
        raise Problem(422, "REQUEST", why, name)
    return int(text)
