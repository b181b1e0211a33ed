"""The service against FastAPI and uvicorn with the same model: latency alone, and 64 clients."""

from __future__ import annotations

import importlib.util
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pyarrow as pa

from unclicked.bench.ratio import Row, compared
from unclicked.bench.serve_load import Load, load, write_script
from unclicked.bundle import export_bundle
from unclicked.config import Config
from unclicked.data.catalogue import Catalogue, FieldCodes
from unclicked.data.vocabulary import Vocabulary
from unclicked.errors import UserError
from unclicked.run import Run, RunFacts, build_model, machine_facts
from unclicked.settings import preset_settings, resolve
from unclicked.training.checkpoint import Progress

TITLE = "the service against FastAPI and uvicorn calling the same model for each request"
AGAINST = "FastAPI and uvicorn"
CLIENTS = (1, 64)
SIZES = {False: (100_000, 128, 10), True: (2_000, 16, 2)}
CLICKED, UNCLICKED = 50, 100
FIELDS = {"leaf_category": 5_000, "category": 200, "brand": 8_000, "shop": 20_000}


def run(rounds: int, small: bool, say: Callable[[str], None]) -> list[Row]:
    """Serve one bundle by both, and let the same load fall on them by turns.

    Args:
        rounds: Rounds, at least 1.
        small: Whether to take small sizes.
        say: Called with lines that tell how far it is.

    Returns:
        Rows for latency at one client and for the time of a request at 64 clients.

    Raises:
        UserError: If what is measured with or against is not installed.
    """
    lacking = [one for one in ("fastapi", "uvicorn") if importlib.util.find_spec(one) is None]
    if lacking:
        raise UserError(
            "EXTRA",
            ", ".join(lacking),
            "is not installed. Install the extra: pip install '.[bench]'",
        )
    num_items, dim, seconds = SIZES[small]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bundle = folder / "bundle"
        ids = make_bundle(num_items, dim, bundle)
        write_script(ids, CLICKED, UNCLICKED, folder / "load.lua")
        found: dict[tuple[str, int], list[Load]] = {}
        for turn in range(rounds + 1):
            for name in ("ours", "theirs"):
                # One at a time: an idle server must not share the cores with the other.
                with serving(name, bundle) as url:
                    for clients in CLIENTS:
                        one = load(url, folder / "load.lua", clients, seconds)
                        if turn:
                            found.setdefault((name, clients), []).append(one)
            say(f"round {turn} of {rounds}" if turn else "first round, which does not count")
    return _rows(found)


def _rows(found: dict[tuple[str, int], list[Load]]) -> list[Row]:
    rows = []
    for percent in ("p50", "p99"):
        ours, theirs = (
            [1000 * getattr(one, percent) for one in found[name, 1]] for name in ("ours", "theirs")
        )
        rows.append(compared(f"{percent} at one client", ours, AGAINST, theirs, "ms"))
    for percent in ("p50", "p99"):
        ours, theirs = (
            [1000 * getattr(one, percent) for one in found[name, 64]] for name in ("ours", "theirs")
        )
        rows.append(compared(f"{percent} at 64 clients", ours, AGAINST, theirs, "ms"))
    ours, theirs = ([1000 / one.rate for one in found[name, 64]] for name in ("ours", "theirs"))
    rows.append(compared("64 clients", ours, AGAINST, theirs, "ms a request"))
    return rows


@contextmanager
def serving(name: str, bundle: Path) -> Iterator[str]:
    """A server of one side.

    Args:
        name: "ours" or "theirs".
        bundle: What is served.

    Yields:
        Where /recommend is.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    module = ["unclicked.bench.serve_rival", str(bundle), str(port)]
    if name == "ours":
        module = ["unclicked", "serve", str(bundle), "--port", str(port)]
    process = subprocess.Popen(
        [sys.executable, "-m", *module], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait(process, f"http://127.0.0.1:{port}/ready")
        yield f"http://127.0.0.1:{port}/recommend"
    finally:
        process.terminate()
        process.wait(30)


def _wait(process: subprocess.Popen[bytes], url: str) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (URLError, OSError):
            time.sleep(0.1)
    raise UserError("BENCH-SERVER", url, "did not answer.")


def make_bundle(num_items: int, dim: int, out: Path) -> list[str]:
    """A bundle of SDM with the full plug-in and random weights: arithmetic does not read them.

    Args:
        num_items: V.
        dim: D.
        out: Folder to make.

    Returns:
        Item ids.
    """
    rng = np.random.default_rng(0)
    ids = [f"i{number:07d}" for number in range(num_items)]
    fields = {}
    for name, most in FIELDS.items():
        size = min(most, num_items)
        codes = rng.integers(1, size + 1, num_items + 2).astype(np.int32)
        words = Vocabulary(pa.array([f"{name}{number}" for number in range(size)]))
        fields[name] = FieldCodes(words, np.arange(num_items + 3), codes)
    catalogue = Catalogue(
        items=Vocabulary(pa.array(ids)),
        clicks=np.arange(num_items, 0, -1),
        id_rank=np.maximum(np.arange(num_items + 1) - 1, 0),
        fields=fields,
    )
    config: Config = resolve(preset_settings("recommended"), {"model": {"dim": dim}})
    facts = RunFacts(config, "recommended", out, "", "", machine_facts())
    model = build_model(config, catalogue, {}, 0).eval()
    run_ = Run(
        out.with_name("run"), facts, catalogue, Vocabulary(pa.array([""])), {}, model, Progress()
    )
    export_bundle(run_, out)
    return ids
