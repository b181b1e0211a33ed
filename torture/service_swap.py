"""New bundles, good and bad, under load: nobody notices but by the model's hash."""

from __future__ import annotations

import json
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torture.figures import Figure, Progress, count, none, told
from torture.service import (
    Service,
    bodies,
    expected,
    service,
    several,
    share,
    small_runs,
)
from torture.service_clients import Seen, clients
from unclicked import artefact
from unclicked.bundle import contents, export_bundle
from unclicked.run import Run
from unclicked.sealed import BUNDLE_KIND

SHORT, LONG = 20, 100
SHORT_REQUESTS, LONG_REQUESTS = 3_000, 100_000
CLIENTS, PAUSE = 16, 0.02
# Users in one body, all of whom must be answered by one model; a batch holds fewer.
TOGETHER, BATCH = 5, 3
RELOAD_SECONDS = 30.0
MOST_MIB = 64.0


def run(long: bool, folder: Path) -> list[Figure]:
    """Swap two models in turn while clients ask, with bad bundles in between.

    Args:
        long: 100 reloads and 100,000 requests instead of 20 and 3,000.
        folder: Where to work.

    Returns:
        Requests that failed or were answered by no one model, reloads that went the wrong way,
        memory and waiting times.
    """
    runs = small_runs(folder, 2)
    made = [export_bundle(one, folder / f"good-{n}").path for n, one in enumerate(runs)]
    hashes = [str(artefact.read_json(one / artefact.MANIFEST)["sha256"]) for one in made]
    asked = several(bodies(runs[0].catalogue.items.values.to_pylist(), 201), TOGETHER)
    answers = {name: expected(one, asked) for name, one in zip(hashes, runs, strict=True)}
    swaps = Swaps(folder, runs, made, hashes)
    number, least = (LONG, LONG_REQUESTS) if long else (SHORT, SHORT_REQUESTS)
    with service(swaps.served, "--watch-seconds", "0.1", "--max-batch", str(BATCH)) as one:
        with clients(
            one.port, asked, folder, number=CLIENTS, pause=PAUSE, answers=answers
        ) as quiet:
            time.sleep(8 if long else 4)
        before = one.memory_mib
        begun = time.perf_counter()
        with clients(one.port, asked, folder, number=CLIENTS, pause=PAUSE, answers=answers) as busy:
            half = swaps.all_of(one, number, least)
        took = time.perf_counter() - begun
        grown = one.memory_mib - before
    seen, memory = [quiet.seen, busy.seen], (half - before, grown)
    return [
        *_answers(seen, least, took),
        *swaps.figures(),
        *_costs(seen, memory, long),
    ]


def _answers(seen: list[Seen], least: int, took: float) -> list[Figure]:
    good = seen[1].counts["200"]
    failed = sum(sum(one.counts.values()) - one.counts["200"] - one.counts["mixed"] for one in seen)
    return [
        Figure("swap: requests during reloads", f"{good:,}", f">= {least:,}", good >= least, took),
        none("swap: failed requests", failed),
        none("swap: answers of no one model", sum(one.counts["mixed"] for one in seen)),
        *(told("swap: wrong", text) for one in seen for text in one.wrong[:3]),
        count("swap: both models answered", len(seen[1].models), 2),
    ]


def _costs(seen: list[Seen], memory: tuple[float, float], long: bool) -> list[Figure]:
    p50, p99 = (
        [1000 * share([took for _, took in one.times], part) for one in seen]
        for part in (0.5, 0.99)
    )
    half, grown = memory
    return [
        Figure(
            "swap: memory after the first and the second half of the reloads",
            f"{half:+.0f} MiB, {grown:+.0f} MiB",
            f"second half adds < {MOST_MIB:g} MiB",
            grown - half < MOST_MIB,
        ),
        told("swap: p50 quiet, with reloads", f"{p50[0]:.1f} ms, {p50[1]:.1f} ms"),
        Figure(
            "swap: p99 quiet, with reloads",
            f"{p99[0]:.1f} ms, {p99[1]:.1f} ms",
            "with reloads <= 2 x quiet" if long else "",
            not long or p99[1] <= 2 * p99[0],
        ),
    ]


class Swaps:
    """Bundles that appear under the served name, one after another.

    Args:
        folder: Where to work.
        runs: Two runs.
        made: Their bundles.
        hashes: And these bundles' hashes.
    """

    def __init__(self, folder: Path, runs: list[Run], made: list[Path], hashes: list[str]) -> None:
        self.folder, self.runs, self.made, self.hashes = folder, runs, made, hashes
        self.served = folder / "served"
        self._number = 0
        self.wrong: list[str] = []
        self.done = {"good": 0, "bad": 0}
        self.kinds: set[str] = set()
        self._link(self._copy(0))

    def all_of(self, one: Service, number: int, least: int) -> float:
        """Swap again and again, spread over the time that the requests take.

        Args:
            one: The service.
            number: Reloads.
            least: Requests that must be answered meanwhile.

        Returns:
            Memory after half of them.
        """
        plan = ["bad"] * (3 * number // 10) + ["good"] * (number - 3 * number // 10 - 1)
        random.Random(11).shuffle(plan)
        progress = Progress("swap", number)
        model, half = 0, 0.0
        before = _answered(one)
        for turn, kind in enumerate([*plan, "good"], start=1):
            if kind == "good":
                model = 1 - model
                self._good(one, model, turn)
            else:
                self._bad(one, model)
            self.done[kind] += 1
            if turn == number // 2:
                half = one.memory_mib
            progress.say(turn, len(self.wrong))
            while _answered(one) - before < least * turn / number:
                time.sleep(0.1)
        return half

    def figures(self) -> list[Figure]:
        """What the reloads were and how many went the wrong way."""
        return [
            told("swap: reloads", f"{self.done['good']} good, {self.done['bad']} bad"),
            told("swap: kinds of bad bundles", ", ".join(sorted(self.kinds))),
            none("swap: reloads that were not counted, named or served", len(self.wrong)),
            *(told("swap: wrong", text) for text in self.wrong[:5]),
        ]

    def _good(self, one: Service, model: int, turn: int) -> None:
        before = _reloads(one)
        if turn % 3 == 0:
            self._link(self._copy(model))
        elif turn % 3 == 1:
            export_bundle(self.runs[model], self.served)
        else:
            artefact.publish(self.served, _copier(self.made[model]))
        self._expect(one, before, "ok", model, f"good, way {turn % 3}")

    def _bad(self, one: Service, model: int) -> None:
        before = _reloads(one)
        name, harm = HARMS[self.done["bad"] % len(HARMS)]
        self.kinds.add(name)
        target = self._copy(1 - model, harm)
        self._link(target)
        self._expect(one, before, "refused", model, name)

    def _expect(
        self, one: Service, before: dict[str, float], result: str, model: int, name: str
    ) -> None:
        """Wait until the reload is counted, and look at what is told of it."""
        key = f'unclicked_reloads_total{{model="main",result="{result}"}}'
        wanted = before | {key: before.get(key, 0) + 1}
        until = time.monotonic() + RELOAD_SECONDS
        while (found := _reloads(one)) != wanted and time.monotonic() < until:
            time.sleep(0.05)
        ready = one.json("/ready")
        sha = one.json("/model")["models"]["main"]["sha256"]
        if found != wanted:
            self.wrong.append(f"{name}: counted {found}, expected {wanted}")
        elif bool(ready["problems"]) != (result == "refused") or ready["status"] != "ready":
            self.wrong.append(f"{name}: /ready says {ready}")
        elif sha != self.hashes[model]:
            self.wrong.append(f"{name}: {sha[:8]} answers, expected {self.hashes[model][:8]}")

    def _copy(self, model: int, harm: Callable[[Path], None] | None = None) -> Path:
        self._number += 1
        target = self.folder / f"bundle-{self._number}"
        if harm in SEALED:
            artefact.publish(target, _copier(self.made[model], harm))
            return target
        shutil.copytree(self.made[model], target)
        if harm is not None:
            harm(target)
        return target

    def _link(self, target: Path) -> None:
        link = self.folder / "link"
        link.symlink_to(target)
        link.replace(self.served)
        old = self.folder / f"bundle-{self._number - 3}"
        shutil.rmtree(old, ignore_errors=True)


def _answered(one: Service) -> float:
    found = one.counted('unclicked_requests_total{route="/recommend",status="200"}')
    return sum(found.values())


def _reloads(one: Service) -> dict[str, float]:
    return one.counted("unclicked_reloads_total")


def _copier(
    made: Path, harm: Callable[[Path], None] | None = None
) -> Callable[[Path], dict[str, Any]]:
    def write(folder: Path) -> dict[str, Any]:
        shutil.copytree(made, folder, dirs_exist_ok=True)
        (folder / artefact.MANIFEST).unlink()
        if harm is not None:
            harm(folder)
        return {"kind": BUNDLE_KIND}

    return write


def _flip(folder: Path) -> None:
    path = folder / contents.WEIGHTS
    content = bytearray(path.read_bytes())
    content[-100] ^= 64
    path.write_bytes(bytes(content))


def _cut(folder: Path) -> None:
    path = folder / contents.CATALOGUE / "items.parquet"
    path.write_bytes(path.read_bytes()[:-10])


def _missing(folder: Path) -> None:
    (folder / contents.GOLDEN).unlink()


def _gone(folder: Path) -> None:
    shutil.rmtree(folder)


def _other_answers(folder: Path) -> None:
    golden = json.loads((folder / contents.GOLDEN).read_text())
    golden[3]["items"] = golden[3]["items"][::-1]
    artefact.write_json(folder / contents.GOLDEN, golden)


def _other_format(folder: Path) -> None:
    facts = json.loads((folder / contents.FACTS).read_text())
    artefact.write_json(folder / contents.FACTS, facts | {"format": 99})


HARMS: list[tuple[str, Callable[[Path], None]]] = [
    ("a flipped bit", _flip),
    ("a file cut short", _cut),
    ("other golden answers, sealed", _other_answers),
    ("another format, sealed", _other_format),
    ("a file missing", _missing),
    ("the folder gone", _gone),
]
# Harmed before the manifest is made, as a careless tool would.
SEALED = (_other_answers, _other_format)
