"""A side of a benchmark in a process of its own, where its peak of memory is nobody else's."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from unclicked.errors import UserError

GIB = 2**30
STATUS: Final = Path("/proc/self/status")
CLEAR: Final = Path("/proc/self/clear_refs")
# What Linux takes as: the peak so far is the memory held now.
FORGET_PEAK = "5"


@dataclass(frozen=True)
class Told:
    """What a child tells.

    Attributes:
        result: What the function gave.
        before: Resident memory when `ready` was called, in bytes.
        peak: Its peak after that, in bytes.
    """

    result: Any
    before: int
    peak: int


def peak_bytes() -> int:
    """Largest resident memory of this process since its peak was last forgotten.

    Returns:
        Bytes.

    Raises:
        UserError: Where the system is not Linux.
    """
    try:
        lines = STATUS.read_text(encoding="ascii").splitlines()
    except OSError:
        found = f"found no {STATUS}, expected Linux. Measure memory on Linux."
        raise UserError("BENCH-MEMORY", "bench", found) from None
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def run_alone(function: Callable[..., Any], *given: Any) -> Told:
    """Call a function in a fresh process.

    Args:
        function: A function of a module; it is given `ready`, which it calls when what both sides
            have in common is built, then `given`.
        *given: Further arguments.

    Returns:
        Its result and the process's peaks.

    Raises:
        RuntimeError: If the process ends without a result.
    """
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=_child, args=(there, function, given))
    child.start()
    there.close()
    try:
        told: Told = here.recv()
    except EOFError:
        child.join()
        raise RuntimeError(f"a side ended with {child.exitcode} and no result") from None
    child.join()
    return told


def _child(there: Any, function: Callable[..., Any], given: tuple[Any, ...]) -> None:
    before = [peak_bytes()]

    def ready() -> None:
        CLEAR.write_text(FORGET_PEAK, encoding="ascii")
        before[0] = peak_bytes()

    result = function(ready, *given)
    there.send(Told(result, before[0], peak_bytes()))
