"""Bundles of tiny runs, and a service in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from unclicked.bundle import export_bundle
from unclicked.run import Run, open_run
from unclicked.serving.app import build
from unclicked.serving.settings import Settings

Start = Callable[..., TestClient]


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
            app = build(Settings(bundle=str(bundle), **settings))
            return stack.enter_context(TestClient(app, raise_server_exceptions=False))

        yield begin


@pytest.fixture(scope="module")
def client(tiny_bundle: Path) -> Iterator[TestClient]:
    """A service of the tiny bundle, beside itself."""
    app = build(Settings(bundle=str(tiny_bundle), beside=str(tiny_bundle), watch_seconds=0))
    with TestClient(app, raise_server_exceptions=False) as one:
        yield one


@pytest.fixture(scope="module")
def run(tiny_run: Path) -> Run:
    return open_run(tiny_run)


@pytest.fixture(scope="module")
def ids(run: Run) -> list[Any]:
    return run.catalogue.items.values.to_pylist()
