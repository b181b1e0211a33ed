"""The end of a service under load: whoever was heard is answered, and nobody serves on alone."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections import Counter
from pathlib import Path

from torture.figures import Figure, Progress, count, none, told
from torture.service import HOST, Service, bodies, service, small_bundle
from torture.service_clients import clients
from unclicked.bundle import open_bundle

SHORT, LONG = 2, 20
SHORT_SECONDS, LONG_SECONDS = 2.0, 5.0
LONG_REQUESTS = 50_000
CLIENTS = 32
GRACE_SECONDS = 20.0
ORPHAN_SECONDS = 2.0


def run(long: bool, folder: Path) -> list[Figure]:
    """Send SIGTERM while clients ask, and SIGKILL to the first process alone.

    Args:
        long: 20 of each instead of 2.
        folder: Where to work.

    Returns:
        Lost requests, exit codes, how long the end took, and workers that served on.
    """
    bundle = small_bundle(folder)
    number, seconds = (LONG, LONG_SECONDS) if long else (SHORT, SHORT_SECONDS)
    asked = bodies(open_bundle(bundle).catalogue.items.values.to_pylist(), 100)
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    ends: list[float] = []
    codes: Counter[int] = Counter()
    progress = Progress("sigterm", number)
    begun = time.perf_counter()
    for turn in range(number):
        with (
            service(bundle) as one,
            clients(one.port, asked, folder, number=CLIENTS) as running,
        ):
            time.sleep(seconds)
            ends.append(_end(one))
            # Clients that are still there find nobody, or what was lost.
            time.sleep(0.5)
        counts += running.seen.counts
        wrong += running.seen.wrong
        codes[one.process.returncode] += 1
        progress.say(turn + 1, counts["lost"])
    took = time.perf_counter() - begun
    return [*_told(counts, wrong, ends, codes, took), *_orphans(bundle, number // 2)]


def _told(
    counts: Counter[str], wrong: list[str], ends: list[float], codes: Counter[int], took: float
) -> list[Figure]:
    number = len(ends)
    answered = counts["200"]
    least = LONG_REQUESTS if number == LONG else 500
    others = sum(counts.values()) - answered - counts["refused"] - counts["closed"] - counts["lost"]
    return [
        Figure(
            f"sigterm: answered over {number} ends under {CLIENTS} keep-alive clients",
            f"{answered:,}",
            f">= {least:,}",
            answered >= least,
            took,
        ),
        none("sigterm: lost requests", counts["lost"]),
        none("sigterm: answers that are no 200", others),
        *(told("sigterm: wrong", text) for text in wrong[:5]),
        count("sigterm: exit code 0", codes[0], number),
        Figure(
            "sigterm: slowest end",
            f"{max(ends):.2f} s",
            f"< {GRACE_SECONDS:g} s",
            max(ends) < GRACE_SECONDS,
        ),
        told("sigterm: clients who found nobody afterwards", str(counts["refused"])),
    ]


def _end(one: Service) -> float:
    begun = time.perf_counter()
    one.process.send_signal(signal.SIGTERM)
    one.process.wait(GRACE_SECONDS * 2)
    return time.perf_counter() - begun


def _orphans(bundle: Path, number: int) -> list[Figure]:
    """Kill the first process, and ask whether a worker serves on."""
    gone, slowest = 0, 0.0
    for _ in range(number):
        with service(bundle) as one:
            workers = one.workers
            begun = time.perf_counter()
            one.process.kill()
            one.process.wait()
            while _answers(one) or any(_lives(pid) for pid in workers):
                if time.perf_counter() - begun > 5 * ORPHAN_SECONDS:
                    break
                time.sleep(0.01)
            took = time.perf_counter() - begun
            slowest = max(slowest, took)
            gone += took < ORPHAN_SECONDS
            for pid in filter(_lives, workers):
                os.kill(pid, signal.SIGKILL)
    return [
        count(
            f"sigterm: nobody serves {ORPHAN_SECONDS:g} s after SIGKILL of the first process",
            gone,
            number,
        ),
        told("sigterm: slowest of these", f"{slowest:.2f} s"),
    ]


def _answers(one: Service) -> bool:
    try:
        with socket.create_connection((HOST, one.port), timeout=1):
            return True
    except OSError:
        return False


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        # One that ended and that nobody waited for is no process that serves.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
