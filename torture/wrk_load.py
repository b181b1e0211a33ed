"""Load that `wrk` makes, which is not ours: requests for lists, at once or with pauses."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from torture.service import HOST, Service

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
    errors.connect + errors.read + errors.write + errors.timeout, summary.duration / 1e6))
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


def ask(
    one: Service,
    texts: list[str],
    folder: Path,
    number: int,
    seconds: int,
    *,
    pause: float = 0.0,
    timed: bool = False,
) -> subprocess.Popen[str]:
    """Begin to ask for lists.

    Args:
        one: The service.
        texts: Bodies, in turn.
        folder: Where the script of wrk is written.
        number: Connections.
        seconds: How long.
        pause: Milliseconds that a connection waits between two requests, in the mean.
        timed: Whether each refusal is timed, with a thread for each connection.

    Returns:
        The process; `result` waits for it.
    """
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


def result(process: subprocess.Popen[str]) -> Load:
    """Wait until it asked enough.

    Args:
        process: What `ask` gave.

    Returns:
        What it saw.

    Raises:
        RuntimeError: wrk did not end well.
    """
    out = process.communicate()[0]
    lines = {line.split(" ")[0]: line.split()[1:] for line in out.splitlines() if line}
    if "FIGURES" not in lines:
        raise RuntimeError(f"wrk did not end well: {out[-2000:]}")
    asked, refused, failed = map(int, lines["FIGURES"][:3])
    untold = int(lines.get("UNTOLD", ["0"])[0])
    times = [float(text) for text in lines.get("REFUSALS", [])]
    return Load(asked - refused, refused, untold, failed, float(lines["FIGURES"][3]), times)
