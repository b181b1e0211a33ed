"""What a figure was measured on."""

from __future__ import annotations

import platform
from pathlib import Path

import torch

from unclicked import __version__
from unclicked.doctor.machine import usable_cores


def machine() -> dict[str, str | int]:
    """The processor with its instruction set, cores, threads and versions.

    Returns:
        Plain values for JSON.
    """
    return {
        "cpu": cpu_name(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "cores": usable_cores(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "unclicked": __version__,
    }


def cpu_name(told: Path = Path("/proc/cpuinfo")) -> str:
    """Name of the processor as the system tells it.

    Args:
        told: Where Linux tells it.

    Returns:
        The name; the machine's kind where it is told nowhere.
    """
    try:
        lines = told.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
