"""A service in processes of its own that experiments hurt: its bundles, its memory, its clients."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torture.world import small_config, small_dataset
from unclicked.bundle import export_bundle
from unclicked.recommendation import Request, recommend
from unclicked.run import Run, open_run
from unclicked.start import train

HOST = "127.0.0.1"
JSON = {"content-type": "application/json"}
START_SECONDS = 120.0
Answer = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True)
class Service:
    """A running service.

    Attributes:
        port: Where it answers.
        process: Its first process.
        log: What it says on stderr.
    """

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def ask(self, method: str, path: str, body: Any = None, timeout: float = 30.0) -> Answer:
        """One request on a connection of its own.

        Args:
            method: HTTP method.
            path: Path and query.
            body: What is sent as JSON, if anything is.
            timeout: Seconds.

        Returns:
            Status, headers with names in lower case, and body.
        """
        connection = http.client.HTTPConnection(HOST, self.port, timeout=timeout)
        try:
            content = None if body is None else json.dumps(body).encode()
            connection.request(method, path, content, JSON if content else {})
            answer = connection.getresponse()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, headers, answer.read()
        finally:
            connection.close()

    def json(self, path: str) -> Any:
        """What a GET answers, as JSON."""
        return json.loads(self.ask("GET", path)[2])

    def counted(self, name: str) -> dict[str, float]:
        """Figures of `/metrics` whose line starts with a name, by line.

        Args:
            name: Start of their names.

        Returns:
            The figures.
        """
        lines = self.ask("GET", "/metrics")[2].decode().splitlines()
        pairs = [line.rpartition(" ") for line in lines if line.startswith(name)]
        return {left: float(right) for left, _, right in pairs}

    @property
    def workers(self) -> list[int]:
        """Processes that answer: those that talk to clients, and those that hold the model."""
        talking = _children(self.process.pid)
        return talking + [one for pid in talking for one in _children(pid)]

    @property
    def memory_mib(self) -> float:
        """Memory that the workers hold."""
        lines = [
            line
            for pid in self.workers
            for line in Path(f"/proc/{pid}/status").read_text().splitlines()
            if line.startswith("VmRSS:")
        ]
        return sum(int(line.split()[1]) for line in lines) / 1024

    @property
    def handles(self) -> int:
        """Open files and sockets of the workers."""
        return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in self.workers)  # noqa: PTH208


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(one) for one in text.split()]


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind((HOST, 0))
        return int(one.getsockname()[1])


@contextmanager
def service(bundle: Path, *options: str) -> Iterator[Service]:
    """A service of a bundle, ready to be asked.

    Args:
        bundle: The bundle.
        *options: Further options of `unclicked serve`.

    Yields:
        The service.
    """
    port, log = free_port(), bundle.with_name(f"service-{time.monotonic_ns()}.log")
    command = [sys.executable, "-m", "unclicked", "serve", str(bundle), "--port", str(port)]
    with log.open("wb") as said:
        process = subprocess.Popen(
            [*command, *options],
            stdout=said,
            stderr=said,
            env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE"},
        )
    one = Service(port, process, log)
    try:
        _wait(one)
        yield one
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            for pid in one.workers:
                os.kill(pid, signal.SIGKILL)
            process.kill()
            process.wait()


def _wait(one: Service) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if one.process.poll() is not None:
            raise RuntimeError(f"the service ended: {one.log.read_text()[-2000:]}")
        try:
            if one.ask("GET", "/ready", timeout=5)[0] == 200:
                return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError(f"no answer from port {one.port} within {START_SECONDS:g} seconds")


def small_runs(folder: Path, number: int, num_items: int = 1_000, dim: int = 16) -> list[Run]:
    """Runs on one small log that differ in their seed.

    Args:
        folder: Where to work.
        number: How many.
        num_items: Items in the catalogue.
        dim: Length of the vectors.

    Returns:
        The runs.
    """
    data = small_dataset(folder, num_users=120, num_items=num_items)
    found = []
    for seed in range(number):
        target = folder / f"run-{seed}"
        settings = {"train": {"seed": seed, "max_epochs": 1}, "model": {"dim": dim}}
        train(data, target, small_config(data, **settings))
        found.append(open_run(target))
    return found


def small_bundle(folder: Path, num_items: int = 1_000, dim: int = 16) -> Path:
    """A bundle of a small run.

    Args:
        folder: Where to work.
        num_items: Items in the catalogue.
        dim: Length of the vectors.

    Returns:
        The bundle, `folder/bundle`.
    """
    export_bundle(small_runs(folder, 1, num_items, dim)[0], folder / "bundle")
    return folder / "bundle"


def bodies(ids: Sequence[Any], number: int, history: int = 40) -> list[dict[str, Any]]:
    """Bodies of `/recommend`, none like another.

    Args:
        ids: Ids of all items.
        number: How many.
        history: Items in both lists together.

    Returns:
        The bodies.
    """
    found = []
    for one in range(number):
        places = [(37 * one + 11 * step * (1 + one % 7)) % len(ids) for step in range(history)]
        cut = 1 + one % (history // 2)
        some = [ids[place] for place in places]
        found.append({"clicked": some[:cut], "unclicked": some[cut:], "top_k": 5 + one % 20})
    return found


def expected(run: Run, asked: Sequence[dict[str, Any]]) -> list[list[list[list[Any]]]]:
    """What the library answers, without any service.

    Args:
        run: The run.
        asked: Bodies as `bodies` makes them.

    Returns:
        For each body, and each of its users, ids and scores.
    """
    users = [one.get("users", [one]) for one in asked]
    requests = [
        Request(one["clicked"], one["unclicked"], top_k=one["top_k"])
        for some in users
        for one in some
    ]
    found = iter(recommend(run, requests))
    lists = [[next(found)["items"] for _ in some] for some in users]
    return [
        [[[item["item_id"] for item in one], [item["score"] for item in one]] for one in some]
        for some in lists
    ]


def several(asked: Sequence[dict[str, Any]], number: int) -> list[dict[str, Any]]:
    """Bodies of which every third asks for several users at once.

    Args:
        asked: Bodies of one user each.
        number: Users in one of several.

    Returns:
        As many bodies.

    Example:
        >>> several([{"a": 1}, {"a": 2}, {"a": 3}], 2)
        [{'users': [{'a': 1}, {'a': 2}]}, {'a': 2}, {'a': 3}]
    """
    found = list(asked)
    for place in range(0, len(found), 3):
        users = [asked[(place + step) % len(asked)] for step in range(number)]
        found[place] = {"users": users}
    return found


def share(values: Sequence[float], part: float) -> float:
    """A quantile.

    Args:
        values: Numbers; none of them gives NaN.
        part: From 0 to 1.

    Returns:
        The smallest value that at least this part does not exceed.

    Example:
        >>> share([3.0, 1.0, 2.0], 0.5)
        2.0
    """
    if not values:
        return float("nan")
    order = sorted(values)
    return order[min(int(part * len(order)), len(order) - 1)]
