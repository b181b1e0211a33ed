"""Bundles of tiny runs, and a service in this process, its two sides in two threads."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from unclicked.bundle import export_bundle
from unclicked.run import Run, open_run
from unclicked.serving.app import build
from unclicked.serving.front import build_front
from unclicked.serving.model_process import answer
from unclicked.serving.settings import Settings

Start = Callable[..., TestClient]


@contextmanager
def assembled(settings: Settings) -> Iterator[TestClient]:
    """A service as it is served, but for the second process, which is a thread here."""
    here, there = socket.socketpair()
    app = build(settings)
    thread = threading.Thread(target=lambda: asyncio.run(answer(app, there)))
    thread.start()
    front = build_front(settings, here, lost=lambda: None, ended=thread.join)
    with there, TestClient(front, raise_server_exceptions=False) as one:
        yield one


@pytest.fixture(scope="session")
def tiny_bundle(tiny_run: Path) -> Path:
    """The tiny run as a bundle; tests that change it copy it first."""
    out = tiny_run.parent / "served-bundle"
    export_bundle(open_run(tiny_run), out)
    return out


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts services in this process."""
    with ExitStack() as stack:

        def begin(bundle: Path, **settings: object) -> TestClient:
            return stack.enter_context(assembled(Settings(bundle=str(bundle), **settings)))

        yield begin


@pytest.fixture(scope="module")
def client(tiny_bundle: Path) -> Iterator[TestClient]:
    """A service of the tiny bundle, beside itself."""
    settings = Settings(bundle=str(tiny_bundle), beside=str(tiny_bundle), watch_seconds=0)
    with assembled(settings) as one:
        yield one


@pytest.fixture(scope="module")
def run(tiny_run: Path) -> Run:
    return open_run(tiny_run)


@pytest.fixture(scope="module")
def ids(run: Run) -> list[Any]:
    return run.catalogue.items.values.to_pylist()
