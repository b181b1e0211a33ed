"""Ten times more requests than can be answered: the usual number is, and the rest is told at once.

The load comes from `wrk`, which is not ours. It is skipped where that is not installed.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from torture.figures import Figure, none, told
from torture.service import HOST, Service, bodies, service, share, small_bundle
from unclicked.bundle import open_bundle
from unclicked.serving.settings import Settings

TIMES = 10
# Clients of a flood; each waits so long between two requests that all together ask the rate,
# without those who stand in the queue.
PEAK_CLIENTS, CLIENTS, PROBES = 64, 1280, 16
QUEUE = Settings.model_fields["queue"].default
SHORT, LONG = 6, 60
ITEMS, DIM = 20_000, 128
LEAST_SHARE = 0.9
REFUSED_MS = 50.0
MOST_MIB = 50.0
CALM_SECONDS = 1.0

# What each thread of wrk runs: requests made ready, in turn, with a pause between them.
ASKING = """
local bodies = { BODIES }
local ready, turn, pause = {}, 0, PAUSE
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
function init()
  math.randomseed(os.time() + 7919 * tonumber(tostring({}):match("0x(%x+)"), 16))
  for place, body in ipairs(bodies) do ready[place] = wrk.format(nil, "/recommend", nil, body) end
  turn = math.random(#ready)
end
if pause > 0 then
  function delay() return math.random(0, 2 * pause) end
end
function request()
  turn = turn % #ready + 1
  return ready[turn]
end
function done(summary)
  local errors = summary.errors
  print(string.format("FIGURES %d %d %d %.3f", summary.requests, errors.status,
    errors.connect + errors.read + errors.write, summary.duration / 1e6))
end
"""
# With one connection in a thread, the time between request and answer is that of one request.
TIMING = """
local ffi = require("ffi")
ffi.cdef[[typedef struct { long s; long n; } moment; int clock_gettime(int, moment *);]]
local moment = ffi.new("moment")
local function clock()
  ffi.C.clock_gettime(1, moment)
  return tonumber(moment.s) + tonumber(moment.n) * 1e-9
end
local ask, tell, asked = request, done, 0
untold, refusals = 0, ""
local threads = {}
function setup(thread) table.insert(threads, thread) end
function request()
  asked = clock()
  return ask()
end
function response(status, headers)
  if status ~= 503 then return end
  if not (headers["retry-after"] or headers["Retry-After"]) then untold = untold + 1 end
  refusals = refusals .. string.format("%.2f ", 1000 * (clock() - asked))
end
function done(summary)
  local sum, times = 0, ""
  for _, one in ipairs(threads) do
    sum = sum + one:get("untold")
    times = times .. one:get("refusals")
  end
  tell(summary)
  print("UNTOLD " .. sum)
  print("REFUSALS " .. times)
end
"""


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
    seconds = LONG if long else SHORT
    with service(bundle) as one:
        return _measure(one, texts, folder, seconds)


def _measure(one: Service, texts: list[str], folder: Path, seconds: int) -> list[Figure]:
    quiet = _alone(one, texts[0], 1.0)
    _load(one, texts, folder, PEAK_CLIENTS, 3)
    before_it = _peaks(one, texts, folder, seconds)
    before, answered = one.memory_mib, _statuses(one)
    pause = 1000 * (CLIENTS - QUEUE) / (TIMES * median(before_it))
    with _watched(one) as most:
        flood, probe = _together(one, texts, folder, seconds, pause)
    ended = time.monotonic()
    others = {
        status: number - answered.get(status, 0)
        for status, number in _statuses(one).items()
        if status not in ("200", "503") and number != answered.get(status, 0)
    }
    after = _alone(one, texts[0], 3.0)
    # All that was answered as before, from the last answer back.
    slow = 2 * share([took for _, took, _ in quiet], 0.99) + 0.02
    late = [when for when, took, status in after if status != 200 or took > slow]
    calm = max(late, default=ended) - ended
    grown = max(most) - before
    # Machines change their speed; a flood between peaks is held against those on both sides.
    peak = median(before_it + _peaks(one, texts, folder, seconds))
    return [
        *_rates(peak, flood, probe),
        none("overload: answers that are neither 200 nor 503", int(sum(others.values()))),
        Figure(
            "overload: memory at most", f"{grown:+.0f} MiB", f"<= {MOST_MIB:g} MiB",
            grown <= MOST_MIB,
        ),
        Figure(
            "overload: as before again", f"after {calm:.2f} s", f"<= {CALM_SECONDS:g} s",
            calm <= CALM_SECONDS,
        ),
    ]  # fmt: skip


def _peaks(one: Service, texts: list[str], folder: Path, seconds: int) -> list[float]:
    """Useful answers a second at the pace of 64 clients, three times."""
    loads = [_load(one, texts, folder, PEAK_CLIENTS, max(3, seconds // 6)) for _ in range(3)]
    return [load.rate for load in loads]


def _rates(peak: float, flood: Load, probe: Load) -> list[Figure]:
    offered = (flood.good + flood.refused) / flood.seconds
    p99 = share(probe.refusals_ms, 0.99)
    return [
        told(f"overload: peak at {PEAK_CLIENTS} clients", f"{peak:,.0f} a second"),
        Figure(
            f"overload: asked by {CLIENTS} clients",
            f"{offered:,.0f} a second, {offered / peak:.1f} times the peak",
            "",
            True,
            flood.seconds,
        ),
        Figure(
            "overload: useful answers",
            f"{flood.rate:,.0f} a second, {flood.rate / peak:.0%} of the peak",
            f">= {LEAST_SHARE:.0%}",
            flood.rate >= LEAST_SHARE * peak,
        ),
        none("overload: timed 503 without Retry-After", probe.untold),
        none("overload: connections that failed", flood.failed + probe.failed),
        Figure(
            f"overload: {len(probe.refusals_ms):,} refusals timed, median, p99",
            f"{share(probe.refusals_ms, 0.5):.1f} ms, {p99:.1f} ms",
            f"p99 < {REFUSED_MS:g} ms",
            p99 < REFUSED_MS,
        ),
    ]


@dataclass(frozen=True)
class Load:
    """What wrk saw.

    Attributes:
        good: Answers of 200.
        refused: Other answers.
        untold: 503 without Retry-After, where that was looked at.
        failed: Connections that could not be made, or broke.
        seconds: How long it asked.
        refusals_ms: Milliseconds to each 503, where that was timed.
    """

    good: int
    refused: int
    untold: int
    failed: int
    seconds: float
    refusals_ms: list[float]

    @property
    def rate(self) -> float:
        """Useful answers a second."""
        return self.good / self.seconds


def _load(one: Service, texts: list[str], folder: Path, number: int, seconds: int) -> Load:
    return _result(_wrk(one, texts, folder, number, seconds))


def _together(
    one: Service, texts: list[str], folder: Path, seconds: int, pause: float
) -> tuple[Load, Load]:
    """A flood, and a few clients whose requests are timed one by one."""
    flood = _wrk(one, texts, folder, CLIENTS, seconds, pause=pause)
    time.sleep(1.0)
    probe = _wrk(one, texts, folder, PROBES, seconds - 2, pause=20, timed=True)
    return _result(flood), _result(probe)


def _wrk(
    one: Service,
    texts: list[str],
    folder: Path,
    number: int,
    seconds: int,
    *,
    pause: float = 0.0,
    timed: bool = False,
) -> subprocess.Popen[str]:
    script = folder / f"wrk-{time.monotonic_ns()}.lua"
    content = ",".join(f"[==[{text}]==]" for text in texts)
    filled = ASKING.replace("BODIES", content).replace("PAUSE", f"{pause:.0f}")
    script.write_text(filled + (TIMING if timed else ""))
    threads = number if timed else 1
    command = ["wrk", f"-t{threads}", f"-c{number}", f"-d{seconds}s", "--timeout", "30s"]
    url = f"http://{HOST}:{one.port}"
    return subprocess.Popen(
        [*command, "-s", str(script), url], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip


def _result(process: subprocess.Popen[str]) -> Load:
    out = process.communicate()[0]
    lines = {line.split(" ")[0]: line.split()[1:] for line in out.splitlines() if line}
    if "FIGURES" not in lines:
        raise RuntimeError(f"wrk did not end well: {out[-2000:]}")
    asked, refused, failed = map(int, lines["FIGURES"][:3])
    untold = int(lines.get("UNTOLD", ["0"])[0])
    times = [float(text) for text in lines.get("REFUSALS", [])]
    return Load(asked - refused, refused, untold, failed, float(lines["FIGURES"][3]), times)


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
