"""Clients that are slow on purpose, and bodies too large: cut in time, and nobody else notices."""

from __future__ import annotations

import gzip
import json
import resource
import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from torture.figures import Figure, count, none, told
from torture.service import HOST, Service, bodies, service, share, small_bundle
from torture.service_clients import clients
from torture.service_wire import head, heard, recommend
from unclicked.bundle import open_bundle

SHORT, LONG = 50, 250
# Seconds after which each kind must be gone, and what the clock may be late by.
SECONDS = {"no byte": 10.0, "half a header": 10.0, "half a body": 5.0, "answers not read": 10.0}
LATE = 1.0
QUIET_SECONDS, WATCHED_SECONDS = 5.0, 14.0
NORMAL, PAUSE = 2, 0.02
HUGE = 100 * 2**20
MOST_MIB = 5.0
# More than a worker has places for, and how long one may have to wait for a place.
IDLE, IDLE_WAIT = 4_300, 15.0
JSON_LINES = ["host: a", "content-type: application/json"]


def run(long: bool, folder: Path) -> list[Figure]:
    """Hold many connections half open, and send bodies of 100 MB.

    Args:
        long: 1,000 connections instead of 200.
        folder: Where to work.

    Returns:
        When each kind was cut, a normal client's waiting times, file handles, answers, memory.
    """
    bundle = small_bundle(folder)
    ids = open_bundle(bundle).catalogue.items.values.to_pylist()
    with service(bundle) as one:
        asked = bodies(ids, 100)
        with clients(one.port, asked, folder, number=NORMAL, pause=PAUSE) as quiet:
            time.sleep(QUIET_SECONDS)
        handles = one.handles
        slow = _Slow(one.port, LONG if long else SHORT)
        with clients(one.port, asked, folder, number=NORMAL, pause=PAUSE) as beside:
            slow.open()
            # Opening them is a burst of long lists; what counts is what holding them does.
            _computed(one)
            opened = time.monotonic()
            slow.watch(WATCHED_SECONDS)
            held = one.handles
        slow.close()
        left = _settled(one, handles)
        times = [
            [took for when, took in seen.times if when > opened or seen is quiet.seen]
            for seen in (quiet.seen, beside.seen)
        ]
        p99 = [share(some, 0.99) * 1000 for some in times]
        answered = beside.seen.counts["200"]
        failed = sum(beside.seen.counts.values()) - answered
        return [
            *slow.figures(),
            told("slow: file handles before, with what is left open", f"{handles}, {held}"),
            none("slow: file handles left over", left),
            none(f"slow: failed requests of normal clients beside {answered:,}", failed),
            Figure(
                "slow: p99 of normal clients, quiet and beside",
                f"{p99[0]:.1f} ms, {p99[1]:.1f} ms",
                "<= 2 x quiet" if long else "",
                not long or p99[1] <= 2 * p99[0],
            ),
            *_huge(one),
            *(_idle(one) if long else []),
        ]


@dataclass
class _Slow:
    """Connections that are half open.

    Args:
        port: Of the service.
        number: How many of each kind.
    """

    port: int
    number: int
    kinds: dict[socket.socket, tuple[str, float]] = field(default_factory=dict)
    cut: dict[str, list[float]] = field(default_factory=dict)
    said: dict[str, set[bytes]] = field(default_factory=dict)

    def open(self) -> None:
        """Open all of them, and send what each kind sends."""
        full = recommend({"top_k": 1000})
        sends = {
            "no byte": b"",
            "half a header": head("POST", "/recommend", JSON_LINES)[:-2] + b"x-more: ",
            "half a body": head("POST", "/recommend", [*JSON_LINES, "content-length: 900"]) + b'{"',
            "answers not read": full * 2,
        }
        for _ in range(self.number):
            for kind, sent in sends.items():
                one = socket.socket()
                if kind == "answers not read":
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
                one.settimeout(30)
                one.connect((HOST, self.port))
                one.sendall(sent)
                one.setblocking(False)
                self.kinds[one] = (kind, time.monotonic())
            time.sleep(0.005)

    def watch(self, seconds: float) -> None:
        """Note when the other side ends a connection."""
        poll = select.poll()
        by_number = {one.fileno(): one for one in self.kinds}
        for one, (kind, _) in self.kinds.items():
            # Whoever does not read learns of the end by an error alone.
            unread = kind == "answers not read"
            poll.register(one, 0 if unread else select.POLLIN | select.POLLRDHUP)
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and by_number:
            for number, events in poll.poll(1000 * left):
                one = by_number[number]
                kind, begun = self.kinds[one]
                ended = bool(events & (select.POLLHUP | select.POLLERR | select.POLLRDHUP))
                if events & select.POLLIN:
                    ended = self._heard(kind, one) or ended
                if ended:
                    self.cut.setdefault(kind, []).append(time.monotonic() - begun)
                    poll.unregister(one)
                    del by_number[number]
        self._try_unread(poll, by_number)

    def _try_unread(self, poll: select.poll, by_number: dict[int, socket.socket]) -> None:
        """A client that does not read is not told, and finds out when it says something."""
        for one in by_number.values():
            if self.kinds[one][0] == "answers not read":
                with suppress(OSError):
                    one.send(b"G")
        time.sleep(0.5)
        for number, events in poll.poll(0):
            kind, begun = self.kinds[by_number[number]]
            if kind == "answers not read" and events & (select.POLLHUP | select.POLLERR):
                self.cut.setdefault(kind, []).append(time.monotonic() - begun)

    def _heard(self, kind: str, one: socket.socket) -> bool:
        try:
            some = one.recv(65536)
        except BlockingIOError:
            return False
        except OSError:
            return True
        if some:
            self.said.setdefault(kind, set()).add(some[9:12])
        return not some

    def close(self) -> None:
        """Close what is still open."""
        for one in self.kinds:
            one.close()

    def figures(self) -> list[Figure]:
        """When each kind was cut."""
        found = []
        for kind, most in SECONDS.items():
            times = self.cut.get(kind, [])
            # Of those who do not read, the first: others may find out at the end alone.
            unread = kind == "answers not read"
            late = min(times, default=0.0) if unread else max(times, default=0.0)
            said = b", ".join(sorted(self.said.get(kind, set()))).decode() or "nothing"
            found.append(
                Figure(
                    f"slow: {kind}: cut, at the latest, told",
                    f"{len(times)} of {self.number}, {late:.1f} s, {said}",
                    f"all within {most:g} s",
                    len(times) == self.number and late < most + LATE,
                )
            )
        return found


def _computed(one: Service) -> None:
    """Wait until nobody waits for a list."""
    until = time.monotonic() + 4
    while time.monotonic() < until and one.counted("unclicked_queue_depth").popitem()[1]:
        time.sleep(0.1)


def _settled(one: Service, wanted: int, seconds: float = 5.0) -> int:
    """File handles above those of the start, after a moment to let go."""
    until = time.monotonic() + seconds
    while one.handles > wanted and time.monotonic() < until:
        time.sleep(0.1)
    return max(0, one.handles - wanted)


def _idle(one: Service) -> list[Figure]:
    """More clients than there are places, all of them answered once and silent since."""
    asks, waits, handles = head("GET", "/health", ["host: a"]), [0.0], one.handles
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, IDLE + 200), hard))
    begun, told_ok = time.monotonic(), 0
    with ExitStack() as stack:
        for _ in range(IDLE):
            client = stack.enter_context(socket.create_connection((HOST, one.port)))
            client.settimeout(2 * IDLE_WAIT)
            asked = time.monotonic()
            client.sendall(asks)
            with suppress(OSError):
                told_ok += client.recv(15)[9:12] == b"200"
            waits.append(time.monotonic() - asked)
        took = time.monotonic() - begun
        left = _settled(one, handles, 2 * IDLE_WAIT)
    return [
        count(f"slow: idle clients answered, {IDLE:,} in {took:.0f} s", told_ok, IDLE),
        Figure(
            "slow: the longest wait among them",
            f"{max(waits):.1f} s",
            f"<= {IDLE_WAIT:g} s",
            max(waits) <= IDLE_WAIT,
        ),
        # The last ones are no crowd any more, and are cut after the longer time.
        told("slow: file handles of them after as long again", f"{left}"),
    ]


def _huge(one: Service) -> list[Figure]:
    """100 MB in several ways; each is refused before it is held."""
    block = b" " * 65536
    packed = gzip.compress(json.dumps({"profile": {"a": "b" * HUGE}}).encode(), 1)

    def plain() -> Iterator[bytes]:
        yield head("POST", "/recommend", [*JSON_LINES, f"content-length: {HUGE}"])
        for _ in range(HUGE // len(block)):
            yield block

    def pieces(size: int, seconds: float = 60.0) -> Iterator[bytes]:
        yield head("POST", "/recommend", [*JSON_LINES, "transfer-encoding: chunked"])
        piece = f"{size:x}\r\n".encode() + b" " * size + b"\r\n"
        until = time.monotonic() + seconds
        for _ in range(HUGE // size):
            if time.monotonic() > until:
                return
            yield piece

    def gzipped() -> Iterator[bytes]:
        lines = [*JSON_LINES, f"content-length: {len(packed)}", "content-encoding: gzip"]
        yield head("POST", "/recommend", lines) + packed

    ways: list[tuple[str, Callable[[], Iterator[bytes]], set[int]]] = [
        ("with its length", plain, {413}),
        ("in chunks of 64 KiB", lambda: pieces(65536), {413}),
        ("in chunks of one byte", lambda: pieces(1), {413, 408}),
        ("in gzip", gzipped, {415}),
    ]
    for _, send, _ in ways[::2]:
        heard(one.port, send())
    before, answers = one.memory_mib, []
    for name, send, wanted in ways:
        found = heard(one.port, send())
        answers.append((f"{name}: {found.status}", found.status in wanted and not found.fault))
    grown = one.memory_mib - before
    return [
        count("slow: 100 MB refused", sum(well for _, well in answers), len(answers)),
        told("slow: 100 MB answered", "; ".join(text for text, _ in answers)),
        Figure(
            "slow: memory after 100 MB, four times",
            f"{grown:+.1f} MiB",
            f"<= {MOST_MIB:g} MiB",
            grown <= MOST_MIB,
        ),
    ]
