"""Tables kept by TorchRec against local ones; skipped where TorchRec is not installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("torchrec") is None, reason="torchrec is not installed"),
]

ROOT = Path(__file__).parents[2]
CASES: dict[str, tuple[int, dict[str, Any]]] = {
    "symmetric": (2, {}),
    "capped": (2, {"metric_grad_cap": 0.1, "intermediate_margin": 1.0, "use_user_id": True}),
    "three ranks, some tables local": (3, {"tie_item_vectors": True, "metric": "infonce"}),
}


@pytest.mark.parametrize("case", CASES)
def test_fifty_steps_give_the_losses_and_weights_of_local_tables(case: str) -> None:
    count, settings = CASES[case]
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)]
    child = ["-m", "tests.training.sharded_child", json.dumps(settings)]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", *launcher, *child],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))
    assert found["same"]
    assert found["filled"]
    assert found["tables"] >= 1
    assert found["losses"] < 1e-5
    assert found["weights"] < 1e-5
    # It is no comparison of two models that stand still.
    assert found["loss"][1] < found["loss"][0]
