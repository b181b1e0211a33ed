"""Limits as their formulas say, set in a process that can spare it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from unclicked.data.reader_limits import ReadLimits, cpu_seconds


@pytest.mark.parametrize(
    ("memory_gib", "file_bytes", "expected"),
    [(0.0, 0, 3 << 29), (0.0, 1000, (3 << 29) + 4000), (2.0, 10**12, 2 << 30), (0.5, 0, 1 << 29)],
)
def test_memory(memory_gib: float, file_bytes: int, expected: int) -> None:
    assert ReadLimits(memory_gib=memory_gib).memory_bytes(file_bytes) == expected


@pytest.mark.parametrize(
    ("max_expansion", "expected"), [(100.0, (256 << 20) + 100_000), (0.5, (256 << 20) + 500)]
)
def test_decoded(max_expansion: float, expected: int) -> None:
    assert ReadLimits(max_expansion=max_expansion).decoded_bytes(1000) == expected


def test_seconds() -> None:
    assert [cpu_seconds(size) for size in (0, 499_999, 10**9)] == [300, 300, 2300]


def test_limits_hold_and_never_rise_above_the_callers() -> None:
    code = (
        "import mmap, resource\n"
        "from unclicked.data.reader_limits import apply\n"
        "resource.setrlimit(resource.RLIMIT_CPU, (50, 60))\n"
        "apply(1 << 30, 1000)\n"
        "print(*(resource.getrlimit(k)[0] for k in (resource.RLIMIT_CPU, resource.RLIMIT_AS)))\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE)[0])\n"
        "try:\n"
        "    mmap.mmap(-1, 3 << 29)\n"
        "except OSError:\n"
        "    print('refused')\n"
        "apply(4 << 30, 50)\n"
        "print(len(mmap.mmap(-1, 3 << 29)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["60", str(1 << 30), "0", "refused", str(3 << 29)], done.stderr
