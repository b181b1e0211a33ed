"""The process of one cell: train it, or go on with it, and judge it where that is asked.

Started as `python -m unclicked.reproduce.worker FOLDER PARENT`; PARENT is the number of the process
that starts it, with which it ends.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from unclicked import sealed
from unclicked.config import Config
from unclicked.data.dataset import PreparedDataset
from unclicked.errors import NumericError, UnclickedError
from unclicked.evaluation import evaluate
from unclicked.reproduce.cell import DONE, ORDER, RUN, TOP_K, is_judged, write_outcome
from unclicked.run import open_run
from unclicked.settings import resolve
from unclicked.start import train
from unclicked.training.log import read_log_lines
from unclicked.training.loop import Stopped


def work(folder: Path) -> None:
    """Do what the order of a cell says, as far as it is not done.

    Args:
        folder: Folder of the cell.

    Raises:
        UnclickedError: Training or judging failed; numbers that broke are kept as an outcome.
        Stopped: The process was asked to stop and has saved.
    """
    order = sealed.read_json(folder / ORDER)
    sealed.check_seal(folder / ORDER, order)
    dataset = PreparedDataset.open(order["dataset"])
    run = folder / RUN
    if not (folder / DONE).exists():
        config = resolve(order["config"])
        write_outcome(folder, _trained(dataset, run, config, order))
    done = sealed.read_json(folder / DONE)
    if done["failed"]:
        return
    for split in order["judge"]:
        if not is_judged(run, split):
            evaluate(open_run(run, device=order["device"]), dataset, split=split, top_k=TOP_K)


def _trained(
    dataset: PreparedDataset, run: Path, config: Config, order: dict[str, Any]
) -> dict[str, Any]:
    started, failed, best = time.monotonic(), "", 0.0
    try:
        best = train(
            dataset,
            run,
            config,
            preset=order["preset"],
            resume=(run / "run.json").is_file(),
            warn=lambda text: _say(f"warning: {text}"),
            device=order["device"],
        )
    except NumericError as error:
        # A setting under which training breaks is a finding of a sweep, not the end of it.
        failed = str(error)
    seconds = time.monotonic() - started
    lines = read_log_lines(run / "log.jsonl") if (run / "log.jsonl").exists() else []
    epochs = [line for line in lines if line["kind"] == "epoch"]
    # After a stop the earlier epochs' time counts too.
    seconds = max(seconds, sum(float(line.get("seconds", 0.0)) for line in epochs))
    return {"validation": best, "epochs": len(epochs), "seconds": seconds, "failed": failed}


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _leave_with(parent: int) -> None:
    """Save and end as by SIGTERM once the process that started this one is gone."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os.kill(os.getpid(), signal.SIGTERM)


def main(folder: Path) -> int:
    """Do a cell and say in one line why where it does not end well.

    Args:
        folder: Folder of the cell.

    Returns:
        The exit code of the process.
    """
    try:
        work(folder)
    except UnclickedError as error:
        _say(str(error))
        return error.exit_code
    except Stopped as error:
        _say(str(error))
        return error.exit_code
    return 0


if __name__ == "__main__":
    threading.Thread(target=_leave_with, args=(int(sys.argv[2]),), daemon=True).start()
    code = main(Path(sys.argv[1]))
    # Past the interpreter's teardown, where a thread of a library may turn success into a crash.
    os._exit(code)
