"""The load on the service: what is sent, and what is read of the generator's words."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from unclicked.bench.serve_load import Load, load, read_figures, write_script
from unclicked.errors import UserError

PRINTED = """Running 10s test @ http://127.0.0.1:1/recommend
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency    99.00ms   12.00ms 200.00ms   90.00%
  Latency Distribution
     50%  950.00us
     75%   89.74ms
     90%  192.80ms
     99%    1.50s
  3651 requests in 5.06s, 3.22MB read
Requests/sec:    722.18
"""


def test_figures_are_in_seconds() -> None:
    assert read_figures(PRINTED) == Load(722.18, 0.00095, 1.5)
    assert read_figures(PRINTED.replace("Requests/sec", "nothing")) is None


def test_bodies_are_requests_of_the_wanted_size(tmp_path: Path) -> None:
    ids = [f"i{number}" for number in range(50)]
    write_script(ids, 5, 9, tmp_path / "load.lua")
    text = (tmp_path / "load.lua").read_text(encoding="utf-8")
    bodies = [json.loads(one) for one in re.findall(r"\[==\[(.*?)\]==\]", text)]
    assert len(bodies) == 500
    assert {(len(one["clicked"]), len(one["unclicked"])) for one in bodies} == {(5, 9)}
    assert {item for one in bodies for item in one["clicked"]} <= set(ids)
    assert len({json.dumps(one) for one in bodies}) > 490


def test_a_missing_generator_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="wrk: is not installed"):
        load("http://127.0.0.1:1/", tmp_path / "load.lua", 1, 1)
