"""The project names no machine, no registry and nothing left undone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

# Spelled so that this file does not hold what it looks for.
FORBIDDEN = {
    "a path of one machine": re.compile(r"(?<![\w.~-])/(?:work|root|opt|home/\w+|Users/\w+)/"),
    "a registry's host": re.compile(
        r"pypi[.]org|pythonhosted[.]org|download[.]pytorch[.]org|registry[.]npmjs|anaconda[.]org",
        re.IGNORECASE,
    ),
    "something left undone": re.compile(r"\b(?:TO[D]O|FIX[M]E|XX[X])\b"),
}


def faults(text: str) -> list[tuple[int, str]]:
    """Line number and fault of each line that holds a forbidden word."""
    return [
        (number, fault)
        for number, line in enumerate(text.splitlines(), start=1)
        for fault, pattern in FORBIDDEN.items()
        if pattern.search(line)
    ]


def test_no_file_holds_them(root: Path, project_files: list[Path]) -> None:
    found = []
    for path in project_files:
        content = path.read_bytes()
        if b"\0" in content[:8192]:
            continue
        found += [
            f"{path.relative_to(root)}:{number}: {fault}"
            for number, fault in faults(content.decode("utf-8"))
        ]
    assert found == []


@pytest.mark.parametrize(
    "line",
    ["see /wo" + "rk/x", "'/ho" + "me/ann/x'", "https://py" + "pi.org/simple", "# TO" + "DO later"],
)
def test_they_are_noticed(line: str) -> None:
    assert len(faults(line)) == 1


@pytest.mark.parametrize("line", ["docs/work/a.md", "a framework/x", "todos", "~/work/log.csv"])
def test_others_pass(line: str) -> None:
    assert faults(line) == []
