"""Ten times more requests than can be answered: the usual number is, and the rest is told at once.

The load comes from `wrk`, which is not ours. It is skipped where that is not installed.
"""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from statistics import median

from torture.figures import Figure, Progress, none, told
from torture.service import Service, bodies, service, share, small_bundle
from torture.wrk_load import Load, ask, result
from unclicked.bundle import open_bundle
from unclicked.serving.settings import Settings

# Clients come back a little later than their pause says: eleven times asked is ten times got.
TIMES = 11
# Clients of a flood; each waits so long between two requests that all together ask the rate,
# without those who stand in the queue.
PEAK_CLIENTS, CLIENTS, PROBES = 64, 1280, 16
QUEUE = Settings.model_fields["queue"].default
# Seconds of a flood, and how many there are. Between floods stands a peak of a sixth of that.
SHORT, LONG = (6, 1), (60, 5)
ITEMS, DIM = 20_000, 128
LEAST_SHARE = 0.9
REFUSED_MS = 50.0
MOST_MIB = 50.0
# How the service counts requests whose client hung up: nobody was answered.
GONE = "499"
CALM_SECONDS = 1.0


def run(long: bool, folder: Path) -> list[Figure]:
    """Ask at the pace of 64 clients, then ten times as fast, then one client alone.

    Args:
        long: 60 seconds instead of 6.
        folder: Where to work.

    Returns:
        Useful answers against the peak, refusals, memory, and when all is as before.
    """
    if shutil.which("wrk") is None:
        return [told("overload: skipped", "wrk is not installed (https://github.com/wg/wrk)")]
    # A catalogue of some size: of a tiny one, a list costs no more than a refusal.
    bundle = small_bundle(folder, num_items=ITEMS, dim=DIM)
    ids = open_bundle(bundle).catalogue.items.values.to_pylist()
    texts = [json.dumps(one) for one in bodies(ids, 200, history=150)]
    seconds, rounds = LONG if long else SHORT
    with service(bundle) as one:
        return _measure(one, texts, folder, seconds, rounds)


def _measure(
    one: Service, texts: list[str], folder: Path, seconds: int, rounds: int
) -> list[Figure]:
    quiet = _alone(one, texts[0], 1.0)
    # All that was answered as before, from the last answer back.
    slow = 2 * share([took for _, took, _ in quiet], 0.99) + 0.02
    _load(one, texts, folder, PEAK_CLIENTS, 3)
    # Memory moves with the batch under way: the most of a flood is held against the most of the
    # peak before it.
    with _watched(one) as usual:
        peaks = [_peak(one, texts, folder, seconds)]
    usuals, mosts = [max(usual)], []
    answered = _statuses(one)
    pause = 1000 * (CLIENTS - QUEUE) / (TIMES * peaks[0])
    floods: list[tuple[Load, Load]] = []
    progress = Progress("overload", rounds)
    calm = []
    for number in range(rounds):
        with _watched(one) as most:
            floods.append(_together(one, texts, folder, seconds, pause))
        mosts.append(max(most))
        ended = time.monotonic()
        after = _alone(one, texts[0], 3.0)
        late = [when for when, took, status in after if status != 200 or took > slow]
        calm.append(max(late, default=ended) - ended)
        with _watched(one) as usual:
            peaks.append(_peak(one, texts, folder, seconds))
        usuals.append(max(usual))
        progress.say(number + 1, 0)
    others = {
        status: number - answered.get(status, 0)
        for status, number in _statuses(one).items()
        if status not in ("200", "503", GONE) and number != answered.get(status, 0)
    }
    gone = int(_statuses(one).get(GONE, 0) - answered.get(GONE, 0))
    return [
        *_rates(peaks, floods),
        none("overload: answers that are neither 200 nor 503", int(sum(others.values()))),
        told("overload: requests whose client hung up at the end of its load", f"{gone:,}"),
        *_memory(usuals, mosts),
        Figure(
            "overload: as before again", f"after {max(calm):.2f} s", f"<= {CALM_SECONDS:g} s",
            max(calm) <= CALM_SECONDS,
        ),
    ]  # fmt: skip


def _peak(one: Service, texts: list[str], folder: Path, seconds: int) -> float:
    """Useful answers a second at the pace of 64 clients."""
    return _load(one, texts, folder, PEAK_CLIENTS, max(3, seconds // 6)).rate


def _rates(peaks: list[float], floods: list[tuple[Load, Load]]) -> list[Figure]:
    # Machines change their speed: each flood is held against the peaks on both of its sides.
    beside = [(one + other) / 2 for one, other in pairwise(peaks)]
    times = [
        (flood.good + flood.refused) / flood.seconds / peak
        for (flood, _), peak in zip(floods, beside, strict=True)
    ]
    useful = [flood.rate / peak for (flood, _), peak in zip(floods, beside, strict=True)]
    refusals = [taken for _, probe in floods for taken in probe.refusals_ms]
    p99 = share(refusals, 0.99)
    return [
        told(
            f"overload: peaks at {PEAK_CLIENTS} clients",
            f"{median(peaks):,.0f} a second ({min(peaks):,.0f} to {max(peaks):,.0f})",
        ),
        Figure(
            f"overload: asked by {CLIENTS} clients",
            f"{median(times):.1f} times the peak ({min(times):.1f} to {max(times):.1f})",
            "",
            True,
            sum(flood.seconds for flood, _ in floods),
        ),
        Figure(
            f"overload: useful answers, median of {len(floods)}",
            f"{median(useful):.0%} of the peak ({min(useful):.0%} to {max(useful):.0%})",
            f">= {LEAST_SHARE:.0%}",
            median(useful) >= LEAST_SHARE,
        ),
        none("overload: timed 503 without Retry-After", sum(probe.untold for _, probe in floods)),
        none(
            "overload: connections that failed",
            sum(flood.failed + probe.failed for flood, probe in floods),
        ),
        Figure(
            f"overload: {len(refusals):,} refusals timed, median, p99",
            f"{share(refusals, 0.5):.1f} ms, {p99:.1f} ms",
            f"p99 < {REFUSED_MS:g} ms",
            p99 < REFUSED_MS,
        ),
    ]


def _memory(usuals: list[float], mosts: list[float]) -> list[Figure]:
    grown = max(most - usual for most, usual in zip(mosts, usuals[:-1], strict=True))
    at_peaks, in_floods = (", ".join(f"{one:.0f}" for one in all_) for all_ in (usuals, mosts))
    return [
        Figure(
            "overload: memory at most in a flood, above that at the peak before it",
            f"{grown:+.0f} MiB",
            f"<= {MOST_MIB:g} MiB",
            grown <= MOST_MIB,
        ),
        told("overload: memory at each peak, the first before all floods", f"{at_peaks} MiB"),
        told("overload: memory in each flood", f"{in_floods} MiB"),
        told(
            "overload: the most of all, above the first peak", f"{max(mosts) - usuals[0]:+.0f} MiB"
        ),
    ]


def _load(one: Service, texts: list[str], folder: Path, number: int, seconds: int) -> Load:
    return result(ask(one, texts, folder, number, seconds))


def _together(
    one: Service, texts: list[str], folder: Path, seconds: int, pause: float
) -> tuple[Load, Load]:
    """A flood, and a few clients whose requests are timed one by one."""
    flood = ask(one, texts, folder, CLIENTS, seconds, pause=pause)
    time.sleep(1.0)
    probe = ask(one, texts, folder, PROBES, seconds - 2, pause=20, timed=True)
    return result(flood), result(probe)


def _statuses(one: Service) -> dict[str, float]:
    found = one.counted('unclicked_requests_total{route="/recommend"')
    return {key.split('"')[3]: number for key, number in found.items()}


def _alone(one: Service, text: str, seconds: float) -> list[tuple[float, float, int]]:
    """One client: when each of its requests ended, the seconds it took, and the status."""
    body = json.loads(text)
    found = []
    until = time.monotonic() + seconds
    while (begun := time.monotonic()) < until:
        status = one.ask("POST", "/recommend", body)[0]
        found.append((time.monotonic(), time.monotonic() - begun, status))
        time.sleep(0.02)
    return found


@contextmanager
def _watched(one: Service) -> Iterator[list[float]]:
    """Memory of a service, looked at while the block runs."""
    found = [one.memory_mib]
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(0.5):
            found.append(one.memory_mib)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        stop.set()
        thread.join()
        found.append(one.memory_mib)
