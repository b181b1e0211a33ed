"""What a process may use here: memory, cores and disk, as the system or a container allows."""

from __future__ import annotations

import os
from pathlib import Path

GIB = 1 << 30
CGROUP = Path("/sys/fs/cgroup")
# A limit beyond this is none; version 1 writes the largest whole number of pages.
_NO_LIMIT = 1 << 60


def free_memory_bytes(cgroup: Path = CGROUP, meminfo: Path = Path("/proc/meminfo")) -> int | None:
    """Memory that a process can still take.

    Args:
        cgroup: Where the container's limits are told.
        meminfo: Where the system tells of its memory.

    Returns:
        Bytes; the smaller of what the system has and what the container leaves. None where nobody
        tells.
    """
    known = [one for one in (_system_memory(meminfo), _container_memory(cgroup)) if one is not None]
    return min(known, default=None)


def _system_memory(meminfo: Path) -> int | None:
    for line in _text(meminfo).splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            return int(value.split()[0]) * 1024
    return None


def _container_memory(cgroup: Path) -> int | None:
    for limit, used, stat, cache in (
        ("memory.max", "memory.current", "memory.stat", "inactive_file"),
        (
            "memory/memory.limit_in_bytes",
            "memory/memory.usage_in_bytes",
            "memory/memory.stat",
            "total_inactive_file",
        ),
    ):
        most, now = _text(cgroup / limit).strip(), _text(cgroup / used).strip()
        if most.isdecimal() and now.isdecimal() and int(most) < _NO_LIMIT:
            # Pages of files that nobody has looked at for long are given back when needed.
            given_back = 0
            for line in _text(cgroup / stat).splitlines():
                name, _, value = line.partition(" ")
                given_back += int(value) if name == cache else 0
            return max(int(most) - int(now) + given_back, 0)
    return None


def usable_cores(cgroup: Path = CGROUP) -> int:
    """Cores that this process may run on at once.

    Args:
        cgroup: Where the container's limits are told.

    Returns:
        At least 1.
    """
    cores = len(os.sched_getaffinity(0))
    quota, _, period = _text(cgroup / "cpu.max").strip().partition(" ")
    if quota.isdecimal() and period.isdecimal() and int(period):
        cores = min(cores, max(round(int(quota) / int(period)), 1))
    return max(cores, 1)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def readable_bytes(count: float) -> str:
    """A number of bytes for people.

    Args:
        count: Bytes.

    Returns:
        Such as `1.5 GiB`.

    Example:
        >>> readable_bytes(1536 * 1024**2), readable_bytes(20 * 1024**2)
        ('1.5 GiB', '20 MiB')
    """
    return f"{count / GIB:.1f} GiB" if count >= GIB else f"{count / (1 << 20):.0f} MiB"
