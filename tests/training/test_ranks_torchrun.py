"""The verb `train` under torchrun: the same as one process, one writer, a rank that is killed."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from unclicked import artefact
from unclicked.data.dataset import PreparedDataset
from unclicked.run import read_facts
from unclicked.training.checkpoint import list_checkpoints
from unclicked.training.log import read_log_lines

pytestmark = pytest.mark.slow

SETTINGS = [
    "model.dim=16",
    "model.metric=symmetric",
    "model.encoder_options.dropout=0.0",
    "train.max_epochs=2",
    "train.num_buckets=2",
    "train.batch_size=32",
    "train.num_negatives=50",
    # A small one divides small gradients by themselves: their rounding becomes a step.
    "train.initial_accumulator=0.1",
    # After every step, so that a killed run has one to go on from.
    "train.checkpoint_minutes=1e-6",
]
PATIENCE_SECONDS = 30.0


def command(data: Path, run: Path, *more: str, ranks: int = 2) -> list[str]:
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks)]
    settings = [part for one in SETTINGS for part in ("--set", one)]
    start = [sys.executable, *(launcher if ranks > 1 else [])]
    return [*start, "-m", "unclicked", "train", str(data), "--out", str(run), *settings, *more]


def train(data: Path, run: Path, *more: str, ranks: int = 2) -> subprocess.CompletedProcess[str]:
    given = {
        "capture_output": True,
        "text": True,
        "timeout": 300,
        "env": os.environ | {"OMP_NUM_THREADS": "1"},
    }
    return subprocess.run(command(data, run, *more, ranks=ranks), check=False, **given)


def content(run: Path) -> tuple[dict[str, bytes], list[dict[str, Any]]]:
    """Tensors of all checkpoints that are kept, and the log without what a clock says."""
    files = {
        f"{folder.name}/{path.name}": path.read_bytes()
        for folder in list_checkpoints(run)
        for path in folder.glob("*.safetensors")
    }
    times = ("seconds", "rows_per_second")
    lines = read_log_lines(run / "log.jsonl")
    return files, [{k: v for k, v in line.items() if k not in times} for line in lines]


@pytest.fixture(scope="module")
def two(tiny_data: PreparedDataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("two") / "run"
    done = train(tiny_data.path, run, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["run"] == str(run)
    return run


def test_two_ranks_train_what_one_process_trains(
    tiny_data: PreparedDataset, two: Path, tmp_path: Path
) -> None:
    alone = tmp_path / "run"
    assert train(tiny_data.path, alone, ranks=1).returncode == 0
    ours, theirs = (read_log_lines(run / "log.jsonl") for run in (alone, two))
    assert len(ours) == len(theirs) > 15
    for one, other in zip(ours, theirs, strict=True):
        assert one.keys() == other.keys()
        for name in ("step", "epoch", "num_rows", "validation_HR@50"):
            assert one.get(name) == other.get(name)
        for name in ("ranking_loss", "metric_loss", "metric_scale", "grad_norm", "gate_low"):
            if name in one:
                assert other[name] == pytest.approx(one[name], rel=2e-5)
    weights, same = (load_file(list_checkpoints(r)[0] / "model.safetensors") for r in (alone, two))
    apart = {name: float((one - same[name]).abs().max()) for name, one in weights.items()}
    assert max(apart.values()) < 1e-5, apart
    assert read_facts(two).machine["processes"] == 2


def worker(run: Path, rank: int) -> int:
    """Process of a rank that trains into a folder."""
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            told = (folder / "environ").read_bytes().split(b"\0")
            asked = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if f"RANK={rank}".encode() in told and str(run).encode() in asked:
            return int(folder.name)
    raise AssertionError(f"no rank {rank} trains into {run}")


@pytest.fixture
def running(tiny_data: PreparedDataset, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Two ranks that train into `tmp_path / "run"` and have done some steps."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    run = tmp_path / "run"
    with subprocess.Popen(
        command(tiny_data.path, run),
        text=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment,
    ) as started:
        try:
            until = time.monotonic() + 120
            while not any(int(one.name) >= 3 for one in list_checkpoints(run)):
                assert started.poll() is None
                assert time.monotonic() < until
                time.sleep(0.01)
            yield started
        finally:
            started.kill()


@pytest.mark.parametrize("rank", [0, 1])
def test_a_killed_rank_stops_all_and_resuming_is_bit_for_bit_straight(
    tiny_data: PreparedDataset,
    two: Path,
    running: subprocess.Popen[str],
    tmp_path: Path,
    rank: int,
) -> None:
    run = tmp_path / "run"
    other = worker(run, 1 - rank)
    os.kill(worker(run, rank), signal.SIGKILL)
    killed = time.monotonic()
    said = running.communicate(timeout=120)[1]
    assert time.monotonic() - killed < PATIENCE_SECONDS
    assert running.returncode == 1
    assert not Path(f"/proc/{other}").exists()
    assert re.search(
        rf"error\[RANKS\] rank {1 - rank} of 2: another process ended .*--resume", said
    )
    step = max(int(one.name) for one in list_checkpoints(run))
    assert step < max(int(one.name) for one in list_checkpoints(two))
    again = train(tiny_data.path, run, "--resume")
    assert again.returncode == 0, again.stderr
    assert content(run) == content(two)


def test_a_rank_that_hangs_stops_the_others(running: subprocess.Popen[str], tmp_path: Path) -> None:
    stuck, other = (worker(tmp_path / "run", rank) for rank in (1, 0))
    os.kill(stuck, signal.SIGSTOP)
    stopped = time.monotonic()
    try:
        while Path(f"/proc/{other}").exists():
            assert time.monotonic() - stopped < PATIENCE_SECONDS
            time.sleep(0.1)
    finally:
        # The launcher would wait for it half a minute more before it kills it.
        os.kill(stuck, signal.SIGCONT)
    said = running.communicate(timeout=60)[1]
    assert running.returncode == 1
    assert "error[RANKS] rank 0 of 2: another process ended or does not answer" in said


def test_a_stop_saves_once_and_goes_on(
    tiny_data: PreparedDataset, two: Path, running: subprocess.Popen[str], tmp_path: Path
) -> None:
    os.kill(worker(tmp_path / "run", 1), signal.SIGTERM)
    running.communicate(timeout=60)
    assert running.returncode != 0
    again = train(tiny_data.path, tmp_path / "run", "--resume")
    assert again.returncode == 0, again.stderr
    assert content(tmp_path / "run") == content(two)


def test_the_first_rank_alone_talks_and_says_what_is_busy_or_full(
    tiny_data: PreparedDataset, two: Path
) -> None:
    with artefact.lock(two):
        busy = train(tiny_data.path, two, "--resume")
    full = train(tiny_data.path, two)
    for refused, name in ((busy, "BUSY"), (full, "OUT")):
        assert refused.returncode == 1
        assert refused.stderr.count(f"error[{name}]") == 1
    finished = train(tiny_data.path, two, "--resume")
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.count("best validation") == 1


def test_another_number_of_processes_is_said(tiny_data: PreparedDataset, two: Path) -> None:
    again = train(tiny_data.path, two, "--resume", ranks=1)
    assert again.returncode == 0
    assert "started with processes 2, now 1" in again.stderr


def test_the_page_shows_commands_that_run(tmp_path: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "many-machines.md"
    block = re.search(r"^```bash\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert block is not None
    programs = {"unclicked": ["unclicked"], "torchrun": ["torch.distributed.run"]}
    lines = [shlex.split(line) for line in block[1].splitlines()]
    assert sum(line[0] == "torchrun" for line in lines) == 2
    for program, *words in lines:
        given = [sys.executable, "-m", *programs[program], *words]
        done = subprocess.run(given, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert read_facts(tmp_path / "run").machine["processes"] == 2
