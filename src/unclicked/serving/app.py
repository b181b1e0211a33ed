"""What answers requests in the process of the model, put together: routes, models, kept events."""

from __future__ import annotations

import asyncio
import secrets
import sys
import time
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from starlette.applications import Starlette
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from unclicked.serving.batcher import Batcher
from unclicked.serving.dataset_examples import dataset_examples
from unclicked.serving.handlers import Handlers
from unclicked.serving.memory_state import MemoryStore
from unclicked.serving.metrics import Computed
from unclicked.serving.models import MAIN, Models, Slot
from unclicked.serving.openapi import document
from unclicked.serving.paths import EVENTS, METRICS, READY, RECOMMEND, USERS
from unclicked.serving.problems import Problem, json_response
from unclicked.serving.recommending import Recommending
from unclicked.serving.redis_state import RedisStore
from unclicked.serving.settings import Settings
from unclicked.serving.state import Store, horizon_us
from unclicked.serving.static_files import StaticFiles
from unclicked.serving.trouble_log import TroubleLog

FORGET_SECONDS = 1.0


class _Anything(Convertor[str]):
    """An id in a path: it may hold a slash, and a line break, at which the usual kind ends."""

    regex = "(?s:.*)"

    def convert(self, value: str) -> str:
        """The text as it is."""
        return value

    def to_string(self, value: str) -> str:
        """The text as it is."""
        return value


register_url_convertor("anything", _Anything())


def build(settings: Settings) -> Starlette:
    """What answers, with its models loaded.

    Args:
        settings: What it was started with.

    Returns:
        An application whose lifespan watches for new models and closes what it opened.

    Raises:
        UnclickedError: If a bundle, data set or store cannot be used.
    """
    torch.set_num_threads(settings.threads)
    metrics = Computed()
    models = Models(slots_of(settings), settings.max_batch, metrics.reload)
    models.load()
    store = open_store(settings, horizon_of(models), metrics.drop)
    recommending = Recommending(models, store)
    batcher = Batcher(
        recommending.compute,
        max_batch=settings.max_batch,
        queue=settings.queue,
        timeout_seconds=settings.timeout_seconds,
        told=metrics.batch,
    )
    examples = None if settings.examples is None else dataset_examples(Path(settings.examples))
    handlers = Handlers(
        models,
        store,
        batcher,
        recommending,
        metrics,
        examples,
    )
    models.swapped = partial(_follow, models, store, metrics, handlers)
    models.swapped()

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        tasks = []
        if settings.watch_seconds:
            tasks.append(asyncio.create_task(models.watch(settings.watch_seconds)))
        if isinstance(store, MemoryStore):
            tasks.append(asyncio.create_task(forget(store)))
        yield
        for one in tasks:
            one.cancel()
        await store.close()
        handlers.close()
        batcher.close()

    app = Starlette(
        routes=routes(handlers),
        lifespan=lifespan,
        exception_handlers={Problem: on_problem, 404: on_http, 405: on_http, Exception: on_defect},
    )
    app.router.redirect_slashes = False
    return app


def _follow(models: Models, store: Store, metrics: Computed, handlers: Handlers) -> None:
    """Take note of which models answer now."""
    handlers.follow()
    store.keep_for(horizon_of(models))
    metrics.serves({name: one.sha256 for name, one in models.all_current().items()})


async def forget(store: MemoryStore) -> None:
    """Free the events of users who are gone, for ever, also where nobody sends new ones.

    Args:
        store: Where they are kept.
    """
    while True:
        await asyncio.sleep(FORGET_SECONDS)
        store.forget_gone(time.time_ns() // 1000)


def slots_of(settings: Settings) -> dict[str, Slot]:
    """Where the served models lie.

    Args:
        settings: What the service was started with.

    Returns:
        Name to slot.
    """
    slots = {MAIN: Slot(Path(settings.bundle))}
    if settings.beside is not None:
        slots["beside"] = Slot(Path(settings.beside))
    return slots


def horizon_of(models: Models) -> int:
    """How long events are kept: as long as the model with the longest windows looks back.

    Args:
        models: The models that answer.

    Returns:
        Microseconds.
    """
    current = models.all_current().values()
    return max(horizon_us(one.bundle.config.data) for one in current)


def open_store(
    settings: Settings, horizon: int, dropped: Callable[[], object] | None = None
) -> Store:
    """Where events are kept.

    Args:
        settings: Whose `state` is "memory" or a URL of Redis.
        horizon: For how long, microseconds.
        dropped: Called for every user who had to leave memory before her time.

    Returns:
        The store.

    Raises:
        UnclickedError: If it is neither.
    """
    if settings.state == "memory":
        return MemoryStore(horizon, max_users=settings.max_users, told=dropped)
    return RedisStore.from_url(settings.state, horizon, log=TroubleLog())


def routes(handlers: Handlers) -> list[Route]:
    """All routes of the service.

    Args:
        handlers: What they do.

    Returns:
        The routes.
    """
    files = StaticFiles()
    described = document()

    async def openapi(request: Request) -> Response:
        return json_response(described)

    return [
        Route(RECOMMEND, handlers.recommend, methods=["POST"]),
        Route(EVENTS, handlers.keep_events, methods=["POST"]),
        Route(f"{USERS}{{user_id:anything}}", handlers.remove_user, methods=["DELETE"]),
        Route("/items", handlers.find_items),
        Route("/items/{item_id:anything}/similar", handlers.similar),
        Route("/items/{item_id:anything}", handlers.item),
        Route("/examples", handlers.some_users),
        Route("/model", handlers.model),
        Route("/health", handlers.health),
        Route(READY, handlers.ready),
        Route(METRICS, handlers.figures),
        Route("/openapi.json", openapi),
        Route("/docs", files.reference),
        Route("/static/{name}", files.file),
        Route("/", files.page),
    ]


async def on_problem(request: Request, error: Exception) -> Response:
    """A problem as an answer."""
    if isinstance(error, Problem):
        return error.response()
    raise error


async def on_http(request: Request, error: Exception) -> Response:
    """What the router refuses."""
    if not isinstance(error, HTTPException):
        raise error
    texts = {404: "there is nothing here; see /docs.", 405: "has another method; see /docs."}
    text = texts.get(error.status_code, "cannot be answered.")
    code = {404: "NOT-FOUND", 405: "METHOD"}.get(error.status_code, "HTTP")
    return Problem(error.status_code, code, text, headers=error.headers).response()


async def on_defect(request: Request, error: Exception) -> Response:
    """A defect of ours: the log has it, the client is told nothing but where to find it there."""
    mark = secrets.token_hex(4)
    sys.stderr.write(f"defect {mark}\n" + "".join(traceback.format_exception(error)))
    text = f"the service has a defect; its log says more, at {mark}."
    return Problem(500, "DEFECT", text).response()
