"""What a figure was measured on."""

from __future__ import annotations

import platform
from pathlib import Path

import torch

from unclicked import __version__
from unclicked.doctor.machine import usable_cores

# How Linux writes them, and how their makers do.
_ADDITIONS = {
    "avx512_bf16": "BF16",
    "amx_bf16": "AMX",
    "avx512_vnni": "VNNI",
    "avx_vnni": "AVX-VNNI",
}


def machine() -> dict[str, str | int]:
    """The processor with its instruction set, cores, threads and versions.

    Returns:
        Plain values for JSON.
    """
    return {
        "cpu": cpu_name(),
        "instructions": instructions(),
        "cores": usable_cores(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "unclicked": __version__,
    }


def instructions(told: Path = Path("/proc/cpuinfo")) -> str:
    """Instruction set that PyTorch uses, and what it has for numbers of two bytes and of one.

    Args:
        told: Where Linux tells what the processor has.

    Returns:
        The set, such as `AVX512 with BF16, VNNI`; without additions where they are told nowhere.
    """
    flags = next((words for name, words in _told(told) if name == "flags"), "").split()
    more = [word for flag, word in _ADDITIONS.items() if flag in flags]
    base = torch.backends.cpu.get_cpu_capability()
    return f"{base} with {', '.join(more)}" if more else base


def cpu_name(told: Path = Path("/proc/cpuinfo")) -> str:
    """Name of the processor as the system tells it.

    Args:
        told: Where Linux tells it.

    Returns:
        The name; the machine's kind where it is told nowhere.
    """
    names = [words for name, words in _told(told) if name == "model name"]
    return names[0] if names else platform.processor() or platform.machine()


def _told(path: Path) -> list[tuple[str, str]]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    pairs = (line.partition(":") for line in lines)
    return [(name.strip(), words.strip()) for name, _, words in pairs]
