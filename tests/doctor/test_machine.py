"""What a container leaves is told, not what the machine has."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from unclicked.doctor.machine import free_memory_bytes, readable_bytes, usable_cores

GIB = 1 << 30


@pytest.fixture
def meminfo(tmp_path: Path) -> Path:
    """A machine with 10 GiB available."""
    path = tmp_path / "meminfo"
    path.write_text(f"MemTotal:  {16 * GIB // 1024} kB\nMemAvailable:  {10 * GIB // 1024} kB\n")
    return path


def test_the_system_alone(tmp_path: Path, meminfo: Path) -> None:
    assert free_memory_bytes(tmp_path / "none", meminfo) == 10 * GIB
    assert free_memory_bytes(tmp_path / "none", tmp_path / "nothing") is None


def test_a_container_of_version_two(tmp_path: Path, meminfo: Path) -> None:
    (tmp_path / "memory.max").write_text(f"{4 * GIB}\n")
    (tmp_path / "memory.current").write_text(f"{3 * GIB}\n")
    (tmp_path / "memory.stat").write_text(f"anon 5\ninactive_file {GIB}\n")
    assert free_memory_bytes(tmp_path, meminfo) == 2 * GIB
    (tmp_path / "memory.max").write_text("max\n")
    assert free_memory_bytes(tmp_path, meminfo) == 10 * GIB


def test_a_container_of_version_one(tmp_path: Path, meminfo: Path) -> None:
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text(f"{4 * GIB}")
    (tmp_path / "memory" / "memory.usage_in_bytes").write_text(f"{3 * GIB}")
    assert free_memory_bytes(tmp_path, meminfo) == GIB
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text(str((1 << 63) - 4096))
    assert free_memory_bytes(tmp_path, meminfo) == 10 * GIB


def test_cores(tmp_path: Path) -> None:
    own = len(os.sched_getaffinity(0))
    assert usable_cores(tmp_path) == own
    (tmp_path / "cpu.max").write_text("100000 100000\n")
    assert usable_cores(tmp_path) == 1
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert usable_cores(tmp_path) == own


def test_readable() -> None:
    assert readable_bytes(5 * (1 << 20)) == "5 MiB"
    assert readable_bytes(2.5 * GIB) == "2.5 GiB"
