"""Keep-alive clients in a process of their own that check every answer.

Started by `clients`; it reads a plan, asks until its stdin is closed, and prints what it saw.
"""

from __future__ import annotations

import asyncio
import json
import math
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
TIMEOUT = 30.0
RELATIVE = 1e-4


@dataclass
class Seen:
    """What clients saw.

    Attributes:
        counts: Number of answers by status as text, and of "lost", "closed", "refused" and "mixed".
        times: For each answer of 200 the moment of asking and the seconds it took.
        wrong: Some of what must not be, as text.
        models: Hashes of the models that answered.
    """

    counts: Counter[str] = field(default_factory=Counter)
    times: list[tuple[float, float]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    models: Counter[str] = field(default_factory=Counter)

    def note(self, kind: str, what: str = "") -> None:
        """Count one thing, and keep what it was where that is worth a line."""
        self.counts[kind] += 1
        if what and len(self.wrong) < 20:
            self.wrong.append(f"{kind}: {what}"[:300])


class LostError(Exception):
    """The connection ended before a request on it was answered; the text says how far it came."""


class Running:
    """Clients at work.

    Args:
        process: Their process.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.seen = Seen()

    def end(self) -> None:
        """Let them end, and take what they saw."""
        out = self._process.communicate()[0]
        told = json.loads(out)
        times = [(one[0], one[1]) for one in told["times"]]
        self.seen = Seen(Counter(told["counts"]), times, told["wrong"], Counter(told["models"]))


@contextmanager
def clients(
    port: int,
    bodies: Sequence[Any],
    folder: Path,
    *,
    number: int,
    pause: float = 0.0,
    answers: dict[str, list[Any]] | None = None,
) -> Iterator[Running]:
    """Clients that ask while the block runs.

    Args:
        port: Of the service.
        bodies: What they ask, in turn.
        folder: Where to write the plan.
        number: How many keep-alive connections.
        pause: Seconds between an answer and the next request of a client.
        answers: For each model's hash the ids and scores of each body; None checks none.

    Yields:
        Their results, filled in at the end of the block.
    """
    plan = folder / f"plan-{time.monotonic_ns()}.json"
    texts = [json.dumps(one) for one in bodies]
    content = {"port": port, "number": number, "pause": pause, "bodies": texts, "answers": answers}
    plan.write_text(json.dumps(content))
    process = subprocess.Popen(
        [sys.executable, "-m", "torture.service_clients", str(plan)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    running = Running(process)
    try:
        yield running
        running.end()
    finally:
        process.kill()
        process.wait()


class _Client:
    """One keep-alive client.

    Args:
        plan: What to do.
        number: Which client this is.
        seen: Where to count.
    """

    def __init__(self, plan: dict[str, Any], number: int, seen: Seen) -> None:
        self.plan, self.number, self.seen = plan, number, seen
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Ask until told to stop, or until nobody listens any more."""
        turn = self.number
        await asyncio.sleep(self.plan["pause"] * self.number / self.plan["number"])
        while not stop.is_set():
            if not await self._connected():
                return
            place = turn % len(self.plan["bodies"])
            turn += 7
            asked = time.monotonic()
            try:
                async with asyncio.timeout(TIMEOUT):
                    status, body = await self._ask(self.plan["bodies"][place])
            except (LostError, TimeoutError) as error:
                self.seen.note("lost", f"{error!r} after {time.monotonic() - asked:.3f} s")
                self._close()
                continue
            self.seen.counts[str(status)] += 1
            if status == 200:
                self.seen.times.append((asked, time.monotonic() - asked))
                self._check(place, body)
            elif len(self.seen.wrong) < 20:
                self.seen.wrong.append(f"{status}: {body[:200]!r}")
            if self.plan["pause"]:
                await asyncio.sleep(self.plan["pause"])
        self._close()

    async def _connected(self) -> bool:
        # What the other side has closed while nothing was asked is opened anew.
        if self.reader is not None and self.reader.at_eof():
            self.seen.counts["closed"] += 1
            self._close()
        while self.writer is None:
            try:
                self.reader, self.writer = await asyncio.open_connection(HOST, self.plan["port"])
            except OSError:
                self.seen.counts["refused"] += 1
                return False
        return True

    def _close(self) -> None:
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None

    async def _ask(self, text: str) -> tuple[int, bytes]:
        if self.reader is None or self.writer is None:
            raise LostError("there is no connection")
        head = f"POST /recommend HTTP/1.1\r\nhost: {HOST}\r\ncontent-type: application/json\r\n"
        self.writer.write(f"{head}content-length: {len(text)}\r\n\r\n{text}".encode())
        started = False
        try:
            top = await self.reader.readuntil(b"\r\n\r\n")
            started = True
            lines = top.decode("latin-1").split("\r\n")
            pairs = [line.split(": ", 1) for line in lines[1:] if line]
            headers = {name.lower(): value for name, value in pairs}
            body = await self.reader.readexactly(int(headers["content-length"]))
        except (OSError, asyncio.IncompleteReadError) as error:
            how = "in the middle of an answer" if started else "before any byte of an answer"
            raise LostError(f"{how}: {error!r}") from None
        if headers.get("connection", "").lower() == "close":
            self._close()
        return int(lines[0].split(" ")[1]), body

    def _check(self, place: int, body: bytes) -> None:
        if self.plan["answers"] is None:
            return
        answer = json.loads(body)
        users = answer.get("users", [answer])
        names = {one["model"]["sha256"] for one in users}
        name = min(names)
        self.seen.models[name] += 1
        known = self.plan["answers"].get(name)
        if known is None or len(names) > 1:
            self.seen.note("mixed", f"two models, or one that nobody exported: {sorted(names)}")
            return
        for one, (ids, scores) in zip(users, known[place], strict=True):
            found = [item["item_id"] for item in one["items"]]
            close = all(
                math.isclose(item["score"], score, rel_tol=RELATIVE)
                for item, score in zip(one["items"], scores, strict=False)
            )
            if found != ids or not close:
                self.seen.note("mixed", f"{name[:8]} body {place}: {found[:5]} against {ids[:5]}")
                return


async def _all(plan: dict[str, Any]) -> Seen:
    seen, stop = Seen(), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin.fileno(), stop.set)
    tasks = [asyncio.create_task(_Client(plan, n, seen).run(stop)) for n in range(plan["number"])]
    await asyncio.gather(*tasks)
    return seen


def _main() -> None:
    plan = json.loads(Path(sys.argv[1]).read_text())
    seen = asyncio.run(_all(plan))
    told = {
        "counts": seen.counts,
        "times": seen.times,
        "wrong": seen.wrong,
        "models": seen.models,
    }
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    _main()
