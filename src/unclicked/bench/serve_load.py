"""Load from `wrk`, a generator that is not ours: bodies drawn once, one script for both sides."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unclicked.errors import UserError

BODIES = 500
_SCRIPT = """
local bodies = {{
{bodies}
}}
local turn = 0
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
function request()
  turn = turn + 1
  return wrk.format(nil, "/recommend", nil, bodies[(turn % #bodies) + 1])
end
"""
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


@dataclass(frozen=True)
class Load:
    """What a run of the generator found.

    Attributes:
        rate: Requests in a second.
        p50: Seconds within which half of them were answered.
        p99: Seconds within which 99 of 100 were.
    """

    rate: float
    p50: float
    p99: float


def write_script(ids: Sequence[Any], clicked: int, unclicked: int, path: Path) -> None:
    """Write the script that sends the requests.

    Args:
        ids: Item ids, the most clicked first; these are drawn more often.
        clicked: Clicked items in a request.
        unclicked: Unclicked items in a request.
        path: File to write.
    """
    rng = np.random.default_rng(1)
    bodies = []
    for _ in range(BODIES):
        drawn = (len(ids) * rng.random(clicked + unclicked) ** 2).astype(np.int64).tolist()
        items = [ids[place] for place in drawn]
        body = {"clicked": items[:clicked], "unclicked": items[clicked:], "top_k": 10}
        bodies.append(f"[==[{json.dumps(body)}]==],")
    path.write_text(_SCRIPT.format(bodies="\n".join(bodies)), encoding="utf-8")


def load(url: str, script: Path, clients: int, seconds: int) -> Load:
    """Let clients ask for a while, each as soon as it has its answer.

    Args:
        url: Where /recommend is.
        script: What `write_script` wrote.
        clients: Connections that are kept.
        seconds: For how long.

    Returns:
        What was found.

    Raises:
        UserError: If `wrk` is not installed, or answers were no lists.
    """
    program = shutil.which("wrk")
    if program is None:
        raise UserError("BENCH-WRK", "wrk", "is not installed; Debian's package is wrk.")
    words = [program, "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "10s", "--latency"]
    done = subprocess.run(
        [*words, "-s", str(script), url], capture_output=True, text=True, check=False
    )
    found = done.stdout
    if done.returncode or "Non-2xx" in found or "Socket errors" in found:
        raise UserError("BENCH-LOAD", url, f"did not answer all requests: {found[-300:]}")
    figures = read_figures(found)
    if figures is None:
        raise UserError("BENCH-LOAD", program, f"printed no figures: {found[-600:]}")
    return figures


def read_figures(text: str) -> Load | None:
    """Figures that the generator printed.

    Args:
        text: What it printed.

    Returns:
        The figures; None where there are none.

    Example:
        >>> read_figures("  50%  7.50ms\\n  99%  1.20s\\nRequests/sec:  110.04\\n")
        Load(rate=110.04, p50=0.0075, p99=1.2)
    """
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    p50, p99 = (_latency(text, percent) for percent in ("50", "99"))
    if rate is None or p50 is None or p99 is None:
        return None
    return Load(float(rate[1]), p50, p99)


def _latency(text: str, percent: str) -> float | None:
    line = re.search(rf"^\s+{percent}%\s+([\d.]+)(us|ms|s|m)\s*$", text, re.MULTILINE)
    return None if line is None else float(line[1]) * _SECONDS[line[2]]
