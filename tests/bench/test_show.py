"""Lines of a benchmark, and what it says of the processor."""

from __future__ import annotations

from pathlib import Path

import torch

from unclicked.bench.machine import cpu_name, instructions
from unclicked.bench.ratio import Row
from unclicked.bench.show import as_lines

MACHINE: dict[str, str | int] = {"cpu": "X", "instructions": "AVX2", "threads": 2}


def shown(unit: str, ours: float, theirs: float) -> list[str]:
    row = Row("ours", "theirs", theirs / ours, 0.5, 2.0, 1, unit, ours, theirs)
    return as_lines([row], MACHINE)[1:]


def test_gibibytes_have_two_digits_to_hold_against_a_bound() -> None:
    assert shown("GiB", 1.246, 2.0) == [
        "ours: 1.61 times theirs (0.50 to 2.00 in 1 round)",
        "  1.25 GiB against 2.00 GiB",
    ]
    assert shown("ms", 1246.0, 2492.0)[1] == "  1,246.0 ms against 2,492.0 ms"


def test_what_is_small_does_not_become_nothing() -> None:
    assert shown("of one", 2.6e-3, 1.3e-7) == [
        "ours: 5.0e-05 times theirs (0.50 to 2.00 in 1 round)",
        "  2.6e-03 of one against 1.3e-07 of one",
    ]


def test_additions_of_a_processor_are_named(tmp_path: Path) -> None:
    base = torch.backends.cpu.get_cpu_capability()
    told = tmp_path / "cpuinfo"
    told.write_text("model name\t: Some CPU\nflags\t\t: fpu avx512_vnni sse avx512_bf16\n")
    assert instructions(told) == f"{base} with BF16, VNNI"
    assert cpu_name(told) == "Some CPU"
    told.write_text("flags\t\t: fpu sse avx512_vnnix\n")
    assert instructions(told) == base
    assert instructions(tmp_path / "nowhere") == base
